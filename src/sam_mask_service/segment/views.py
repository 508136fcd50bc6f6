"""What SAM looks at: the whole picture, or square crops around faces. Pure.

SAM answers on a grid of 256 × 256 for whatever it was shown. A face of 40 pixels in a picture of 4000 gets three cells of it;
in a crop of its own it gets a hundred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..geometry import Box, Face, PixelBox
from .segmenter import Detail

Looked = Literal["picture", "face"]

CONTEXT = 2.6
"""Side of a face's crop in face sides: the head, its hair and some neck and shoulders, as SAM was trained on whole scenes."""
NEAR = 1.6
"""Faces share a crop when it is at most so many times as large as the larger one's own."""
WORTH = 0.8
"""A crop over this share of the picture's longer side shows nothing that the picture does not."""
COARSE = 112
"""``auto``: a face whose side is below so many pixels of the model's input (28 cells of the mask grid) is worth a crop …"""
AUTO_VIEWS = 2
"""… when no more crops than this are needed: each costs a run of the encoder."""


@dataclass(frozen=True, slots=True)
class Plan:
    detail: Looked
    views: tuple[PixelBox, ...]


def plan(width: int, height: int, faces: Sequence[Face], detail: Detail, image_size: int) -> Plan:
    """What to encode of a picture of ``width`` × ``height``. ``detail`` of the answer is what was really chosen."""
    whole = Plan("picture", (PixelBox(0, 0, width, height),))
    if detail == "picture" or not faces:
        return whole
    if detail == "auto" and not _coarse(width, height, faces, image_size):
        return whole
    crops = tuple(_inside(square, width, height) for square in groups([_square(face.box) for face in faces]))
    if max(max(c.width, c.height) for c in crops) >= WORTH * max(width, height):
        return whole
    if detail == "auto" and len(crops) > AUTO_VIEWS:
        return whole
    return Plan("face", crops)


def _coarse(width: int, height: int, faces: Sequence[Face], image_size: int) -> bool:
    scale = image_size / max(width, height)
    return min(face.box.side for face in faces) * scale < COARSE


def _square(box: Box, factor: float = CONTEXT) -> Box:
    side = box.side * factor
    x, y = box.centre
    return Box(x - side / 2, y - side / 2, side, side)


def _union(a: Box, b: Box) -> Box:
    """The square around both."""
    x, y = min(a.x, b.x), min(a.y, b.y)
    return _square(Box(x, y, max(a.right, b.right) - x, max(a.bottom, b.bottom) - y), 1)


def groups(squares: Sequence[Box]) -> list[Box]:
    """Squares merged greedily while a common square stays near in size to the larger of its parts."""
    left = sorted(squares, key=lambda s: (s.x, s.y))
    done: list[Box] = []
    while left:
        current = left.pop(0)
        partner = next((s for s in left if _union(current, s).side <= NEAR * max(current.side, s.side)), None)
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
