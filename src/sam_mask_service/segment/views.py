"""What SAM looks at: the whole picture, or square crops around faces. Pure.

SAM answers on a grid of 256 × 256 for whatever it was shown. A face of 40 pixels in a picture of 4000 gets three cells
of it; in a crop of its own it gets a hundred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..geometry import Box, Face, PixelBox
from .segmenter import Detail
from .tuning.sam import VIEW, ViewTuning

Looked = Literal["picture", "face"]


@dataclass(frozen=True, slots=True)
class Plan:
    detail: Looked
    views: tuple[PixelBox, ...]


def plan(
    width: int, height: int, faces: Sequence[Face], detail: Detail, image_size: int, tuning: ViewTuning = VIEW
) -> Plan:
    """What to encode of a picture of ``width`` × ``height``. ``detail`` of the answer is what was really chosen."""
    whole = Plan("picture", (PixelBox(0, 0, width, height),))
    if detail == "picture" or not faces:
        return whole
    if detail == "auto" and not _coarse(width, height, faces, image_size, tuning):
        return whole
    squares = groups([_square(face.box, tuning.context) for face in faces], tuning)
    crops = tuple(_inside(square, width, height) for square in squares)
    if max(max(c.width, c.height) for c in crops) >= tuning.worth * max(width, height):
        return whole
    if detail == "auto" and len(crops) > tuning.most:
        return whole
    return Plan("face", crops)


def _coarse(width: int, height: int, faces: Sequence[Face], image_size: int, tuning: ViewTuning) -> bool:
    scale = image_size / max(width, height)
    return min(face.box.side for face in faces) * scale < tuning.coarse


def _square(box: Box, factor: float) -> Box:
    side = box.side * factor
    x, y = box.centre
    return Box(x - side / 2, y - side / 2, side, side)


def _union(a: Box, b: Box) -> Box:
    """The square around both."""
    x, y = min(a.x, b.x), min(a.y, b.y)
    return _square(Box(x, y, max(a.right, b.right) - x, max(a.bottom, b.bottom) - y), 1)


def groups(squares: Sequence[Box], tuning: ViewTuning = VIEW) -> list[Box]:
    """Squares merged greedily while a common square stays near in size to the larger of its parts."""
    left = sorted(squares, key=lambda s: (s.x, s.y))
    done: list[Box] = []
    while left:
        current = left.pop(0)
        partner = next((s for s in left if _union(current, s).side <= tuning.near * max(current.side, s.side)), None)
        if partner is None:
            done.append(current)
        else:
            left.remove(partner)
            left.insert(0, _union(current, partner))
    return done


def _inside(square: Box, width: int, height: int) -> PixelBox:
    """Moved into the picture, and cut where it is larger than the picture."""
    w, h = min(round(square.side), width), min(round(square.side), height)
    w, h = max(1, w), max(1, h)
    x = min(max(0, round(square.x)), width - w)
    y = min(max(0, round(square.y)), height - h)
    return PixelBox(x, y, w, h)


def best_view(views: Sequence[PixelBox], box: Box) -> int:
    """Index of the view that shows most of ``box``, the smallest of equals."""

    def key(i: int) -> tuple[float, int]:
        v = views[i]
        return -round(box.intersection(Box(v.x, v.y, v.width, v.height)), 3), v.width * v.height

    return min(range(len(views)), key=key)
