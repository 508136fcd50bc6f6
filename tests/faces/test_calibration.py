"""The verdict: monotone in what speaks for a face, and near certainty only where all agree."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam_mask_service.faces.calibration import Heard, Observation, confidence
from sam_mask_service.faces.ensemble import YUNET
from sam_mask_service.faces.tuning.search import HIGH, NORMAL, Preset
from sam_mask_service.faces.tuning.verdict import CALIBRATION

FACE = Observation(total=2.4, best=0.9, presence=0.99, shift=0.01)
HAND = Observation(total=0.5, best=0.5, presence=0.02, shift=0.08)
UNSEEN = (Heard(YUNET.weights, 0.0),)
shares = st.floats(0, 1)
evidence = st.builds(
    Observation,
    total=st.floats(0.3, 5),
    best=shares,
    presence=shares,
    shift=st.floats(0, 5),
    heard=st.just(()) | st.builds(lambda score: (Heard(YUNET.weights, score),), st.floats(0, 1)),
    bordered=st.booleans(),
    straight=st.none() | st.floats(0, 1),
)


def heard(*scores: float) -> tuple[Heard, ...]:
    return tuple(Heard(YUNET.weights, score) for score in scores)


def test_a_face_and_a_hand() -> None:
    assert confidence(FACE) > 0.99
    assert confidence(HAND) < 0.1


@given(evidence, st.sampled_from(["total", "best", "presence"]), st.floats(0, 0.5))
def test_more_evidence_never_makes_it_less_sure(e: Observation, name: str, more: float) -> None:
    stronger = replace(e, **{name: getattr(e, name) + more})
    assert 0 <= confidence(e) <= confidence(stronger) <= 1


@given(evidence, st.floats(0, 1))
def test_an_unsteady_mesh_never_makes_it_surer(e: Observation, more: float) -> None:
    assert confidence(replace(e, shift=e.shift + more)) <= confidence(e)


@pytest.mark.parametrize(
    ("change", "surer"),
    [
        ({"bordered": True}, False),
        ({"straight": 0.0}, False),
        ({"heard": UNSEEN}, False),
        ({"presence": 0.0}, False),
    ],
)
def test_each_doubt_counts(change: dict[str, Any], surer: bool) -> None:
    weaker = Observation(total=1.2, best=0.7, presence=0.8, shift=0.02)
    assert (confidence(replace(weaker, **change)) > confidence(weaker)) == surer


def test_a_tilted_face_that_stands_upright_in_its_own_window_is_believed() -> None:
    tilted = Observation(total=0.6, best=0.4, presence=0.98, shift=0.02)
    assert confidence(replace(tilted, straight=0.8)) > 0.8
    assert confidence(replace(tilted, straight=0.0)) < 0.2


@given(evidence, st.just(0.0) | shares)
def test_yunet_takes_no_sure_face_away(e: Observation, score: float) -> None:
    """Whatever it saw or did not see: it may have looked too coarsely, as once at a strip."""
    alone, together = confidence(replace(e, heard=())), confidence(replace(e, heard=heard(score)))
    assert together >= alone or alone < CALIBRATION.sure_alone


@pytest.mark.parametrize("preset", [NORMAL, HIGH], ids=["normal", "high"])
def test_a_face_that_is_sure_without_yunet_passes_every_threshold_with_it(preset: Preset) -> None:
    assert max(preset.joined.alone, preset.joined.company, preset.turned.alone) <= CALIBRATION.sure_alone


@given(evidence)
def test_yunets_silence_is_a_doubt(e: Observation) -> None:
    assert confidence(replace(e, heard=UNSEEN)) <= confidence(replace(e, heard=()))


@given(shares, shares)
def test_yunets_score_orders(a: float, b: float) -> None:
    low, high = sorted([max(0.01, a), max(0.01, b)])
    assert confidence(replace(FACE, heard=heard(low))) <= confidence(replace(FACE, heard=heard(high)))
