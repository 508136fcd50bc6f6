"""The networks on OpenVINO give what the mediapipe package itself gives: same boxes, scores, key points and
landmarks.
"""

from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data

from sam_mask_service.faces.blaze import FULL_RANGE, BlazeFace
from sam_mask_service.faces.landmarker import Landmarker, eye_angle
from sam_mask_service.faces.tiles import Pyramid, letterbox, placed
from sam_mask_service.geometry import RGB, Box

THRESHOLD = 0.3


def portrait(side: int) -> RGB:
    return np.asarray(cv2.resize(data.astronaut(), (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def pair() -> RGB:
    """Two portraits side by side, one of them tilted: 192 pixels wide, so that no side has to resample for the
    network.
    """
    left, right = portrait(96), portrait(96)
    turn = cv2.getRotationMatrix2D((42.0, 22.0), 25.0, 1.0)
    tilted = cv2.warpAffine(right, turn, (96, 96), borderMode=cv2.BORDER_REFLECT)
    return np.ascontiguousarray(np.concatenate([left, tilted], axis=1), np.uint8)


@pytest.fixture(scope="module", params=["portrait", "pair", "tall"])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[RGB, dict[str, Any]]:
    if importlib.util.find_spec("mediapipe") is None:
        pytest.skip("mediapipe has no wheel for this Python or system")
    images = {"portrait": portrait(192), "pair": pair(), "tall": np.ascontiguousarray(portrait(192)[:, 20:140])}
    image: RGB = images[request.param]
    path = tmp_path_factory.mktemp("parity") / "picture.npy"
    np.save(path, image)
    command = [sys.executable, str(Path(__file__).with_name("graph_reference.py")), str(path), str(THRESHOLD)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    reference: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return image, reference


def test_boxes_scores_and_key_points_are_the_packages(case: tuple[RGB, dict[str, Any]]) -> None:
    image, reference = case
    window = letterbox(Pyramid(image), 192)
    ours = placed(BlazeFace(FULL_RANGE)(window.pixels, THRESHOLD), window)
    theirs = np.array(reference["rows"])
    assert len(ours) == len(theirs) > 0
    for row in theirs:
        nearest = ours[np.abs(ours[:, :2] - row[:2]).sum(axis=1).argmin()]
        assert Box(*map(float, nearest[:4])).iou(Box(*row[:4])) > 0.98
        assert nearest[4] == pytest.approx(row[4], abs=0.01)
        np.testing.assert_allclose(nearest[5:], row[5:], atol=0.5)


def half_pixel(side: float, angle: float) -> tuple[float, float]:
    """By how much mediapipe samples beside the window that it means: it takes a pixel's corner for its centre."""
    c, s = math.cos(angle) * side / 192, math.sin(angle) * side / 192
    return 0.5 - (c - s) / 2, 0.5 - (s + c) / 2


def test_landmarks_are_the_packages_within_a_pixel_of_the_networks_window(case: tuple[RGB, dict[str, Any]]) -> None:
    image, reference = case
    landmarker = Landmarker()
    for row, mesh in zip(reference["rows"], reference["landmarks"], strict=True):
        marks = np.array(row[5:], np.float32).reshape(6, 2)
        box = Box(*row[:4])
        angle = eye_angle(marks[0], marks[1])
        dx, dy = half_pixel(1.5 * box.side, angle)
        points, presence = landmarker.at(Pyramid(image), Box(box.x + dx, box.y + dy, box.width, box.height), angle)
        assert (presence >= 0.5) == (mesh is not None)
        if mesh is not None:
            pixel = 1.5 * box.side / 192
            assert np.abs(points - [dx, dy, 0] - np.array(mesh)).max() < pixel
