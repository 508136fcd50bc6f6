"""The 468 face-mesh points as geometry: axes of the face, its outline with the forehead, and the rings of its parts.
Pure.

Point numbers follow mediapipe's canonical face model (``mediapipe/modules/face_geometry/data``). Left and right are the
picture's. The mesh ends where the hair often begins or lower, so the outline has a raised forehead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry import Bits, PixelBox, Points
from ..patch import Patch
from .tuning.mesh import MESH, MeshTuning

Polygon = NDArray[np.float32]
"""(N, 2) float32 corners in pixels; a pixel's centre is at +0.5."""
Rings = tuple[tuple[int, ...], ...]
"""Point numbers of closed outlines."""

CHIN, FOREHEAD, LEFT_CHEEK, RIGHT_CHEEK, NOSE_TIP = 152, 10, 234, 454, 1
OVAL: Final = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
JAW: Final = OVAL[8:29]
"""The lower half of the oval, from the right cheek over the chin to the left cheek."""
EYES: Final[Rings] = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249),
)
BROWS: Final[Rings] = (
    (70, 63, 105, 66, 107, 55, 65, 52, 53, 46),
    (300, 293, 334, 296, 336, 285, 295, 282, 283, 276),
)
MOUTH: Final = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
MOUTH_OPENING: Final = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
NOSE: Final = (168, 122, 174, 198, 49, 48, 64, 98, 97, 2, 326, 327, 294, 278, 279, 420, 399, 351)


@dataclass(frozen=True, slots=True, eq=False)
class Axes:
    """The face's own axes. ``chin``: (2,) pixels; ``up``, ``right``: unit vectors (2,); ``height`` chin to forehead
    point, ``width`` cheek to cheek but at least 0.6 of the height, in pixels; ``turn`` −1 (profile to the left) … 0 … 1
    (to the right, along ``right``)."""

    chin: NDArray[np.float32]
    up: NDArray[np.float32]
    right: NDArray[np.float32]
    height: float
    width: float
    turn: float

    @property
    def yaw(self) -> float:
        """0 (frontal) … 1 (profile)."""
        return abs(self.turn)

    def along(self, points: Points) -> NDArray[np.float32]:
        """(N,) float32: how far up each of the (N, 2+) points lies: 0 at the chin, 1 at the forehead point."""
        return np.asarray((points[:, :2] - self.chin) @ self.up / np.float32(self.height), np.float32)


def axes_of(points: Points, tuning: MeshTuning = MESH) -> Axes:
    """The axes of the face whose (468, 2+) points these are."""
    xy = np.asarray(points[:, :2], np.float32)
    chin, axis = xy[CHIN], xy[FOREHEAD] - xy[CHIN]
    height = max(float(np.hypot(*axis)), 1e-3)
    up = axis / np.float32(height)
    right = np.array([-up[1], up[0]], np.float32)
    left_half = float((xy[NOSE_TIP] - xy[LEFT_CHEEK]) @ right)
    right_half = float((xy[RIGHT_CHEEK] - xy[NOSE_TIP]) @ right)
    turn = (left_half - right_half) / (abs(left_half) + abs(right_half) + 1e-6)
    width = max(abs(left_half + right_half), tuning.least_aspect * height)
    return Axes(chin, up, right, height, width, float(np.clip(turn, -1, 1)))


def raised_oval(points: Points, lift: float, tuning: MeshTuning = MESH) -> Polygon:
    """The oval with its forehead lifted by ``lift`` face heights; nothing below mid-face moves, the lift grows smoothly
    above.
    """
    axes = axes_of(points, tuning)
    ring = np.asarray(points[list(OVAL), :2], np.float32)
    weight = np.clip((axes.along(ring) - tuning.raised_from) / (1 - tuning.raised_from), 0, 1) ** tuning.raised_power
    return np.asarray(ring + np.outer(weight * lift * axes.height, axes.up), np.float32)


def outline(points: Points, lift: float, tuning: MeshTuning = MESH) -> Polygon:
    """The face's silhouette: convex hull of all points and the oval lifted by ``lift`` face heights.

    All points, since the oval alone cuts the nose, lips and far brow off a face in three-quarter view or profile.
    """
    everything = np.vstack([np.asarray(points[:, :2], np.float32), raised_oval(points, lift, tuning)])
    return np.asarray(cv2.convexHull(everything)[:, 0], np.float32)


def polygons(points: Points, rings: Rings) -> list[Polygon]:
    """The outlines that rings of point numbers are in a face whose points these are."""
    xy = np.asarray(points[:, :2], np.float32)
    return [xy[list(ring)] for ring in rings]


def fill(shape: tuple[int, int], outlines: Iterable[Polygon], holes: Iterable[Polygon] = ()) -> Bits:
    """(H, W) bool: the pixels whose centres lie in one of the outlines (edges included) and in none of the holes."""
    canvas = np.zeros(shape, np.uint8)
    for value, group in ((1, outlines), (0, holes)):
        for polygon in group:
            corners = np.clip(np.rint((polygon - 0.5) * 16), -(2**24), 2**24).astype(np.int32)
            cv2.fillPoly(canvas, [corners], value, lineType=cv2.LINE_8, shift=4)
    return canvas.astype(bool)


def filled(box: PixelBox, outlines: Iterable[Polygon], holes: Iterable[Polygon] = ()) -> Patch:
    """As ``fill``, in a window of the picture."""
    corner = np.array([box.x, box.y], np.float32)
    within = [[polygon - corner for polygon in group] for group in (outlines, holes)]
    return Patch(box.x, box.y, fill((box.height, box.width), *within))
