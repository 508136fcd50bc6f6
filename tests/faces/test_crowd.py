"""Crowds and strips on the real networks: all faces are found, and YuNet takes none away. Needs ../shared."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

from sam_mask_service.faces.build import build_detector
from sam_mask_service.faces.detector import DetectOptions, DetectorName, FaceDetector
from sam_mask_service.faces.tuning.search import Recall
from sam_mask_service.faces.tuning.verdict import CALIBRATION
from sam_mask_service.geometry import RGB, Face
from sam_mask_service.image import decode_srgb

SHARED = Path(os.environ.get("SAM_SHARED", Path(__file__).resolve().parents[3] / "shared"))
CASES, YUNET = SHARED / "cases", SHARED / "models" / "face_detection_yunet_2023mar.onnx"
pytestmark = pytest.mark.skipif(not (CASES.is_dir() and YUNET.is_file()), reason="../shared is not there")


@cache
def detector() -> FaceDetector:
    return build_detector({"yunet": YUNET}, threads=2)


@cache
def opened(name: str) -> RGB:
    return decode_srgb((CASES / name).read_bytes(), max_bytes=1 << 26, max_pixels=1 << 26)


@cache
def faces(name: str, seen_by: DetectorName, recall: Recall) -> Sequence[Face]:
    return detector().detect(opened(name), DetectOptions(detector=seen_by, recall=recall))


@pytest.mark.parametrize("recall", ["normal", "high"])
def test_all_of_ninety_faces_are_found(recall: Recall) -> None:
    """A limit of 64 once left 26 of them in sight."""
    names: tuple[DetectorName, ...] = ("mediapipe", "auto")
    for name in names:
        found = faces("ninety_faces.jpg", name, recall)
        assert len(found) >= 90, name
        assert getattr(found, "unexamined", 0) == 0


@pytest.mark.parametrize("name", ["ninety_faces.jpg", "strip_700x12000.jpg"])
@pytest.mark.parametrize("recall", ["normal", "high"])
def test_yunet_takes_no_sure_face_away(name: str, recall: Recall) -> None:
    alone, together = faces(name, "mediapipe", recall), faces(name, "auto", recall)
    sure = [face for face in alone if face.confidence >= CALIBRATION.sure_alone]
    assert sure
    for face in sure:
        assert any(face.box.iou(other.box) > 0.4 for other in together), face.box
