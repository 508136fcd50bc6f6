"""A mask in a window of the picture: one type, two-valued or soft, and its algebra. Pure.

Nothing else puts a mask into a picture or takes it out of one: whoever needs another window asks ``cut``, which knows
what lies outside.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from .deadline import Check, unchecked
from .geometry import Bits, PixelBox
from .mask import SMOOTH_PER_PASS, Alpha, bounds, expand, feather, feather_reach, smooth

_Value = TypeVar("_Value", bound=np.generic)
_P = TypeVar("_P", bound="_Placed[Any]")


def cut(array: NDArray[_Value], box: PixelBox) -> NDArray[_Value]:
    """(box.height, box.width, …): what ``box`` shows of ``array`` (H, W, …); 0 where it shows nothing. Always a copy.

    >>> cut(np.arange(1, 7).reshape(2, 3), PixelBox(1, -1, 3, 2)).tolist()
    [[0, 0, 0], [2, 3, 0]]
    """
    out = np.zeros((box.height, box.width, *array.shape[2:]), array.dtype)
    both = box.clipped(array.shape[1], array.shape[0])
    there = both.moved(-box.x, -box.y)
    out[there.rows, there.columns] = array[both.rows, both.columns]
    return out


@dataclass(frozen=True, slots=True, eq=False)
class _Placed(Generic[_Value]):
    """``values``: (h, w) whose pixel (0, 0) is the picture's pixel (``x``, ``y``). Outside of the window the mask is
    0.
    """

    x: int
    y: int
    values: NDArray[_Value]

    @property
    def box(self) -> PixelBox:
        """The window in the picture.

        >>> Patch(3, 1, np.ones((1, 2), bool)).box
        PixelBox(x=3, y=1, width=2, height=1)
        """
        return PixelBox(self.x, self.y, self.values.shape[1], self.values.shape[0])

    def bounds(self) -> PixelBox | None:
        """The smallest box of the picture that holds all that is not 0; None when nothing is.

        >>> Patch(3, 1, np.array([[False, True]])).bounds()
        PixelBox(x=4, y=1, width=1, height=1)
        """
        box = bounds(np.asarray(self.values, bool))
        return None if box is None else box.moved(self.x, self.y)

    def cut(self: _P, box: PixelBox) -> _P:
        """The mask seen in another window; itself when it is the same.

        >>> Patch(3, 1, np.array([[True, True]])).cut(PixelBox(4, 1, 2, 1)).values.tolist()
        [[True, False]]
        """
        if box == self.box:
            return self
        return type(self)(box.x, box.y, cut(self.values, box.moved(-self.x, -self.y)))

    def place(self, width: int, height: int) -> NDArray[_Value]:
        """(height, width): the mask in the whole picture.

        >>> Patch(1, 0, np.array([[True], [True]])).place(3, 2).astype(int).tolist()
        [[0, 1, 0], [0, 1, 0]]
        """
        return self.cut(PixelBox(0, 0, width, height)).values

    def widened(self: _P, margin: int, width: int, height: int) -> _P:
        """The mask in a window ``margin`` pixels wider on every side, as far as a picture of ``width`` × ``height``
        goes.

        >>> Patch(1, 0, np.array([[True]])).widened(2, 3, 9).box
        PixelBox(x=0, y=0, width=3, height=3)
        """
        return self.cut(self.box.grown(margin).clipped(width, height))

    def trimmed(self: _P) -> _P:
        """The mask in the smallest window that holds it (one pixel of 0 when there is nothing).

        >>> Patch(3, 1, np.array([[False, True]])).trimmed().box
        PixelBox(x=4, y=1, width=1, height=1)
        """
        box = self.bounds()
        return self._nothing() if box is None else self.cut(box)

    def moved(self: _P, dx: int, dy: int) -> _P:
        """The mask so many pixels to the right and down.

        >>> Patch(3, 1, np.array([[True]])).moved(-3, 1).box
        PixelBox(x=0, y=2, width=1, height=1)
        """
        return type(self)(self.x + dx, self.y + dy, self.values)

    def union(self: _P, other: _P) -> _P:
        """The higher of both everywhere, in the smallest window that holds both.

        >>> Patch(0, 0, np.array([[True]])).union(Patch(2, 0, np.array([[True]]))).values.tolist()
        [[True, False, True]]
        """
        box = self.box.hull(other.box)
        return type(self)(box.x, box.y, np.maximum(self.cut(box).values, other.cut(box).values))

    def intersection(self: _P, other: _P) -> _P:
        """The lower of both everywhere, in the window that they share (one pixel of 0 when they share none).

        >>> Patch(0, 0, np.array([[True, True]])).intersection(Patch(1, 0, np.array([[True]]))).box
        PixelBox(x=1, y=0, width=1, height=1)
        """
        box = self.box.overlap(other.box)
        if not (box.width and box.height):
            return self._nothing()
        return type(self)(box.x, box.y, np.minimum(self.cut(box).values, other.cut(box).values))

    def _nothing(self: _P) -> _P:
        return type(self)(self.x, self.y, np.zeros((1, 1), self.values.dtype))


class SoftPatch(_Placed[np.uint8]):
    """A mask with a soft edge in a window of the picture: ``alpha`` (h, w) uint8, 255 = face."""

    __slots__ = ()

    @property
    def alpha(self) -> Alpha:
        return self.values

    def above(self, least: int) -> Patch:
        """Where alpha is ``least`` or more.

        >>> SoftPatch(3, 1, np.array([[127, 128]], np.uint8)).above(128).bits.tolist()
        [[False, True]]
        """
        return Patch(self.x, self.y, self.alpha >= least)


@dataclass(frozen=True, slots=True)
class Finish:
    """What is done to a mask as drawn, in this order: ``passes`` of smoothing (``mask.smooth``), then ``grow`` pixels
    more (less when negative), so that the growth is exact in what the caller gets; then ``soft``: the width of its edge
    in pixels."""

    grow: int = 0
    passes: int = 0
    soft: float = 0.0


class Patch(_Placed[np.bool_]):
    """A two-valued mask in a window of the picture: ``bits`` (h, w) bool."""

    __slots__ = ()

    @property
    def bits(self) -> Bits:
        return self.values

    @staticmethod
    def empty(x: int = 0, y: int = 0) -> Patch:
        """Nothing, in one pixel.

        >>> Patch.empty(2, 1).bounds() is None
        True
        """
        return Patch(x, y, np.zeros((1, 1), bool))

    @property
    def area(self) -> int:
        """Pixels of the mask.

        >>> Patch(3, 1, np.array([[False, True]])).area
        1
        """
        return int(np.count_nonzero(self.bits))

    def has(self, x: float, y: float) -> bool:
        """Whether the point (``x``, ``y``) of the picture lies on the mask.

        >>> Patch(3, 1, np.array([[True]])).has(3.9, 1.0), Patch(3, 1, np.array([[True]])).has(2.9, 1.0)
        (True, False)
        """
        return bool(self.cut(PixelBox(int(np.floor(x)), int(np.floor(y)), 1, 1)).bits.any())

    def minus(self, other: Patch) -> Patch:
        """The mask without ``other``, in the smallest window that holds both.

        >>> Patch(0, 0, np.array([[True, True]])).minus(Patch(1, 0, np.array([[True]]))).bits.tolist()
        [[True, False]]
        """
        box = self.box.hull(other.box)
        return Patch(box.x, box.y, self.cut(box).bits & ~other.cut(box).bits)

    def iou(self, other: Patch) -> float:
        """Intersection over union, 0…1, wherever the windows lie; two empty masks agree: 1.

        >>> Patch(0, 0, np.array([[True, True]])).iou(Patch(1, 0, np.array([[True, False]])))
        0.5
        """
        both = self.intersection(other).area
        union = self.area + other.area - both
        return both / union if union else 1.0

    def finished(self, how: Finish, width: int, height: int, check: Check = unchecked) -> SoftPatch:
        """The mask smoothed, grown and feathered, in a window that holds all of it in a picture of ``width`` ×
        ``height``. ``check`` is asked meanwhile, and may raise.

        >>> Patch(2, 0, np.array([[True]])).finished(Finish(grow=1), 9, 1).place(9, 1).tolist()
        [[0, 255, 255, 255, 0, 0, 0, 0, 0]]
        """
        size = float(np.sqrt(self.area))
        sigma = SMOOTH_PER_PASS * size * float(np.sqrt(max(0, how.passes)))
        margin = max(0, how.grow) + int(np.ceil(feather_reach(how.soft) + 3 * sigma)) + 2
        wide = self.widened(margin, width, height)
        check()
        grown = expand(smooth(wide.bits, how.passes, size), how.grow, check)
        return SoftPatch(wide.x, wide.y, feather(grown, how.soft, check))


def compose(parts: Iterable[SoftPatch], width: int, height: int) -> Alpha:
    """(height, width) uint8: the patches in one picture; where they meet, the higher alpha wins.

    >>> left, right = (SoftPatch(x, 0, np.array([values], np.uint8)) for x, values in ((0, [9, 5]), (1, [7, 7])))
    >>> compose([left, right], 4, 1).tolist()
    [[9, 7, 7, 0]]
    """
    canvas = np.zeros((height, width), np.uint8)
    for part in parts:
        inside = part.cut(part.box.clipped(width, height))
        view = canvas[inside.box.rows, inside.box.columns]
        np.maximum(view, inside.alpha, out=view)
    return canvas
