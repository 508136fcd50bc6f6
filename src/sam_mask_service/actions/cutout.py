"""A face or head cut out: on transparency (straight alpha, clean edge colours), on a colour, or on another picture.
Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ..deadline import Check, unchecked
from ..errors import InvalidParameter, NoFace
from ..faces.mesh import CHIN
from ..geometry import RGB, Bits, Face, PixelBox
from ..mask import Alpha, bounds
from ..patch import cut
from ..targets.fit import resize
from .anonymise import Colour, blend

Aspect = Literal["free", "1:1", "3:4", "35x45mm"]
RGBA = NDArray[np.uint8]
MAX_FRAME = 64_000_000
"""Pixels of a cut-out: padding may make it larger than the picture."""
_TILE = 256
_WIDE, _NARROW = 22, 6
"""Blur radii: Forte's 90, on the grid of a quarter the size, and 6."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """``ratio`` width over height (0: as the subject is). ``fill``: the subject's height over the frame's when no
    padding is asked for. ``top``: share of the free height that lies above the subject. ``mm``: its size on paper; such
    a picture is framed by the head, chin to crown, whatever is cut out."""

    ratio: float
    fill: float = 0.9
    top: float = 0.5
    mm: tuple[float, float] | None = None

    def pixels(self, dpi: int | None) -> tuple[int, int] | None:
        """(width, height) on paper at ``dpi`` dots an inch; None when no paper or no dots are asked for."""
        if self.mm is None or dpi is None:
            return None
        return round(self.mm[0] / 25.4 * dpi), round(self.mm[1] / 25.4 * dpi)


# 35 x 45 mm: ICAO Doc 9303 part 3: the face from chin to crown takes 70 to 80 % of the picture's height.
_SHAPES: dict[str, _Shape] = {
    "free": _Shape(0.0),
    "1:1": _Shape(1.0),
    "3:4": _Shape(3 / 4, 0.7, 0.4),
    "35x45mm": _Shape(35 / 45, 0.75, 0.45, (35, 45)),
}


def on_paper(aspect: Aspect) -> bool:
    """Whether the aspect is a size in millimetres."""
    return _SHAPES[aspect].mm is not None


def head_box(alpha: Alpha, faces: Sequence[Face]) -> PixelBox | None:
    """From the chins of ``faces`` to the crown: the highest that ``alpha`` ((H, W) uint8) shows over each face; as wide
    as the faces. None where it shows nothing over any of them."""
    out: PixelBox | None = None
    for face in faces:
        box = face.box.pixels(alpha.shape[1], alpha.shape[0])
        rows = np.flatnonzero((alpha[: box.bottom, box.columns] > 127).any(axis=1))
        if not rows.size:
            continue
        chin = box.bottom if face.landmarks is None else int(np.ceil(face.landmarks[CHIN, 1]))
        crown = int(rows[0])
        head = PixelBox(box.x, crown, box.width, max(1, min(chin, alpha.shape[0]) - crown))
        out = head if out is None else out.hull(head)
    return out


def frame(subject: PixelBox, aspect: Aspect = "free", padding: float | None = None) -> PixelBox:
    """The frame around ``subject`` (the mask's bounds) in the asked aspect; it may leave the picture.

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
    return PixelBox(left, subject.y - round((h - subject.height) * shape.top), w, h)


def cutout(
    image: RGB,
    alpha: Alpha,
    *,
    background: Colour | RGB | None = None,
    aspect: Aspect = "free",
    padding: float | None = None,
    faces: Sequence[Face] = (),
    dpi: int | None = None,
    check: Check = unchecked,
) -> tuple[RGBA | RGB, PixelBox]:
    """What ``alpha`` ((H, W) uint8, 255 = keep) shows of ``image`` ((H, W, 3) uint8), and the frame that was cut.

    ``background`` None gives (h, w, 4) RGBA with straight alpha and black where it is 0; a colour, or a picture that is
    scaled to cover the frame, gives (h, w, 3). An aspect in millimetres is framed by the heads of ``faces``; with
    ``dpi`` it is scaled to its size on paper. ``check`` is asked meanwhile, and may raise. Raises NoFace for an empty
    mask.
    """
    subject = (head_box(alpha, faces) if on_paper(aspect) else None) or bounds(alpha > 0)
    if subject is None:
        raise NoFace("The mask is empty: there is nothing to cut out.")
    box = frame(subject, aspect, padding)
    check()
    a, rgb = cut(alpha, box), cut(image, box)
    size = _SHAPES[aspect].pixels(dpi)
    if size is not None:
        a, rgb = resize(a, *size), resize(rgb, *size)
    rgb = decontaminate(rgb, a, check)
    check()
    rgb = np.asarray(cv2.bitwise_and(rgb, rgb, mask=a), np.uint8)  # nothing of the background travels along
    check()
    if background is None:
        return np.dstack([rgb, a]), box
    return blend(_backdrop(background, *a.shape[::-1]), rgb, a, rgb, check), box


def _backdrop(background: Colour | RGB, across: int, down: int) -> RGB:
    if isinstance(background, tuple):
        return np.full((down, across, 3), background, np.uint8)
    # The part that will be seen is cut before it is scaled: a thin picture scaled as a whole would take any amount of
    # memory.
    h, w = background.shape[:2]
    scale = max(across / w, down / h)
    width, height = (max(1, min(side, round(want / scale))) for side, want in ((w, across), (h, down)))
    x, y = (w - width) // 2, (h - height) // 2
    return resize(background[y : y + height, x : x + width], across, down)


def decontaminate(rgb: RGB, alpha: Alpha, check: Check = unchecked) -> RGB:
    """The subject's own colours where ``alpha`` is between 0 and 255; elsewhere ``rgb`` is as it was.

    Fast multi-level foreground estimation by blur fusion (Forte, "Approximate Fast Foreground Colour Estimation", ICIP
    2021, equations 4 to 6): the soft pixel is a mix of foreground and background, both estimated from their
    surroundings.
    """
    soft = (alpha > 0) & (alpha < 255)
    window = bounds(soft)
    out = rgb.copy()
    if window is None:
        return out
    near = window.grown(32).clipped(soft.shape[1], soft.shape[0])
    where = near.rows, near.columns
    check()
    coarse = _coarse(rgb[where], alpha[where])
    for tile in _tiles(soft[where]):
        check()
        there = soft[where][tile.rows, tile.columns]
        colours = _fine(rgb[where], alpha[where], coarse, tile)
        out[where][tile.rows, tile.columns][there] = colours[there]
    return out


def _tiles(soft: Bits) -> Iterator[PixelBox]:
    """The squares of the window that hold a soft pixel."""
    height, width = soft.shape
    for y in range(0, height, _TILE):
        for x in range(0, width, _TILE):
            tile = PixelBox(x, y, _TILE, _TILE).clipped(width, height)
            if soft[tile.rows, tile.columns].any():
                yield tile


def _coarse(rgb: RGB, alpha: Alpha) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The wide first level, on a grid of a quarter the size since it is smooth: (foreground, background) colours."""
    grid = (max(1, alpha.shape[1] // 4), max(1, alpha.shape[0] // 4))
    image = np.asarray(cv2.resize(rgb, grid, interpolation=cv2.INTER_AREA), np.float32)
    a = np.asarray(cv2.resize(alpha, grid, interpolation=cv2.INTER_AREA), np.float32)[:, :, None] / np.float32(255)
    return _fuse(image, image, image, a, _WIDE)


def _fine(rgb: RGB, alpha: Alpha, coarse: tuple[NDArray[np.float32], NDArray[np.float32]], tile: PixelBox) -> RGB:
    """The narrow second level in one tile: the foreground's colours, (h, w, 3) uint8."""
    near = tile.grown(8).clipped(alpha.shape[1], alpha.shape[0])
    a = alpha[near.rows, near.columns, None].astype(np.float32) / np.float32(255)
    fore, back = (_upscaled(level, rgb.shape[:2], near) for level in coarse)
    colours = _fuse(rgb[near.rows, near.columns].astype(np.float32), fore, back, a, _NARROW)[0]
    inner = tile.moved(-near.x, -near.y)
    return np.asarray(np.rint(colours[inner.rows, inner.columns]), np.uint8)


def _upscaled(grid: NDArray[np.float32], size: tuple[int, int], part: PixelBox) -> NDArray[np.float32]:
    """The ``part`` of ``grid`` stretched to ``size`` (height, width)."""
    sy, sx = grid.shape[0] / size[0], grid.shape[1] / size[1]
    y = (np.arange(part.y, part.bottom) + 0.5) * sy - 0.5
    x = (np.arange(part.x, part.right) + 0.5) * sx - 0.5
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
