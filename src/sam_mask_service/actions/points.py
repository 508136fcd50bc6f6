"""What a user says of a picture by points and a box: where a face is, and what belongs to its mask. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..deadline import Check, unchecked
from ..errors import InvalidParameter
from ..geometry import RGB, Box, Face, PixelBox
from ..patch import Patch
from ..segment.segmenter import FaceMask
from .correct import UserPoint, closing, correct, follows
from .tuning import POINT, PointTuning


def check_points(points: Sequence[UserPoint], width: int, height: int) -> None:
    """Raises InvalidParameter for a point outside the picture."""
    if any(not (x < width and y < height) for x, y, _ in points):
        raise InvalidParameter("points: one lies outside the picture.")


def boxed_face(box: Sequence[float], width: int, height: int) -> Face:
    """A face where the user says so: ``box`` is (x, y, width, height). Raises InvalidParameter when it lies outside."""
    x, y = max(0.0, box[0]), max(0.0, box[1])
    wanted = Box(x, y, min(width, box[0] + box[2]) - x, min(height, box[1] + box[3]) - y)
    if wanted.width < 1 or wanted.height < 1:
        raise InvalidParameter("box: it lies outside the picture.")
    return Face(wanted, 1.0, found_by="user")


def pointed_face(points: Sequence[UserPoint], width: int, height: int, tuning: PointTuning = POINT) -> Face:
    """A face around the user's points, at least a quarter of the picture's shorter side across."""
    spots = np.array([p[:2] for p in points])
    low, high = spots.min(axis=0), spots.max(axis=0)
    side = max(float((high - low).max()), min(width, height) * tuning.alone)
    x, y = (low + high - side) / 2
    around = Box(float(x), float(y), side, side).pixels(width, height)
    return Face(Box(around.x, around.y, around.width, around.height), 1.0, found_by="user")


def nearest(points: Sequence[UserPoint], faces: Sequence[Face]) -> list[list[UserPoint]]:
    """For each face the points that are nearer to it than to any other, measured in its own size."""
    own: list[list[UserPoint]] = [[] for _ in faces]
    for point in points:
        own[min(range(len(faces)), key=lambda i: _distance(faces[i].box, point))].append(point)
    return own


def _distance(box: Box, point: UserPoint) -> float:
    """From the box's centre, in units of its size."""
    x, y = box.centre
    return float(np.hypot(point[0] - x, point[1] - y)) / max(1.0, box.side)


def inside(mask: FaceMask, box: Box) -> FaceMask:
    """The mask without what lies outside the user's box: there may be no face in it, and colours lead anywhere."""
    x, y = round(box.x), round(box.y)
    within = PixelBox(x, y, round(box.right) - x, round(box.bottom) - y)
    return replace(mask, patch=mask.patch.cut(within).cut(mask.patch.box))


def missed(patch: Patch, points: Sequence[UserPoint], size: float, grow: int = 0) -> list[UserPoint]:
    """The points that are not on their side of the mask, or would not be once it has grown by ``grow`` pixels.
    ``size``: of the face, in pixels."""
    return [point for point in points if not _on_its_side(patch, point, closing(grow, point[2], size))]


def _on_its_side(patch: Patch, point: UserPoint, against: int) -> bool:
    x, y, sign = int(point[0]), int(point[1]), point[2]
    side = 2 * against + 1
    return follows(patch.cut(PixelBox(x - against, y - against, side, side)).bits, against, against, sign, against)


def by_colour(
    rgb: RGB,
    patch: Patch,
    size: float,
    points: Sequence[UserPoint],
    check: Check = unchecked,
    tuning: PointTuning = POINT,
    grow: int = 0,
) -> Patch:
    """The patch corrected by what hangs together in colour around each point, in a window that holds them all. ``rgb``:
    the whole picture, (H, W, 3) uint8; ``size``: of the face, in pixels; ``grow`` as in ``correct``."""
    box = patch.box
    far = max(max(box.x - x, x - box.right, box.y - y, y - box.bottom) for x, y, _ in points)
    wide = patch.widened(int(max(0.0, far) + tuning.reach * size) + abs(grow) + 4, rgb.shape[1], rgb.shape[0])
    part = np.ascontiguousarray(rgb[wide.box.rows, wide.box.columns])
    moved = [(x - wide.x, y - wide.y, sign) for x, y, sign in points]
    return Patch(wide.x, wide.y, correct(part, wide.bits, moved, size, check, tuning, grow)).trimmed()
