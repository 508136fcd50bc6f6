"""One gate for whatever a detector gives: after it every face has finite numbers and a box that lies inside the
picture.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from ..geometry import Box, Face, Points
from .tuning.verdict import SANE, SaneTuning


def sane_faces(faces: Iterable[Face], width: int, height: int, tuning: SaneTuning = SANE) -> list[Face]:
    """The faces that make sense in a picture of ``width`` × ``height``, in the given order.

    Dropped: a box or confidence that is not finite, no or negative extent, a box that lies for the most part outside.
    Repaired: boxes are clipped to the picture, confidence and presence to 0…1; key points and landmarks with numbers
    that are not finite or of a wrong shape become None (presence 0).
    """
    return [face for face in (_sane(face, width, height, tuning) for face in faces) if face is not None]


def _sane(face: Face, width: int, height: int, tuning: SaneTuning) -> Face | None:
    b = face.box
    if not all(math.isfinite(v) for v in (b.x, b.y, b.width, b.height, face.confidence)):
        return None
    x0, y0, x1, y1 = max(0.0, b.x), max(0.0, b.y), min(float(width), b.right), min(float(height), b.bottom)
    box = Box(x0, y0, x1 - x0, y1 - y0)
    outside = min(box.width, box.height) < tuning.least_side or box.area < tuning.least_inside * b.area
    if b.width <= 0 or b.height <= 0 or outside:
        return None
    landmarks = _points(face.landmarks, 468, 3)
    return replace(
        face,
        box=box,
        confidence=min(1.0, max(0.0, face.confidence)),
        keypoints=_points(face.keypoints, 6, 2),
        landmarks=landmarks,
        presence=0.0 if landmarks is None and face.landmarks is not None else _probability(face.presence),
    )


def _points(points: Points | None, count: int, columns: int) -> Points | None:
    if points is None or points.shape != (count, columns) or not np.isfinite(points).all():
        return None
    return points


def _probability(value: float) -> float:
    return min(1.0, max(0.0, value)) if math.isfinite(value) else 0.0
