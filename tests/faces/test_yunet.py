"""YuNet on OpenVINO gives what OpenCV's own reader gives; a wrong file is told in words."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from sam_mask_service.errors import EngineUnavailable
from sam_mask_service.faces.build import build_detector
from sam_mask_service.faces.detector import DetectOptions, DetectorName, FaceDetector
from sam_mask_service.faces.tiles import Pyramid, letterbox
from sam_mask_service.faces.yunet import YuNet, decode
from sam_mask_service.geometry import RGB, Box

SHARED = Path(os.environ.get("SAM_SHARED", Path(__file__).resolve().parents[3] / "shared"))
FILE = SHARED / "models" / "face_detection_yunet_2023mar.onnx"
needs_file = pytest.mark.skipif(not FILE.is_file(), reason="the YuNet file is not here")


@pytest.fixture(scope="module")
def portrait() -> RGB:
    return np.asarray(data.astronaut(), np.uint8)


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return build_detector({"yunet": FILE})


@needs_file
def test_it_finds_what_opencv_finds(portrait: RGB) -> None:
    window = letterbox(Pyramid(portrait), 320).pixels
    (ours,) = YuNet(FILE, 320)(window, 0.6)
    reader = cv2.FaceDetectorYN.create(str(FILE), "", (320, 320), 0.6, 0.3, 100)
    _, found = reader.detect(np.ascontiguousarray(window[:, :, ::-1]))
    (theirs,) = np.asarray(found)
    assert ours[4] == pytest.approx(theirs[14], abs=1e-3)
    # OpenCV takes the best box of the overlapping ones, we their mean.
    assert Box(*map(float, ours[:4])).iou(Box(*map(float, theirs[:4]))) > 0.95
    np.testing.assert_allclose(ours[5:11], theirs[4:10], atol=2)
    np.testing.assert_allclose(ours[11:13], (theirs[10:12] + theirs[12:14]) / 2, atol=2)


@needs_file
def test_it_joins_the_recipe(detector: FaceDetector, portrait: RGB) -> None:
    assert detector.name == "yunet"
    names: tuple[DetectorName, ...] = ("auto", "yunet", "mediapipe")
    for name in names:
        (face,) = detector.detect(portrait, DetectOptions(detector=name))
        assert face.confidence > 0.95
        assert face.landmarks is not None


@needs_file
def test_no_face_is_guessed(detector: FaceDetector) -> None:
    noise = np.random.default_rng(2).integers(0, 256, (700, 900, 3)).astype(np.uint8)
    assert detector.detect(noise) == []


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="not installed"):
        build_detector({"yunet": tmp_path / "none.onnx"})


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"\x08\x07" + b"\x00" * 500])
def test_a_file_that_is_no_network(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "yunet.onnx"
    path.write_bytes(content)
    with pytest.raises(EngineUnavailable, match="cannot be read"):
        YuNet(path, 320)


def test_decoding_puts_a_cell_where_it_lies() -> None:
    """One cell of a 4-column grid of stride 8: cell 6 is column 2, row 1."""
    cls, obj = np.zeros((16, 1), np.float32), np.zeros((16, 1), np.float32)
    cls[6], obj[6] = 0.81, 1.0
    box, points = np.zeros((16, 4), np.float32), np.zeros((16, 10), np.float32)
    box[6] = [0.5, 0.25, np.log(2), np.log(3)]
    points[6] = [0, 0, 1, 0, 0.5, 0.5, 0, 1, 1, 2]
    (row,) = decode(cls, obj, box, points, stride=8, columns=4, threshold=0.5)
    np.testing.assert_allclose(row[:5], [20 - 8, 10 - 12, 16, 24, 0.9], atol=1e-4)
    np.testing.assert_allclose(row[5:13], [16, 8, 24, 8, 20, 12, 20, 20], atol=1e-4)
    np.testing.assert_allclose(row[13:17], row[5:9])
