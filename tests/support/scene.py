"""A service on fakes, and drawn pictures, for tests that need neither models nor a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sam_mask_service.deadline import NO_DEADLINE, Deadline
from sam_mask_service.engines import Engines, Loader, Rung
from sam_mask_service.faces.detector import DetectOptions
from sam_mask_service.geometry import RGB, Box, Face
from sam_mask_service.image import encode
from sam_mask_service.segment.fake import FakeSegmenter
from sam_mask_service.service import Service
from sam_mask_service.settings import Settings, load

ANY = DetectOptions()
TWO_FACES = (Face(Box(20, 30, 40, 50), 0.9), Face(Box(120, 40, 60, 70), 0.8))
"""Fits a picture of 200 × 150; the second is the larger one."""


@dataclass
class Fixed:
    """A detector that always finds the same faces, and counts how often it was asked."""

    faces: Sequence[Face] = TWO_FACES
    name: str = "fixed"
    asked: list[DetectOptions] = field(default_factory=list)

    def detect(self, image: RGB, options: DetectOptions = ANY, deadline: Deadline = NO_DEADLINE) -> list[Face]:
        deadline.check()
        self.asked.append(options)
        return list(self.faces)


def picture(width: int = 200, height: int = 150, kind: Any = "png") -> bytes:
    """A gradient."""
    y, x = np.mgrid[:height, :width]
    return encode(np.dstack([x * 255 // width, y * 255 // height, x * 0 + 90]).astype(np.uint8), kind)


def settings(tmp_path: Path, **values: Any) -> Settings:
    """Settings of a test: folders below ``tmp_path``, no SAM."""
    roots = {"image_root": tmp_path / "images", "output_root": tmp_path / "output", "models_dir": tmp_path / "models"}
    for root in roots.values():
        root.mkdir(exist_ok=True)
    return load(**{"engine": "mesh", **roots, **values}, _env_file=None)


def service(
    tmp_path: Path,
    detector: Any = None,
    segmenter: Any = None,
    load_sam: Loader | None = None,
    **values: Any,
) -> Service:
    """A service on fakes. Build it inside a running event loop."""
    chosen = settings(tmp_path, **values)
    ladder = [] if load_sam is None else [Rung(chosen.model, load_sam)]
    engines = Engines(chosen.engine, segmenter or FakeSegmenter(), ladder)
    return Service(chosen, detector or Fixed(), engines)
