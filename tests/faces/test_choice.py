"""Which faces are told: by company, by their place in a group, and each once."""

from __future__ import annotations

import pytest

from sam_mask_service.faces.choice import accepted, merged
from sam_mask_service.faces.tuning.search import Threshold
from sam_mask_service.geometry import Box, Face


def test_of_two_verdicts_at_one_place_the_surer_stays() -> None:
    weak, sure = Face(Box(0, 0, 10, 10), 0.5), Face(Box(1, 0, 10, 10), 0.9)
    elsewhere = Face(Box(50, 0, 10, 10), 0.6)
    assert merged([weak, elsewhere], [sure]) == [sure, elsewhere]


@pytest.mark.parametrize(
    ("confidences", "kept"),
    [((0.95, 0.6), [0.95, 0.6]), ((0.95, 0.5), [0.95]), ((0.85, 0.6), [0.85]), ((0.7, 0.6), []), ((), [])],
)
def test_a_weak_face_needs_company(confidences: tuple[float, ...], kept: list[float]) -> None:
    faces = [Face(Box(20 * i, 0, 10, 10), confidence) for i, confidence in enumerate(confidences)]
    assert [face.confidence for face in accepted(Threshold(company=0.55, alone=0.8), faces)] == kept


@pytest.mark.parametrize(
    ("confidences", "kept"),
    [((0.92, 0.6), 0), ((0.92, 0.91, 0.6), 3), ((0.96, 0.6), 2), ((0.93, 0.89, 0.6), 0), ((0.94,), 0), ((0.95,), 1)],
)
def test_where_much_is_asked_of_a_lone_face_two_certain_ones_are_company(
    confidences: tuple[float, ...], kept: int
) -> None:
    faces = [Face(Box(20 * i, 0, 10, 10), confidence) for i, confidence in enumerate(confidences)]
    assert len(accepted(Threshold(company=0.55, alone=0.95), faces)) == kept


def test_a_box_within_another_is_the_same_face() -> None:
    """A turned face's box of the one look lies within that of the other, too small for their overlap to count."""
    whole, part = Face(Box(0, 0, 100, 100), 0.9), Face(Box(40, 45, 45, 45), 0.8)
    beside = Face(Box(90, 0, 40, 40), 0.7)
    assert merged([whole, part], [beside]) == [whole, beside]


def group(*behind: tuple[float, float]) -> list[Face]:
    """Four certain faces of 100 pixels, and others: side and confidence of each."""
    front = [Face(Box(200 * i, 0, 100, 100), 0.95) for i in range(4)]
    return front + [Face(Box(200 * i, 300, side, side), confidence) for i, (side, confidence) in enumerate(behind)]


@pytest.mark.parametrize(
    ("side", "confidence", "background", "kept"),
    [
        (100, 0.8, 1.5, True),
        (150, 0.76, 1.5, True),
        (50, 0.8, 1.5, False),  # odds of 0.75 × 2 ^ 1.5: 0.895 is asked
        (50, 0.9, 1.5, True),
        (50, 0.9, 2.5, False),
        (50, 0.95, 2.5, True),
        (25, 0.95, 1.5, False),
        (25, 0.97, 1.5, True),
        (25, 0.76, 0.0, True),
    ],
)
def test_more_is_asked_of_the_background_of_a_group(
    side: int, confidence: float, background: float, kept: bool
) -> None:
    told = accepted(Threshold(company=0.75, alone=0.8), group((side, confidence)), background)
    assert len(told) == 4 + kept


def test_few_faces_have_no_background() -> None:
    faces = group((25, 0.76))[2:]
    assert accepted(Threshold(company=0.75, alone=0.8), faces, 1.5) == faces
