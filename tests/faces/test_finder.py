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
from sam_mask_service.faces.tuning.search import Recall
from sam_mask_service.geometry import RGB, Box

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


def pasted(wall: RGB, portrait: RGB, centre: tuple[int, int], side: float, degrees: float) -> Box:
    """Puts the astronaut's head on the wall, her face ``side`` pixels large and turned; the box in which it then
    lies.
    """
    scale = side / FACE.side
    turn = cv2.getRotationMatrix2D(FACE.centre, -degrees, scale)
    turn[:, 2] += np.subtract(centre, FACE.centre)
    size = (wall.shape[1], wall.shape[0])
    head = cv2.warpAffine(portrait, turn, size, flags=cv2.INTER_AREA)
    disc = cv2.circle(np.zeros(wall.shape[:2], np.uint8), centre, round(1.3 * side), 255, -1)
    known = cv2.warpAffine(np.full(portrait.shape[:2], 255, np.uint8), turn, size)
    wall[(disc > 0) & (known > 0)] = head[(disc > 0) & (known > 0)]
    return Box(centre[0] - side / 2, centre[1] - side / 2, side, side)


@pytest.mark.parametrize("recall", ["normal", "high"])
@pytest.mark.parametrize("degrees", [60, 135, 180, 270])
def test_a_turned_face_beside_an_upright_one(
    detector: FaceDetector, portrait: RGB, degrees: int, recall: Recall
) -> None:
    wall = np.full((600, 1000, 3), 150, np.uint8)
    upright, other = (pasted(wall, portrait, (x, 300), 150, turn) for x, turn in ((260, 0), (720, degrees)))
    faces = detector.detect(wall, DetectOptions(recall=recall))
    assert len(faces) == 2
    for box in (upright, other):
        assert any(face.box.iou(box) > 0.5 for face in faces)


def test_high_recall_tells_the_background_that_normal_leaves_out(detector: FaceDetector, portrait: RGB) -> None:
    """Five large faces, and behind them one out of focus, a fifth as large."""
    wall = np.full((900, 1600, 3), 150, np.uint8)
    for x in range(150, 1600, 320):
        pasted(wall, portrait, (x, 640), 120, 0)
    blurred = np.asarray(cv2.GaussianBlur(portrait, (0, 0), 7), np.uint8)
    behind = pasted(wall, blurred, (800, 150), 26, 0)
    told = {recall: detector.detect(wall, DetectOptions(recall=recall)) for recall in ("normal", "high")}
    assert len(told["normal"]) == 5
    assert any(face.box.iou(behind) > 0.4 for face in told["high"])
