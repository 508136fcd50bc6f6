"""How a picture is made to fit a consumer's sizes, and back: scaling only where a limit forces it, else padding alone.
Pure.

The picture is scaled as a whole to ``content`` and laid into a canvas; what is left around it repeats the border
pixels. Padding keeps every pixel as it was, so the way back from an unscaled fit is exact.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidParameter
from .row import Target

Array = TypeVar("Array", bound=NDArray[np.uint8])
MAX_CANVAS = 200_000_000
_FIELDS = (
    "source_width",
    "source_height",
    "width",
    "height",
    "offset_x",
    "offset_y",
    "content_width",
    "content_height",
)


@dataclass(frozen=True, slots=True)
class Transform:
    """From a picture of ``source_width`` × ``source_height`` to a canvas of ``width`` × ``height`` that holds it as
    ``content_width`` × ``content_height`` at (``offset_x``, ``offset_y``). All in whole pixels."""

    source_width: int
    source_height: int
    width: int
    height: int
    offset_x: int = 0
    offset_y: int = 0
    content_width: int = 0
    content_height: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "content_width", self.content_width or self.source_width)
        object.__setattr__(self, "content_height", self.content_height or self.source_height)

    @property
    def scaled(self) -> bool:
        return (self.content_width, self.content_height) != (self.source_width, self.source_height)

    @property
    def identity(self) -> bool:
        return not self.scaled and (self.width, self.height) == (self.source_width, self.source_height)

    def forward(self, x: float, y: float) -> tuple[float, float]:
        """A point of the picture, in the canvas (continuous coordinates: a pixel's centre is at +0.5)."""
        return (
            x * self.content_width / self.source_width + self.offset_x,
            y * self.content_height / self.source_height + self.offset_y,
        )

    def backward(self, x: float, y: float) -> tuple[float, float]:
        """A point of the canvas, in the picture."""
        return (
            (x - self.offset_x) * self.source_width / self.content_width,
            (y - self.offset_y) * self.source_height / self.content_height,
        )

    def as_dict(self) -> dict[str, Any]:
        """The fields, and both ways as scale and offset: canvas = picture × scale + offset."""
        sx, sy = self.content_width / self.source_width, self.content_height / self.source_height
        return {
            **{name: getattr(self, name) for name in _FIELDS},
            "forward": {"scale_x": sx, "scale_y": sy, "offset_x": self.offset_x, "offset_y": self.offset_y},
            "backward": {
                "scale_x": 1 / sx,
                "scale_y": 1 / sy,
                "offset_x": -self.offset_x / sx,
                "offset_y": -self.offset_y / sy,
            },
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], most: int = MAX_CANVAS) -> Transform:
        """The transform of an earlier answer; ``forward`` and ``backward`` are derived and not read. ``most``: pixels
        that a caller may make us build.

        Raises InvalidParameter for missing, foreign or impossible values.
        """
        made = cls(**plain(values))
        inside = made.offset_x + made.content_width <= made.width and made.offset_y + made.content_height <= made.height
        if min(values[n] for n in _FIELDS if not n.startswith("offset")) < 1 or not inside:
            raise InvalidParameter("transform: the picture does not lie inside its canvas.")
        if max(made.width * made.height, made.source_width * made.source_height) > most:
            raise InvalidParameter("transform: too large.")
        return made


def plain(values: Mapping[str, Any]) -> dict[str, int]:
    """The fields of a transform alone. Raises InvalidParameter for missing, foreign or impossible ones."""
    wrong = [n for n in _FIELDS if type(values.get(n)) is not int or not 0 <= values[n] <= 100_000]
    if wrong or set(values) - {*_FIELDS, "forward", "backward"}:
        raise InvalidParameter("transform: send it back as an answer with target gave it.")
    return {n: values[n] for n in _FIELDS}


def _up(value: float, multiple: int) -> int:
    return max(1, math.ceil(value / multiple - 1e-9)) * multiple


def _canvas(content: tuple[int, int], row: Target) -> tuple[int, int]:
    """The smallest canvas around ``content`` that keeps the row's lower bounds, aspect and multiples."""
    w, h = (_up(max(side, row.min_side), row.multiple) for side in content)
    w, h = max(w, _up(h / row.max_aspect, row.multiple)), max(h, _up(w / row.max_aspect, row.multiple))
    return w, h


def _scaled(width: int, height: int, scale: float) -> tuple[int, int]:
    return _up(width * scale, 1), _up(height * scale, 1)


def _too_large(size: tuple[int, int], row: Target) -> bool:
    return max(size) > row.max_side or size[0] * size[1] > row.max_pixels


def fit(width: int, height: int, row: Target, limit: float = 1.0) -> Transform:
    """How a picture of ``width`` × ``height`` becomes one that ``row`` takes: as large as it may stay, never larger
    than it must. ``limit`` 0…1 makes it smaller still (to get under a byte limit).

    Raises InvalidParameter when no size fits.
    """
    want = limit * max(1.0, row.min_side / min(width, height), math.sqrt(row.min_pixels / (width * height)))
    scale = (
        want if not _too_large(_canvas(_scaled(width, height, want), row), row) else _largest(width, height, row, want)
    )
    content = _scaled(width, height, scale)
    size = _canvas(content, row)
    if _too_large(size, row) or size[0] * size[1] < row.min_pixels:
        raise InvalidParameter(f"target: a picture of {width} × {height} cannot be made to fit {row.name}.")
    x, y = (size[0] - content[0]) // 2, (size[1] - content[1]) // 2
    return Transform(width, height, *size, x, y, *content)


def _largest(width: int, height: int, row: Target, above: float) -> float:
    """The largest scale below ``above`` whose canvas is not too large: bisection, since the canvas grows with the
    scale.
    """
    low, high = 0.0, above
    for _ in range(40):
        middle = (low + high) / 2
        if _too_large(_canvas(_scaled(width, height, middle), row), row):
            high = middle
        else:
            low = middle
    return low


def apply(array: Array, transform: Transform) -> Array:
    """``array`` (H, W) or (H, W, C) uint8 of the picture's size, as the canvas holds it."""
    if transform.identity:
        return array
    content = resize(array, transform.content_width, transform.content_height)
    right = transform.width - transform.content_width - transform.offset_x
    bottom = transform.height - transform.content_height - transform.offset_y
    return cv2.copyMakeBorder(  # type: ignore[return-value]
        content, transform.offset_y, bottom, transform.offset_x, right, borderType=cv2.BORDER_REPLICATE
    )


def undo(array: Array, transform: Transform) -> Array:
    """``array`` of the canvas's size, as the picture has it: cropped, and scaled back where it was scaled."""
    y, x = transform.offset_y, transform.offset_x
    content = array[y : y + transform.content_height, x : x + transform.content_width]
    return resize(content, transform.source_width, transform.source_height)  # type: ignore[return-value]


def resize(array: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """To ``width`` × ``height``: by area when it shrinks, cubic when it grows; the array itself when the size is
    right.
    """
    if array.shape[:2] == (height, width):
        return array
    shrinks = width * height < array.shape[0] * array.shape[1]
    kind = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(array, (width, height), interpolation=kind), np.uint8)
