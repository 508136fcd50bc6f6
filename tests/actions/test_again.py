"""The second look: the hidden places on one sheet, and what is found there brought back into the picture."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sam_mask_service.actions.again import look_again
from sam_mask_service.deadline import NO_DEADLINE, Deadline
from sam_mask_service.faces.detector import DetectOptions
from sam_mask_service.geometry import RGB, Box, Face

OPTIONS = DetectOptions()


@dataclass
class Bright:
    """Finds the box of the bright pixels, as one face for each patch of them."""

    name: str = "bright"
    sheets: list[tuple[int, ...]] = field(default_factory=list)

    def detect(self, image: RGB, options: DetectOptions = OPTIONS, deadline: Deadline = NO_DEADLINE) -> list[Face]:
        import cv2

        self.sheets.append(image.shape)
        _, _, stats, _ = cv2.connectedComponentsWithStats((image[..., 0] > 240).astype(np.uint8))
        return [Face(Box(*map(float, row[:4])), 0.9) for row in stats[1:]]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 700), st.integers(0, 500), st.integers(20, 90)), min_size=1, max_size=9))
def test_what_is_found_lies_where_it_is(spots: list[tuple[int, int, int]]) -> None:
    """Only faces that are well apart: where places overlap, one face is seen twice and may be cut by an edge."""
    faces: list[Face] = []
    for x, y, side in spots:
        box = Box(x, y, side, side)
        if all(box.grown(2).intersection(other.box.grown(2)) == 0 for other in faces):
            faces.append(Face(box, 0.9))
    picture = np.zeros((600, 800, 3), np.uint8)
    for face in faces:
        where = face.box.pixels(800, 600)
        picture[where.rows, where.columns] = 255
    found = look_again(picture, faces, Bright(), OPTIONS, NO_DEADLINE)
    assert len(found) == len(faces)
    for face in faces:
        assert max(face.box.iou(other.box) for other in found) > 0.75


@pytest.mark.parametrize(
    ("count", "shape"), [(1, (160, 160, 3)), (2, (160, 320, 3)), (5, (320, 480, 3)), (10, (480, 640, 3))]
)
def test_the_sheet_is_as_large_as_it_must_be(count: int, shape: tuple[int, ...]) -> None:
    detector = Bright()
    faces = [Face(Box(10 * i, 10, 20, 20), 0.9) for i in range(count)]
    assert look_again(np.zeros((100, 200, 3), np.uint8), faces, detector, OPTIONS, NO_DEADLINE) == []
    assert detector.sheets == [shape]


def test_nothing_hidden_nothing_to_look_at() -> None:
    detector = Bright()
    assert look_again(np.zeros((9, 9, 3), np.uint8), [], detector, OPTIONS, NO_DEADLINE) == []
    assert not detector.sheets
