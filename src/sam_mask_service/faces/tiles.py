"""Windows over a picture: the whole of it in one, and overlapping tiles in which small faces are large enough. Pure."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry import RGB, Box
from .candidates import Rows
from .tuning.search import TILE, TileTuning


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """``pixels``: (size, size, 3) uint8. Its point (u, v), turned by ``angle`` radians (clockwise to the eye) about the
    origin, then times ``scale``, plus (``x``, ``y``), is a point of the picture.

    ``inner``: which of its left, top, right and bottom borders lie inside the picture. ``width``, ``height``: how much
    of it the picture fills.
    """

    pixels: RGB
    x: float
    y: float
    scale: float
    width: int
    height: int
    inner: tuple[bool, bool, bool, bool] = (False, False, False, False)
    angle: float = 0.0


class Pyramid:
    """A picture and its halves: each is made once, by area, when it is first needed. Thread-safe.

    Halving is thirty times as fast as OpenCV's area mode at other ratios; a last odd row or column is left out of it.
    """

    def __init__(self, image: RGB) -> None:
        self.shape = image.shape
        self._lock = threading.Lock()
        self._levels = [image]

    def reduced(self, ratio: float) -> tuple[RGB, float]:
        """The picture halved as often as it stays no smaller than a ``ratio``-th of its size, and which part of its
        size it is.
        """
        halvings = min(max(1, int(ratio)), *self.shape[:2]).bit_length() - 1
        with self._lock:
            while len(self._levels) <= halvings:
                self._levels.append(_half(self._levels[-1]))
            return self._levels[halvings], 0.5**halvings

    def resized(self, width: int, height: int) -> RGB:
        """In another size, each side at least one pixel: halved as often as it goes, then linear."""
        width, height = max(1, width), max(1, height)
        image, _ = self.reduced(min(self.shape[1] / width, self.shape[0] / height))
        if (image.shape[1], image.shape[0]) == (width, height):
            return image
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


def _half(image: RGB) -> RGB:
    width, height = image.shape[1] // 2, image.shape[0] // 2
    return cv2.resize(image[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def length(picture: Pyramid) -> float:
    """The longer side, or of a picture longer than 2 : 1 that of a 2 : 1 picture of its area: what the sizes are shares
    of in which small faces are searched, so that the shape of a picture does not decide which of them are seen."""
    height, width = picture.shape[:2]
    return min(float(max(height, width)), math.sqrt(2 * height * width))


def letterbox(picture: Pyramid, size: int, fill: float = 1.0, grey: int = 0) -> Tile:
    """The whole picture in the middle of one window; its longer side takes ``fill`` of the window, the rest is
    ``grey``.
    """
    height, width = picture.shape[:2]
    factor = size * fill / max(height, width)
    small = picture.resized(round(width * factor), round(height * factor))
    h, w = small.shape[:2]
    left, top = (size - w) // 2, (size - h) // 2
    pixels = np.full((size, size, 3), grey, np.uint8)
    pixels[top : top + h, left : left + w] = small
    return Tile(pixels, -left / factor, -top / factor, 1 / factor, w, h)


def halved(window: Tile) -> Tile:
    """The same view in half as many pixels a side."""
    return Tile(_half(window.pixels), window.x, window.y, 2 * window.scale, window.width // 2, window.height // 2)


def turned(picture: Pyramid, size: int, angle: float) -> Tile:
    """The whole picture in one window that looks at it turned by ``angle`` radians; zero around it.

    A face that is tilted clockwise by ``angle`` stands upright in the window.
    """
    height, width = picture.shape[:2]
    c, s = math.cos(angle), math.sin(angle)
    spread = max(width * abs(c) + height * abs(s), width * abs(s) + height * abs(c))
    factor = size / spread
    small = picture.resized(round(width * factor), round(height * factor))
    h, w = small.shape[:2]
    x, y = w / 2 - (c - s) * size / 2, h / 2 - (s + c) * size / 2
    pixels = sampled(small, np.array([[c, -s, x], [s, c, y]]), size, cv2.BORDER_CONSTANT)
    return Tile(pixels, x / factor, y / factor, 1 / factor, size, size, angle=angle)


def quartered(window: Tile) -> tuple[RGB, list[tuple[int, int, Tile]]]:
    """A window's view in its three quarter turns, in one picture of twice its side, whose fourth quarter stays black.

    Each with its left and top there and the turned window, to whose own pixels both have to be taken off.
    """
    size, span = window.pixels.shape[0], window.pixels.shape[0] * window.scale
    sheet = np.zeros((2 * size, 2 * size, 3), np.uint8)
    views = []
    for k, left, top, dx, dy in ((1, 0, 0, 1, 0), (2, size, 0, 1, 1), (3, 0, size, 0, 1)):
        pixels = np.ascontiguousarray(np.rot90(window.pixels, k))
        sheet[top : top + size, left : left + size] = pixels
        angle = math.radians((90, 180, -90)[k - 1])
        turned_view = Tile(pixels, window.x + dx * span, window.y + dy * span, window.scale, size, size, angle=angle)
        views.append((left, top, turned_view))
    return sheet, views


def within(rows: Rows, left: float, top: float, size: float) -> Rows:
    """The candidates whose middle lies in the square of ``size`` at (``left``, ``top``), in its own pixels."""
    u, v = rows[:, 0] + rows[:, 2] / 2 - left, rows[:, 1] + rows[:, 3] / 2 - top
    out = rows[(u >= 0) & (u < size) & (v >= 0) & (v < size)]
    out[:, 0] -= left
    out[:, 1] -= top
    out[:, 5::2] -= left
    out[:, 6::2] -= top
    return out


def turned_window(picture: Pyramid, centre: tuple[float, float], side: float, angle: float, size: int) -> RGB:
    """(size, size, 3) uint8: the square of ``side`` pixels about ``centre``, turned by ``angle``; the border is
    replicated.

    Large squares are sampled from a half, a quarter … of the picture, so that no detail aliases.
    """
    image, scale = picture.reduced(side / size)
    cx, cy, side = centre[0] * scale, centre[1] * scale, side * scale
    c, s = math.cos(angle) * side / size, math.sin(angle) * side / size
    half = size / 2
    matrix = np.array([[c, -s, cx - c * half + s * half], [s, c, cy - s * half - c * half]])
    return sampled(image, matrix, size, cv2.BORDER_REPLICATE)


def sampled(image: RGB, matrix: NDArray[np.float64], size: int, border: int) -> RGB:
    """(size, size, 3) uint8: window point p shows picture point ``matrix`` · (p, 1), a pixel's centre being at +0.5.

    OpenCV counts from the centre of the first pixel; mediapipe, which leaves that out, is half a pixel off in a turned
    window.
    """
    by_index = matrix.copy()
    by_index[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, by_index, (size, size), flags=flags, borderMode=border)  # type: ignore[return-value]


def around(picture: Pyramid, box: Box, zoom: float, angle: float, size: int) -> Tile:
    """A window turned by ``angle`` about the box's centre, ``zoom`` × the box's longer side wide."""
    (cx, cy), side = box.centre, zoom * box.side
    c, s = math.cos(angle), math.sin(angle)
    pixels = turned_window(picture, (cx, cy), side, angle, size)
    return Tile(pixels, cx - (c - s) * side / 2, cy - (s + c) * side / 2, side / size, size, size, angle=angle)


def fine_windows(picture: Pyramid, side: int, size: int, tuning: TileTuning = TILE) -> list[Tile]:
    """Tiles of ``size`` over the picture at ``side`` pixels on what counts as its longer side."""
    height, width = picture.shape[:2]
    factor = side / length(picture)
    return tiles(picture.resized(round(width * factor), round(height * factor)), 1 / factor, size, tuning)


def starts(length: int, size: int, tuning: TileTuning = TILE) -> list[int]:
    """Where tiles of ``size`` begin so that they cover ``length`` evenly with at least ``tuning.overlap`` of each
    other.
    """
    if length <= size:
        return [0]
    count = math.ceil((length - size) / (size * (1 - tuning.overlap))) + 1
    return [round(i * (length - size) / (count - 1)) for i in range(count)]


def tiles(image: RGB, scale: float, size: int, tuning: TileTuning = TILE) -> list[Tile]:
    """Tiles of ``size`` over ``image``, which is the picture divided by ``scale``; zero where a tile hangs over."""
    height, width = image.shape[:2]
    tops, lefts = starts(height, size, tuning), starts(width, size, tuning)
    return [_tile(image, left, top, scale, size) for top in tops for left in lefts]


def _tile(image: RGB, left: int, top: int, scale: float, size: int) -> Tile:
    height, width = image.shape[:2]
    part = image[top : top + size, left : left + size]
    h, w = part.shape[:2]
    if (h, w) != (size, size):
        part = cv2.copyMakeBorder(part, 0, size - h, 0, size - w, cv2.BORDER_CONSTANT, value=(0, 0, 0))  # type: ignore[assignment]
    inner = (left > 0, top > 0, left + size < width, top + size < height)
    return Tile(part, left * scale, top * scale, scale, w, h, inner)


def uncut(rows: Rows, window: Tile, tuning: TileTuning = TILE) -> Rows:
    """The candidates (in window pixels) that no inner border cuts."""
    margin = tuning.edge * window.pixels.shape[0]
    x0, y0, x1, y1 = rows[:, 0], rows[:, 1], rows[:, 0] + rows[:, 2], rows[:, 1] + rows[:, 3]
    cuts = (x0 < margin, y0 < margin, x1 > window.width - margin, y1 > window.height - margin)
    cut = np.zeros(len(rows), bool)
    for side, inner in zip(cuts, window.inner, strict=True):
        if inner:
            cut |= side
    return rows[~cut]


def placed(rows: Rows, window: Tile) -> Rows:
    """Candidates in window pixels → the same in the picture's. A turned box becomes the upright one of the same centre
    whose sides are between the two, so that quarter turns are exact and a tilted face's box stays as tight as it was.
    """
    c, s = math.cos(window.angle), math.sin(window.angle)
    xs, ys = rows[:, 5::2], rows[:, 6::2]
    u, v = rows[:, 0] + rows[:, 2] / 2, rows[:, 1] + rows[:, 3] / 2
    out = np.empty_like(rows)
    out[:, 2] = (rows[:, 2] * c * c + rows[:, 3] * s * s) * window.scale
    out[:, 3] = (rows[:, 3] * c * c + rows[:, 2] * s * s) * window.scale
    out[:, 0] = (u * c - v * s) * window.scale + window.x - out[:, 2] / 2
    out[:, 1] = (u * s + v * c) * window.scale + window.y - out[:, 3] / 2
    out[:, 4] = rows[:, 4]
    out[:, 5::2] = (xs * c - ys * s) * window.scale + window.x
    out[:, 6::2] = (xs * s + ys * c) * window.scale + window.y
    return out
