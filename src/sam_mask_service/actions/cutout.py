"""A face or head cut out: on transparency (straight alpha, clean edge colours), on a colour, or on another picture. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidParameter, NoFace
from ..geometry import RGB, Bits, PixelBox
from ..mask import Alpha, bounds
from ..targets.fit import resize
from .anonymise import Colour, blend

Aspect = Literal["free", "1:1", "3:4", "35x45mm"]
RGBA = NDArray[np.uint8]
MAX_FRAME = 64_000_000
"""Pixels of a cut-out: padding may make it larger than the picture."""
_TILE = 256


@dataclass(frozen=True, slots=True)
class _Shape:
    """``ratio`` width over height (0: as the subject is). ``fill``: the subject's height over the frame's when no padding is
    asked for. ``top``: share of the free height that lies above the subject."""

    ratio: float
    fill: float = 0.9
    top: float = 0.5


# 35 x 45 mm: ICAO Doc 9303 part 3: the face from chin to crown takes 70 to 80 % of the picture's height.
_SHAPES: dict[str, _Shape] = {
    "free": _Shape(0.0),
    "1:1": _Shape(1.0),
    "3:4": _Shape(3 / 4, 0.7, 0.4),
    "35x45mm": _Shape(35 / 45, 0.75, 0.45),
}


@dataclass(frozen=True, slots=True)
class Frame:
    """What is cut: ``width`` × ``height`` pixels from (``x``, ``y``) on, which may lie outside the picture."""

    x: int
    y: int
    width: int
    height: int

    def as_dict(self) -> dict[str, int]:
        return {"x": self.x, "y": self.y, "width": self.width, "height": self.height}


def frame(subject: PixelBox, aspect: Aspect = "free", padding: float | None = None) -> Frame:
    """The frame around ``subject`` (the mask's bounds) in the asked aspect.

    ``padding`` is added on every side as a share (0…2) of the subject's longer side; None takes the aspect's own
    measure. The frame grows to reach the aspect, never cuts the subject, and is centred on it in width.
    """
    shape = _SHAPES[aspect]
    if padding is None:
        width, height = subject.width / shape.fill, subject.height / shape.fill
    else:
        extra = 2 * padding * max(subject.width, subject.height)
        width, height = subject.width + extra, subject.height + extra
    if shape.ratio:
        height = max(height, width / shape.ratio)
        width = height * shape.ratio
    w, h = max(subject.width, round(width)), max(subject.height, round(height))
    if w * h > MAX_FRAME:
        raise InvalidParameter("padding: the picture that was asked for would be too large.")
    left = subject.x - (w - subject.width) // 2
    return Frame(left, subject.y - round((h - subject.height) * shape.top), w, h)


def cutout(
    image: RGB,
    alpha: Alpha,
    *,
    background: Colour | RGB | None = None,
    aspect: Aspect = "free",
    padding: float | None = None,
) -> tuple[RGBA | RGB, Frame]:
    """What ``alpha`` ((H, W) uint8, 255 = keep) shows of ``image`` ((H, W, 3) uint8), and the frame that was cut.

    ``background`` None gives (h, w, 4) RGBA with straight alpha and black where it is 0; a colour, or a picture that is
    scaled to cover the frame, gives (h, w, 3). Raises NoFace for an empty mask.
    """
    subject = bounds(alpha > 0)
    if subject is None:
        raise NoFace("The mask is empty: there is nothing to cut out.")
    cut = frame(subject, aspect, padding)
    a, rgb = _take(alpha, cut), decontaminate(_take(image, cut), _take(alpha, cut))
    rgb[a == 0] = 0  # nothing of the background travels under transparency
    if background is None:
        return np.dstack([rgb, a]), cut
    return blend(_backdrop(background, cut), rgb, a, out=rgb), cut


def _take(array: NDArray[np.uint8], cut: Frame) -> NDArray[np.uint8]:
    """The frame's part of ``array``, zero where it lies outside."""
    out = np.zeros((cut.height, cut.width, *array.shape[2:]), np.uint8)
    x0, y0 = max(0, cut.x), max(0, cut.y)
    x1, y1 = min(array.shape[1], cut.x + cut.width), min(array.shape[0], cut.y + cut.height)
    if x1 > x0 and y1 > y0:
        out[y0 - cut.y : y1 - cut.y, x0 - cut.x : x1 - cut.x] = array[y0:y1, x0:x1]
    return out


def _backdrop(background: Colour | RGB, cut: Frame) -> RGB:
    if isinstance(background, tuple):
        return np.full((cut.height, cut.width, 3), background, np.uint8)
    # The part that will be seen is cut before it is scaled: a thin picture scaled as a whole would take any amount of memory.
    h, w = background.shape[:2]
    scale = max(cut.width / w, cut.height / h)
    width, height = (max(1, min(side, round(want / scale))) for side, want in ((w, cut.width), (h, cut.height)))
    x, y = (w - width) // 2, (h - height) // 2
    return resize(background[y : y + height, x : x + width], cut.width, cut.height)


def decontaminate(rgb: RGB, alpha: Alpha) -> RGB:
    """The subject's own colours where ``alpha`` is between 0 and 255; elsewhere ``rgb`` is as it was.

    Fast multi-level foreground estimation by blur fusion (Forte, "Approximate Fast Foreground Colour Estimation", ICIP
    2021, equations 4 to 6): the soft pixel is a mix of foreground and background, both estimated from their surroundings.
    """
    soft = (alpha > 0) & (alpha < 255)
    window = bounds(soft)
    out = rgb.copy()
    if window is None:
        return out
    rows, columns = _around(window.rows, 32), _around(window.columns, 32)
    coarse = _coarse(rgb[rows, columns], alpha[rows, columns])
    inner = soft[rows, columns]
    for tile in _tiles(inner):
        colours = _fine(rgb[rows, columns], alpha[rows, columns], coarse, tile)
        out[rows, columns][tile][inner[tile]] = colours[inner[tile]]
    return out


def _tiles(soft: Bits) -> Iterator[tuple[slice, slice]]:
    """The squares of the window that hold a soft pixel."""
    for y in range(0, soft.shape[0], _TILE):
        for x in range(0, soft.shape[1], _TILE):
            tile = slice(y, min(y + _TILE, soft.shape[0])), slice(x, min(x + _TILE, soft.shape[1]))
            if soft[tile].any():
                yield tile


def _around(part: slice, margin: int) -> slice:
    return slice(max(0, part.start - margin), part.stop + margin)


def _coarse(rgb: RGB, alpha: Alpha) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The wide first level, on a grid of a quarter the size since it is smooth: (foreground, background) colours."""
    grid = (max(1, alpha.shape[1] // 4), max(1, alpha.shape[0] // 4))
    image = np.asarray(cv2.resize(rgb, grid, interpolation=cv2.INTER_AREA), np.float32)
    a = np.asarray(cv2.resize(alpha, grid, interpolation=cv2.INTER_AREA), np.float32)[:, :, None] / np.float32(255)
    return _fuse(image, image, image, a, 22)


def _fine(
    rgb: RGB, alpha: Alpha, coarse: tuple[NDArray[np.float32], NDArray[np.float32]], tile: tuple[slice, slice]
) -> RGB:
    """The narrow second level in one tile: the foreground's colours, (h, w, 3) uint8."""
    rows, columns = (_around(part, 8) for part in tile)
    a = alpha[rows, columns, None].astype(np.float32) / np.float32(255)
    fore, back = (_upscaled(level, rgb.shape[:2], rows, columns) for level in coarse)
    colours = _fuse(rgb[rows, columns].astype(np.float32), fore, back, a, 6)[0]
    y, x = tile[0].start - rows.start, tile[1].start - columns.start
    inner = colours[y : y + tile[0].stop - tile[0].start, x : x + tile[1].stop - tile[1].start]
    return np.asarray(np.rint(inner), np.uint8)


def _upscaled(grid: NDArray[np.float32], size: tuple[int, int], rows: slice, columns: slice) -> NDArray[np.float32]:
    """The part of ``grid`` stretched to ``size`` (height, width) that lies in ``rows`` × ``columns``."""
    sy, sx = grid.shape[0] / size[0], grid.shape[1] / size[1]
    y = (np.arange(*rows.indices(size[0])) + 0.5) * sy - 0.5
    x = (np.arange(*columns.indices(size[1])) + 0.5) * sx - 0.5
    xs, ys = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    return np.asarray(cv2.remap(grid, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _fuse(
    image: NDArray[np.float32],
    fore: NDArray[np.float32],
    back: NDArray[np.float32],
    a: NDArray[np.float32],
    radius: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """One level: (foreground, blurred background), float32 0…255."""
    size = (radius, radius)
    weight = cv2.blur(a, size)[:, :, None]
    mean_fore = cv2.blur(fore * a, size) / (weight + 1e-5)
    mean_back = cv2.blur(back * (1 - a), size) / (1 - weight + 1e-5)
    better = mean_fore + a * (image - a * mean_fore - (1 - a) * mean_back)
    return np.clip(better, 0, 255).astype(np.float32), np.asarray(mean_back, np.float32)


_HEX = re.compile(r"#?([0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE | re.ASCII)
_NAMED: dict[str, Colour] = {
    "white": (255, 255, 255),
    "black": (0, 0, 0),
    "grey": (128, 128, 128),
    "gray": (128, 128, 128),
}


def colour(text: str) -> Colour:
    """``#rgb``, ``#rrggbb``, ``white``, ``black``, ``grey``. Raises InvalidParameter.

    >>> colour("#f80")
    (255, 136, 0)
    """
    if text.lower() in _NAMED:
        return _NAMED[text.lower()]
    match = _HEX.fullmatch(text)
    if match is None:
        raise InvalidParameter("A colour is #rrggbb, #rgb, white, black or grey.")
    digits = match[1] if len(match[1]) == 6 else "".join(2 * d for d in match[1])
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
