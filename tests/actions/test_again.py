"""The second look: the whole finished picture in a mirror and moved, and what is found there brought back into the
picture.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sam_mask_service.actions.again import look_again, look_near
from sam_mask_service.deadline import NO_DEADLINE, Deadline
from sam_mask_service.faces.detector import DetectOptions, Faces
from sam_mask_service.geometry import RGB, Box, Face

OPTIONS = DetectOptions(recall="high")


@dataclass
class Bright:
    """Finds the box of the bright pixels, as one face for each patch of them."""

    name: str = "bright"
    unexamined: int = 0
    seen: list[RGB] = field(default_factory=list)

    def detect(self, image: RGB, options: DetectOptions = OPTIONS, deadline: Deadline = NO_DEADLINE) -> list[Face]:
        assert options == replace(OPTIONS, again=True)
        self.seen.append(image)
        _, _, stats, _ = cv2.connectedComponentsWithStats((image[..., 0] > 240).astype(np.uint8))
        return Faces((Face(Box(*map(float, row[:4])), 0.9) for row in stats[1:]), self.unexamined)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 700), st.integers(0, 500), st.integers(20, 90)), min_size=1, max_size=9),
    st.tuples(st.integers(90, 800), st.integers(90, 600)),
)
def test_what_is_found_lies_where_it_is(spots: list[tuple[int, int, int]], size: tuple[int, int]) -> None:
    """Wherever it is in the picture, and to the pixel."""
    (width, height), boxes = size, list[Box]()
    for x, y, side in spots:
        box = Box(x % (width - side + 1), y % (height - side + 1), side, side)
        if all(box.grown(0.1).intersection(other) == 0 for other in boxes):
            boxes.append(box)
    picture = np.zeros((height, width, 3), np.uint8)
    for box in boxes:
        where = box.pixels(width, height)
        picture[where.rows, where.columns] = 255
    found, unexamined = look_again(picture, Bright(), OPTIONS, NO_DEADLINE)
    assert unexamined == 0
    assert {face.box for face in found} == set(boxes)


@pytest.mark.parametrize("shape", [(600, 800), (4, 3), (30, 4000)])
def test_the_view_is_the_whole_picture_and_another_one(shape: tuple[int, int]) -> None:
    """All of its pixels, mirrored, below and right of a border that moves every window."""
    detector = Bright()
    picture = np.random.default_rng(3).integers(0, 200, (*shape, 3)).astype(np.uint8)
    look_again(picture, detector, OPTIONS, NO_DEADLINE)
    (view,) = detector.seen
    margin = min(shape) // 11
    assert view.shape == (shape[0] + margin, shape[1] + margin, 3)
    assert np.array_equal(view[margin:, margin:][:, ::-1], picture)


def test_a_look_at_a_few_places_sees_these_from_near_by() -> None:
    picture, detector = np.zeros((300, 400, 3), np.uint8), Bright()
    boxes = [Box(50, 60, 20, 20), Box(80, 60, 20, 20), Box(380, 280, 20, 20)]
    for box in [*boxes, Box(250, 20, 30, 30)]:
        where = box.pixels(400, 300)
        picture[where.rows, where.columns] = 255
    found, unexamined = look_near(picture, [Face(box, 0.9) for box in boxes], detector, OPTIONS, NO_DEADLINE)
    assert (sorted(face.box.x for face in found), unexamined) == ([50, 80, 380], 0)
    assert {face.box for face in found} == set(boxes)
    assert [view.shape[:2] for view in detector.seen] == [(80, 80), (80, 80), (50, 50)]


def test_many_places_are_the_whole_picture() -> None:
    picture, detector = np.zeros((300, 400, 3), np.uint8), Bright()
    places = [Face(Box(20 * n, 20, 20, 20), 0.9) for n in range(5)]
    look_near(picture, places, detector, OPTIONS, NO_DEADLINE)
    assert [view.shape[:2] for view in detector.seen] == [(327, 427)]


def test_what_was_not_looked_at_is_told() -> None:
    assert look_again(np.zeros((40, 40, 3), np.uint8), Bright(unexamined=7), OPTIONS, NO_DEADLINE) == ([], 7)
