"""Nothing that is not finite, inverted or out of the picture gets past the gate."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam_mask_service.faces.fake import BAD_POINTS, NONSENSE, face_in
from sam_mask_service.faces.sanitise import sane_faces
from sam_mask_service.geometry import Box, Face

WIDTH, HEIGHT = 100, 80


@pytest.mark.parametrize(
    "box",
    [
        Box(math.nan, 0, 10, 10),
        Box(0, math.inf, 10, 10),
        Box(0, 0, math.inf, 10),
        Box(50, 50, -20, -20),
        Box(50, 50, -20, 20),
        Box(50, 50, 0, 20),
        Box(200, 0, 30, 30),
        Box(-90, 10, 100, 20),
        Box(10, 10, 0.5, 20),
    ],
)
def test_dropped(box: Box) -> None:
    assert sane_faces([Face(box, 0.9)], WIDTH, HEIGHT) == []


@pytest.mark.parametrize("confidence", [math.nan, math.inf, -math.inf])
def test_a_confidence_that_is_no_number_is_dropped(confidence: float) -> None:
    assert sane_faces([Face(Box(10, 10, 20, 20), confidence)], WIDTH, HEIGHT) == []


def test_clipped() -> None:
    (face,) = sane_faces([Face(Box(-10, 60, 40, 40), 1.7)], WIDTH, HEIGHT)
    assert face.box == Box(0, 60, 30, 20)
    assert face.confidence == 1


def test_a_sound_face_is_left_as_it_is() -> None:
    face = face_in(Box(20, 20, 40, 40))
    (same,) = sane_faces([face], WIDTH, HEIGHT)
    assert same.box == face.box
    assert same.landmarks is face.landmarks
    assert same.keypoints is face.keypoints
    assert same.presence == face.presence


def test_bad_points_go_and_the_face_stays() -> None:
    (face,) = sane_faces([BAD_POINTS], WIDTH, HEIGHT)
    assert face.keypoints is None
    assert face.landmarks is None
    assert face.presence == 0
    assert face.confidence == 1


def test_points_of_a_wrong_shape_go() -> None:
    wrong = Face(Box(10, 10, 20, 20), 0.5, landmarks=np.zeros((100, 3), np.float32), presence=0.9)
    (face,) = sane_faces([wrong], WIDTH, HEIGHT)
    assert face.landmarks is None


def test_of_all_nonsense_one_face_is_left() -> None:
    assert len(sane_faces(NONSENSE, WIDTH, HEIGHT)) == 1


anything = st.floats(allow_nan=True, allow_infinity=True, width=32)


@given(anything, anything, anything, anything, anything, anything)
def test_whatever_comes_out_lies_inside(
    x: float, y: float, width: float, height: float, confidence: float, presence: float
) -> None:
    for face in sane_faces([Face(Box(x, y, width, height), confidence, presence=presence)], WIDTH, HEIGHT):
        assert 0 <= face.box.x < face.box.right <= WIDTH
        assert 0 <= face.box.y < face.box.bottom <= HEIGHT
        assert 0 <= face.confidence <= 1
        assert 0 <= face.presence <= 1
