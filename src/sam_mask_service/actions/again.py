"""A second look at the places where faces were hidden: cut out, laid side by side on one sheet, and searched as a picture.

Elsewhere nothing has changed since the first look, which was the harder one; a sheet of ten faces costs a tenth of the picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..deadline import Deadline
from ..faces.detector import DetectOptions, FaceDetector
from ..faces.sanitise import sane_faces
from ..geometry import RGB, Box, Face, PixelBox
from ..targets.fit import resize

_CELL = 160
"""Pixels of a place's side on the sheet: its face then takes 64, a size that the detector sees best."""
_AROUND = 0.75
"""How much of a face's size is shown beside it: a detector judges by its surroundings too."""
_GREY = 127


@dataclass(frozen=True, slots=True)
class _Place:
    """What the cell at (``x``, ``y``) of the sheet shows: ``source`` of the picture, times ``scale``."""

    source: PixelBox
    x: int
    y: int
    scale: float

    def holds(self, x: float, y: float) -> bool:
        return self.x <= x < self.x + _CELL and self.y <= y < self.y + _CELL

    def back(self, face: Face) -> Face:
        """A face on the sheet, where it lies in the picture; key points and mesh are left out."""
        moved = Box(face.box.x - self.x, face.box.y - self.y, face.box.width, face.box.height)
        box = moved.scaled(1 / self.scale, self.source.x, self.source.y)
        return replace(face, box=box, keypoints=None, landmarks=None)


def look_again(
    rgb: RGB, hidden: Sequence[Face], detector: FaceDetector, options: DetectOptions, deadline: Deadline
) -> list[Face]:
    """Faces found near ``hidden`` ones in ``rgb`` (H, W, 3) uint8, each at most once, in its pixels."""
    if not hidden:
        return []
    sheet, places = _sheet(rgb, hidden)
    found = sane_faces(detector.detect(sheet, options, deadline), sheet.shape[1], sheet.shape[0])
    faces = [place.back(face) for face in found for place in places if place.holds(*face.box.centre)]
    once: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.confidence):
        if all(face.box.contained(other.box) < 0.5 for other in once):
            once.append(face)
    return once


def _sheet(rgb: RGB, hidden: Sequence[Face]) -> tuple[RGB, list[_Place]]:
    columns = math.ceil(math.sqrt(len(hidden)))
    rows = -(-len(hidden) // columns)
    sheet = np.full((rows * _CELL, columns * _CELL, 3), _GREY, np.uint8)
    places = []
    for i, face in enumerate(hidden):
        source = face.box.grown(_AROUND).pixels(rgb.shape[1], rgb.shape[0])
        scale = _CELL / max(source.width, source.height)
        x, y = i % columns * _CELL, i // columns * _CELL
        width, height = max(1, round(source.width * scale)), max(1, round(source.height * scale))
        part = resize(rgb[source.rows, source.columns], width, height)
        sheet[y : y + height, x : x + width] = part
        places.append(_Place(source, x, y, scale))
    return sheet, places
