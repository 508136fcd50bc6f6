"""The portrait of ``make demo`` and of the README: its hair line stays clean."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from sam_mask_service.faces.build import build_detector
from sam_mask_service.segment.mesh import MeshSegmenter


def test_the_fringe_is_no_face() -> None:
    image = np.asarray(data.astronaut(), np.uint8)
    engine, [face] = MeshSegmenter(), build_detector().detect(image)[:1]
    [mask] = engine.masks(engine.embed(image, [face]), [face], pixels=lambda: image)
    drawn = mask.patch.place(512, 512)
    assert drawn.mean() == pytest.approx(0.0294, abs=0.0008)
    assert drawn[86:95, 200:245].all()  # the forehead
    assert not drawn[50:73, 190:265].any()  # the fringe
