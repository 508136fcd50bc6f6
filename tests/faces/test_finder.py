"""The whole recipe on a real picture, shown whole, small, cut, turned and repeated; and what it refuses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from skimage import data

from sam_mask_service.deadline import Deadline
from sam_mask_service.errors import ClientLeft, DeadlinePassed, EngineUnavailable
from sam_mask_service.faces.build import build_detector
from sam_mask_service.faces.detector import DetectOptions, FaceDetector
from sam_mask_service.faces.effort import Bar
from sam_mask_service.faces.finder import merged, over
from sam_mask_service.geometry import RGB, Box, Face

FACE = Box(170, 66, 109, 109)
"""Of the astronaut in her picture of 512 × 512."""


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return build_detector(threads=2)


@pytest.fixture(scope="module")
def portrait() -> RGB:
    return np.asarray(data.astronaut(), np.uint8)


def scaled(picture: RGB, side: int) -> RGB:
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def test_a_portrait_has_one_sure_face_with_its_mesh(detector: FaceDetector, portrait: RGB) -> None:
    (face,) = detector.detect(portrait)
    assert face.box.iou(FACE) > 0.85
    assert face.confidence > 0.95
    assert face.presence > 0.9
    assert face.found_by == "picture"
    assert face.landmarks is not None
    assert face.landmarks.shape == (468, 3)
    assert face.keypoints is not None
    right_eye, left_eye, nose, mouth = face.keypoints[:4]
    assert right_eye[0] < nose[0] < left_eye[0]
    assert right_eye[1] < nose[1] < mouth[1]


@pytest.mark.parametrize("shape", [(1, 10000), (10000, 1), (16, 16), (17, 4000), (600, 600)])
@pytest.mark.parametrize("noise", [False, True])
def test_no_face_is_guessed(detector: FaceDetector, shape: tuple[int, int], noise: bool) -> None:
    picture = np.full((*shape, 3), 200, np.uint8)
    if noise:
        picture = np.random.default_rng(5).integers(0, 256, picture.shape).astype(np.uint8)
    assert detector.detect(picture) == []


def test_small_faces_in_a_large_picture_are_found_in_tiles(detector: FaceDetector, portrait: RGB) -> None:
    """Four heads of 30 pixels, far apart, in a picture of 1500 × 1000: too small for the whole picture's two looks."""
    small = scaled(portrait, 140)
    wall = np.full((1000, 1500, 3), 120, np.uint8)
    corners = [(60, 40), (1300, 60), (640, 500), (1250, 820)]
    for x, y in corners:
        wall[y : y + 140, x : x + 140] = small
    faces = detector.detect(wall)
    assert len(faces) == 4
    for x, y in corners:
        assert any(face.box.iou(FACE.scaled(140 / 512, x, y)) > 0.6 for face in faces)
    assert {face.found_by for face in faces} <= {"tiles", "picture"}
    assert "tiles" in {face.found_by for face in faces}


def test_a_face_that_fills_the_frame_is_found(detector: FaceDetector, portrait: RGB) -> None:
    tight = np.ascontiguousarray(portrait[70:190, 168:288])
    (face,) = detector.detect(tight)
    assert face.box.area > 0.5 * tight.shape[0] * tight.shape[1]
    assert face.landmarks is not None


@pytest.mark.parametrize("degrees", [45, 90, 135, 180, 225, 270, 315])
def test_turned_pictures(detector: FaceDetector, portrait: RGB, degrees: int) -> None:
    """The box is where the face is, and the eyes tell how it is turned."""
    turn = cv2.getRotationMatrix2D((225.0, 120.0), -degrees, 1.0)
    turn[:, 2] += [31, 136]
    picture = np.asarray(cv2.warpAffine(portrait, turn, (512, 512), borderValue=(90, 90, 90)), np.uint8)
    (face, *_) = sorted(detector.detect(picture), key=lambda face: -face.confidence)
    assert face.box.iou(Box(256 - 55, 256 - 55, 110, 110)) > 0.55
    assert face.landmarks is not None
    eyes = face.landmarks[263, :2] - face.landmarks[33, :2]
    found = float(np.degrees(np.arctan2(eyes[1], eyes[0])))
    assert abs((found - degrees + 180) % 360 - 180) < 25


def test_options_bound_what_is_told(detector: FaceDetector, portrait: RGB) -> None:
    two = np.ascontiguousarray(np.concatenate([portrait, scaled(portrait, 512)], axis=1))
    assert len(detector.detect(two)) == 2
    assert len(detector.detect(two, DetectOptions(max_faces=1))) == 1
    assert detector.detect(two, DetectOptions(min_confidence=1.0)) == []
    assert len(detector.detect(two, DetectOptions(min_confidence=0.0))) >= 2


def test_high_recall_finds_no_less(detector: FaceDetector, portrait: RGB) -> None:
    faces = detector.detect(portrait, DetectOptions(recall="high"))
    assert any(face.box.iou(FACE) > 0.8 for face in faces)


def test_threads_see_the_same(detector: FaceDetector, portrait: RGB) -> None:
    alone = detector.detect(portrait)
    with ThreadPoolExecutor(4) as pool:
        for faces in pool.map(detector.detect, [portrait] * 8):
            assert [(f.box, f.confidence) for f in faces] == [(f.box, f.confidence) for f in alone]


def test_the_deadline_and_the_client_are_asked(detector: FaceDetector, portrait: RGB) -> None:
    with pytest.raises(DeadlinePassed):
        detector.detect(portrait, deadline=Deadline.after(0))
    gone = Deadline.after(60)
    gone.left.set()
    with pytest.raises(ClientLeft):
        detector.detect(portrait, deadline=gone)


def test_yunet_without_its_file_is_told_in_words(detector: FaceDetector, portrait: RGB) -> None:
    assert detector.name == "mediapipe"
    with pytest.raises(EngineUnavailable, match="YuNet"):
        detector.detect(portrait, DetectOptions(detector="yunet"))


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
    assert [face.confidence for face in over(Bar(company=0.55, alone=0.8), faces)] == kept


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
        (25, 0.95, 1.5, False),
        (25, 0.97, 1.5, True),
        (25, 0.76, 0.0, True),
    ],
)
def test_more_is_asked_of_the_background_of_a_group(
    side: int, confidence: float, background: float, kept: bool
) -> None:
    told = over(Bar(company=0.75, alone=0.8), group((side, confidence)), background)
    assert len(told) == 4 + kept


def test_few_faces_have_no_background() -> None:
    faces = group((25, 0.76))[2:]
    assert over(Bar(company=0.75, alone=0.8), faces, 1.5) == faces
