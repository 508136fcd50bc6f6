"""The fake finds what it is told, waits, fails on demand, and draws a mesh that a segmenter can work with."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sam_mask_service.deadline import Deadline
from sam_mask_service.errors import DeadlinePassed
from sam_mask_service.faces.detector import DetectOptions
from sam_mask_service.faces.fake import NONSENSE, FakeDetector, face_in, middle_face
from sam_mask_service.geometry import Box, Face

PICTURE = np.zeros((80, 100, 3), np.uint8)
SMALL, LARGE = Face(Box(0, 0, 10, 10), 0.9), Face(Box(20, 20, 30, 30), 0.4)


def test_it_finds_what_it_is_told_largest_first() -> None:
    fake = FakeDetector([SMALL, LARGE])
    assert fake.detect(PICTURE) == [LARGE, SMALL]
    assert fake.detect(PICTURE, DetectOptions(min_confidence=0.5)) == [SMALL]
    assert fake.calls == 2


def test_it_gives_nonsense_unsanitised() -> None:
    assert len(FakeDetector(NONSENSE).detect(PICTURE)) == len(NONSENSE)


def test_it_asks_its_deadline_while_it_sleeps() -> None:
    with pytest.raises(DeadlinePassed):
        FakeDetector(seconds=60).detect(PICTURE, deadline=Deadline.after(0.02))


def test_it_raises_what_the_fault_raises() -> None:
    def fault() -> None:
        raise MemoryError

    with pytest.raises(MemoryError):
        FakeDetector(fault=fault).detect(PICTURE)


def test_a_face_in_the_middle_of_any_picture() -> None:
    (face,) = FakeDetector(middle_face).detect(PICTURE)
    assert face.box == Box(30, 20, 40, 40)


@pytest.mark.parametrize("box", [Box(0, 0, 40, 50), Box(300, 20, 8, 10)])
def test_the_mesh_fills_its_box_and_looks_like_a_face(box: Box) -> None:
    face = face_in(box)
    assert face.landmarks is not None
    assert face.keypoints is not None
    assert face.landmarks.shape == (468, 3)
    low, high = face.landmarks[:, :2].min(axis=0), face.landmarks[:, :2].max(axis=0)
    np.testing.assert_allclose([*low, *(high - low)], [box.x, box.y, box.width, box.height], rtol=1e-3, atol=1e-3)
    right_eye, left_eye, nose, mouth, right_ear, left_ear = face.keypoints
    assert right_ear[0] < right_eye[0] < nose[0] < left_eye[0] < left_ear[0]
    assert right_eye[1] < nose[1] < mouth[1]


def test_a_turned_face_has_turned_eyes() -> None:
    face = face_in(Box(0, 0, 100, 100), angle=math.pi / 2)
    assert face.keypoints is not None
    right_eye, left_eye = face.keypoints[:2]
    assert left_eye[1] - right_eye[1] > 30
    assert abs(left_eye[0] - right_eye[0]) < 15
