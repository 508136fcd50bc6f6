"""The whole recipe on a real picture."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from sam_mask_service.faces.build import build_detector
from sam_mask_service.faces.detector import FaceDetector


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return build_detector()


def test_the_portrait_has_one_sure_face_with_its_mesh(detector: FaceDetector) -> None:
    (face,) = detector.detect(data.astronaut())
    assert face.box.contains(224, 120)
    assert 90 < face.box.width < 130
    assert face.confidence > 0.8
    assert face.presence > 0.9
    assert face.landmarks is not None
    assert face.landmarks.shape == (468, 3)
    assert face.found_by == "picture"


@pytest.mark.parametrize("shape", [(1, 10000), (10000, 1), (16, 16), (17, 4000)])
def test_no_face_is_guessed_in_odd_shapes(detector: FaceDetector, shape: tuple[int, int]) -> None:
    picture = np.full((*shape, 3), 200, np.uint8)
    assert detector.detect(picture) == []
