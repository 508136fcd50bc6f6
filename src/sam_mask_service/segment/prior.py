"""Where a face's outline is expected before a pixel is looked at: from its mesh, or from the detector's box without
one. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..faces.mesh import Axes, Polygon, axes_of, fill, outline
from ..geometry import Bits, Face, Points
from .crop import Window, upright
from .tuning import TUNED, Tuning
from .tuning.ground import PriorTuning


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """Two outlines (N, 2) float32, the mesh's own (``core``) and with the forehead raised (``hull``), and the face's
    axes. ``points``: (468, 2) mesh points, or None without a mesh."""

    core: Polygon
    hull: Polygon
    axes: Axes
    points: Points | None

    def seen_in(self, window: Window) -> Prior:
        """The same in the pixels of a window."""
        axes = self.axes
        turn = (window.matrix[:, :2] / window.scale).astype(np.float32)
        moved = replace(
            axes,
            chin=window.points(axes.chin[None])[0],
            up=turn @ axes.up,
            right=turn @ axes.right,
            height=axes.height * window.scale,
            width=axes.width * window.scale,
        )
        points = None if self.points is None else window.points(self.points)
        return Prior(window.points(self.core), window.points(self.hull), moved, points)

    def window(self, zoom: float, size: int, lift: float = 0.0) -> Window:
        """The upright window round the hull, ``zoom`` times as large as the hull's longer side, moved up by ``lift``
        face heights."""
        across = self.hull @ np.column_stack([self.axes.right, self.axes.up])
        low, high = across.min(0), across.max(0)
        middle = (low + high) / 2 + np.array([0, lift * self.axes.height])
        centre = middle[0] * self.axes.right + middle[1] * self.axes.up
        return upright(centre, zoom * float((high - low).max()), self.axes.up, size)

    def fill(self, polygon: Polygon, size: int) -> Bits:
        return fill((size, size), [polygon])


def prior_of(face: Face, tuning: Tuning = TUNED) -> Prior:
    """The prior of a face in the pixels of its picture."""
    if face.landmarks is None:
        return _from_box(face, tuning.prior)
    points = np.asarray(face.landmarks[:, :2], np.float32)
    core, hull = (outline(points, lift, tuning.mesh) for lift in (0.0, tuning.prior.lift))
    return Prior(core, hull, axes_of(points, tuning.mesh), points)


def _from_box(face: Face, tuning: PriorTuning) -> Prior:
    """An ellipse in the box, turned as the eyes stand where they are known."""
    side, centre = face.box.side, np.array(face.box.centre, np.float32)
    right = _eye_line(face, tuning)
    up = np.array([right[1], -right[0]], np.float32)
    height = (tuning.box_top + tuning.box_bottom) * side
    chin = centre - up * np.float32(tuning.box_bottom * side)
    width = 2 * tuning.box_half_width * max(min(face.box.width, face.box.height), tuning.box_least * side)
    axes = Axes(chin, up, right, height / (1 + tuning.lift), width, 0.0)
    return Prior(_ellipse(axes, 0.0, width), _ellipse(axes, tuning.lift, width), axes, None)


def _ellipse(axes: Axes, lift: float, width: float) -> Polygon:
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False, dtype=np.float32)
    half = np.float32((1 + lift) * axes.height / 2)
    along = np.outer((np.sin(angle) + 1) * half, axes.up)
    return np.asarray(axes.chin + along + np.outer(np.cos(angle) * width / 2, axes.right), np.float32)


def _eye_line(face: Face, tuning: PriorTuning) -> NDArray[np.float32]:
    """(2,) float32: unit vector from the eye on the picture's left to the other; level when the eyes are not known."""
    if face.keypoints is not None:
        line = face.keypoints[1, :2] - face.keypoints[0, :2]
        length = float(np.hypot(*line))
        if length > tuning.eyes_apart * face.box.side:
            return np.asarray(line / length, np.float32)
    return np.array([1, 0], np.float32)
