"""Boxes as arrays: overlap, suppression and gathering, by tables and properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam_mask_service.faces.candidates import (
    MOST,
    Rows,
    contained,
    crowded_out,
    distinct,
    gathered,
    no_rows,
    overlaps,
    weighted_nms,
)
from sam_mask_service.faces.tuning.search import PLACE
from sam_mask_service.geometry import Box


def row(x: float, y: float, width: float, height: float, score: float) -> list[float]:
    return [x, y, width, height, score, *([x, y] * 6)]


def rows(*values: tuple[float, float, float, float, float]) -> Rows:
    return np.array([row(*v) for v in values], np.float32).reshape(-1, 17)


boxes = st.tuples(*[st.floats(0, 100, width=32)] * 2, *[st.floats(1, 80, width=32)] * 2, st.floats(0.125, 1, width=32))


@given(boxes, boxes)
def test_overlap_and_containment_agree_with_the_boxes(
    a: tuple[float, float, float, float, float], b: tuple[float, float, float, float, float]
) -> None:
    pair = rows(a, b)
    first, second = Box(*a[:4]), Box(*b[:4])
    assert overlaps(pair[0], pair)[1] == pytest.approx(first.iou(second), abs=1e-3)
    assert contained(pair[0], pair)[1] == pytest.approx(first.contained(second), abs=1e-3)


@given(st.lists(boxes, max_size=12))
def test_what_is_distinct_overlaps_nothing_and_keeps_the_first(values: list[tuple[float, ...]]) -> None:
    given_rows = np.array([row(*v) for v in values], np.float32).reshape(-1, 17)
    order = distinct(given_rows)
    assert list(order[:1]) == ([0] if values else [])
    kept = given_rows[order]
    for i, one in enumerate(kept):
        others = kept[i + 1 :]
        assert (overlaps(one, others) < 0.3).all()
        assert (contained(one, others) < PLACE.contained).all()


def test_suppression_takes_the_best_score_and_the_mean_box_weighted_by_score() -> None:
    merged = weighted_nms(rows((0, 0, 10, 10, 0.75), (4, 0, 10, 10, 0.25), (50, 50, 10, 10, 0.5)), 0.3)
    np.testing.assert_allclose(merged[:, :5], [[1, 0, 10, 10, 0.75], [50, 50, 10, 10, 0.5]], atol=1e-5)


def test_nothing_stays_nothing() -> None:
    assert weighted_nms(no_rows(), 0.3).shape == (0, 17)
    assert distinct(no_rows()).shape == (0,)
    assert gathered([no_rows(), no_rows()], 0.3) == []


def test_gathering_remembers_who_saw_what() -> None:
    near, far = (10, 10, 20, 20, 0.6), (200, 10, 20, 20, 0.9)
    looks = [rows(near), rows((11, 10, 20, 20, 0.2)), rows(far, (10, 12, 20, 20, 0.4)), rows((400, 0, 9, 9, 0.2))]
    first, second = gathered(looks, weak=0.3)
    assert first.scores == pytest.approx((0.6, 0.2, 0.4, 0))
    assert first.best == pytest.approx(0.6)
    assert first.total == pytest.approx(1.2)
    assert first.row[0] == pytest.approx((10 * 0.6 + 11 * 0.2 + 10 * 0.4) / 1.2)
    assert second.scores == pytest.approx((0, 0, 0.9, 0))


def test_one_look_does_not_silence_several() -> None:
    """A lone high score around a face that three looks agree upon: of the two places the face stays."""
    face, about = (50, 50, 40, 40, 0.6), (40, 20, 90, 90, 0.8)
    (place,) = gathered([rows(about), rows(face), rows(face), rows(face)], weak=0.3)
    assert place.scores == pytest.approx((0, 0.6, 0.6, 0.6))
    np.testing.assert_allclose(place.row[:4], face[:4])


def test_a_crowd_without_end_is_cut_to_its_best() -> None:
    """Comparing tens of thousands of candidates of one picture would take minutes."""
    crowd = rows(*((20.0 * i, 0.0, 10.0, 10.0, 0.5 + 0.4 * (i % 7 == 0)) for i in range(MOST * 7)))
    places = gathered([crowd, rows((5, 1000, 10, 10, 0.7))], weak=0.3)
    assert len(places) == MOST
    assert all(place.best == pytest.approx(0.9) for place in places)


def test_what_a_crowd_without_end_leaves_out_is_counted() -> None:
    crowd = rows(*((20.0 * i, 0.0, 10.0, 10.0, 0.5) for i in range(MOST + 5)))
    one = rows((5, 1000, 10, 10, 0.7), (50, 1000, 10, 10, 0.1))
    assert crowded_out([crowd, one], weak=0.3) == 6
    assert crowded_out([one, one], weak=0.3) == 0


def test_two_glances_of_an_added_net_do_not_silence_a_face() -> None:
    """They sum up to more than the one look that saw it: without them it was told, so it is with them, beside their own
    place.
    """
    face, beside = (0, 0, 40, 40, 0.85), (18, 0, 40, 40, 0.45)
    assert len(gathered([rows(face)], weak=0.3)) == 1
    looks = [rows(face), rows(beside), rows(beside)]
    assert len(gathered(looks, weak=0.3)) == 1, "as looks of one net: the place that most was seen of"
    places = gathered(looks, weak=0.3, added=[False, True, True])
    assert [place.scores for place in places] == [pytest.approx((0, 0.45, 0.45)), pytest.approx((0.85, 0, 0))]


looked = st.lists(st.lists(boxes, max_size=4), min_size=1, max_size=4)


@given(looked, looked)
def test_an_added_net_takes_no_place_away(
    own: list[list[tuple[float, ...]]], others: list[list[tuple[float, ...]]]
) -> None:
    """Of every place that is told without it, as much is seen at one that is told with it."""
    ours, theirs = (
        [np.array([row(*v) for v in look], np.float32).reshape(-1, 17) for look in side] for side in (own, others)
    )
    before = gathered(ours, weak=0.3)
    after = gathered([*ours, *theirs], weak=0.3, added=[False] * len(ours) + [True] * len(theirs))
    seen = np.array([place.scores[: len(ours)] for place in after]).reshape(len(after), len(ours))
    for place in before:
        assert (seen >= place.scores).all(axis=1).any()


def test_a_place_that_no_look_saw_well_is_none() -> None:
    assert gathered([rows((0, 0, 9, 9, 0.29)), rows((0, 0, 9, 9, 0.29))], weak=0.3) == []
