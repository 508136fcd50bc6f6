"""How far SAM is believed, place by place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam_mask_service.segment.believed import crown, face_term, head_odds
from sam_mask_service.segment.soften import Soft
from sam_mask_service.segment.tuning.trust import FACE_TRUST as FACE
from sam_mask_service.segment.tuning.trust import HEAD_TRUST as HEAD


def one(value: float) -> Soft:
    return np.full((1, 1), value, np.float32)


def odds(logit: float, inside: float, up: float) -> float:
    return float(face_term(one(logit), one(inside), one(up)).odds[0, 0])


@pytest.mark.parametrize(
    ("place", "inside", "up", "claim", "objection"),
    [
        ("forehead above the mesh", -0.1, 1.1, 1.0, 1.0),
        ("hair line inside the mesh", 0.1, 0.9, 1.0, 1.0),
        ("cheek", 0.2, 0.6, 1.0, 1.0),
        ("beside the ear", -0.1, 0.5, FACE.side, 1.0),
        ("neck", -0.1, 0.0, FACE.jaw, 1.0),
        ("under the chin", -0.1, -0.3, FACE.jaw, 1.0),
        ("beard", 0.1, 0.1, 1.0, FACE.jaw_against),
    ],
)
def test_what_a_claim_and_an_objection_count(
    place: str, inside: float, up: float, claim: float, objection: float
) -> None:
    assert odds(4, inside, up) == pytest.approx(4 * FACE.gain * claim), place
    assert odds(-4, inside, up) == pytest.approx(-4 * FACE.gain * objection), place


places = st.floats(-0.5, 0.5), st.floats(-0.5, 1.6)
logits = st.floats(-40, 40)


@given(logits, logits, *places)
def test_more_of_sams_is_never_less(a: float, b: float, inside: float, up: float) -> None:
    low, high = sorted((a, b))
    assert odds(low, inside, up) <= odds(high, inside, up) + 1e-6
    assert abs(odds(high, inside, up)) <= FACE.bound
    heads = [float(head_odds(one(x), one(up))[0, 0]) for x in (low, high)]
    assert heads[0] <= heads[1] + 1e-6 and max(map(abs, heads)) <= HEAD.bound


@given(logits, *places)
def test_the_others_keep_a_share(logit: float, inside: float, up: float) -> None:
    term = face_term(one(logit), one(inside), one(up))
    assert FACE.mesh_left - 1e-6 <= term.mesh[0, 0] <= 1
    assert FACE.colour * (1 - FACE.colour_sure) - 1e-6 <= term.colour[0, 0] <= FACE.colour
    assert 0 < term.hair < 1


def test_at_the_jaw_the_mesh_and_the_colours_say_all_that_they_did() -> None:
    term = face_term(one(9), one(-0.05), one(0.05))
    assert term.mesh[0, 0] == 1 and term.colour[0, 0] == FACE.colour and term.odds[0, 0] == 0


@pytest.mark.parametrize(
    ("logit", "inside", "up", "open_"),
    [(3, -0.3, 1.2, True), (-3, -0.3, 1.2, False), (3, -0.6, 1.4, False), (3, -0.3, 0.5, False)],
)
def test_a_bald_forehead_may_go_on_above_the_mesh(logit: float, inside: float, up: float, open_: bool) -> None:
    assert bool(crown(one(logit), one(inside), one(up))[0, 0]) == open_


def test_an_objection_is_not_heard_where_hair_surely_is_and_a_claim_is() -> None:
    bare, half, sure = (float(head_odds(one(-4), one(1), one(hair))[0, 0]) for hair in (0, 0.5, 1))
    assert bare == head_odds(one(-4), one(1))[0, 0] < half < sure < 0
    assert head_odds(one(2), one(1), one(1)) == head_odds(one(2), one(1))
