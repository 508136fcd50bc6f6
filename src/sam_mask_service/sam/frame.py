"""Between a picture and the network's square: scaling and normalising in, up-scaling of mask logits out. Pure.

Followed: segment_anything ``utils/transforms.py`` (longest side, bilinear by Pillow) and ``modeling/sam.py``
(preprocess, postprocess_masks: two bilinear steps, 4g → S and the un-padded part → the picture).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..geometry import RGB, Bits
from .config import F32

MEAN = np.array([123.675, 116.28, 103.53], np.float32)
DEVIATION = np.array([58.395, 57.12, 57.375], np.float32)


@dataclass(frozen=True, slots=True)
class Frame:
    """How a picture of ``width`` × ``height`` lies in the model's square of ``size``: scaled, at the top left."""

    width: int
    height: int
    size: int

    @property
    def scale(self) -> float:
        return self.size / max(self.width, self.height)

    @property
    def scaled(self) -> tuple[int, int]:
        """(height, width) in the square, rounded as the reference rounds."""
        return max(1, int(self.height * self.scale + 0.5)), max(1, int(self.width * self.scale + 0.5))

    def to_model(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Pixels (…, 2) of the picture → pixels of the square."""
        height, width = self.scaled
        return np.asarray(points * np.array([width / self.width, height / self.height]), np.float32)


def to_input(image: RGB, size: int) -> F32:
    """(1, 3, size, size) float32: the picture scaled, normalised, with zeros right and below."""
    height, width = Frame(image.shape[1], image.shape[0], size).scaled
    if image.shape[:2] != (height, width):
        image = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
    out = np.zeros((1, 3, size, size), np.float32)
    for channel in range(3):
        plane = out[0, channel, :height, :width]
        np.subtract(image[..., channel], MEAN[channel], out=plane)
        np.divide(plane, DEVIATION[channel], out=plane)
    return out


def upscale(
    logits: F32, frame: Frame, x: int = 0, y: int = 0, width: int | None = None, height: int | None = None
) -> F32:
    """Logits (L, L) of the square → (height, width) float32 of a window of the picture (default: all of it).

    Both bilinear steps as two matrices, of which only the window's rows are made: a face costs what a face is large.
    """
    rows = _Steps(logits.shape[0], frame.size, frame.scaled[0], frame.height)
    columns = _Steps(logits.shape[1], frame.size, frame.scaled[1], frame.width)
    down, seen_rows = _used(rows(y, frame.height - y if height is None else height))
    across, seen_columns = _used(columns(x, frame.width - x if width is None else width))
    return np.asarray(down @ logits[seen_rows, seen_columns] @ across.T, np.float32)


def _used(matrix: F32) -> tuple[F32, slice]:
    """The matrix without the columns that are zero at its sides, and which columns are left."""
    columns = np.flatnonzero(matrix.any(axis=0))
    left = slice(int(columns[0]), int(columns[-1]) + 1)
    return np.ascontiguousarray(matrix[:, left]), left


def shares(bits: Bits, x: int, y: int, frame: Frame, side: int) -> F32:
    """(side, side) float32, 0…1: which share of each cell of the square a mask covers. ``bits`` lies at (x, y) of the
    picture and may reach out of it; what does is left out."""
    height, width = frame.scaled
    sums = np.asarray(cv2.integral(np.ascontiguousarray(bits).view(np.uint8)), np.float64)
    down = _edges(y, bits.shape[0], frame.height, height * side / frame.size, side)
    across = _edges(x, bits.shape[1], frame.width, width * side / frame.size, side)
    at_edges = _between(_between(sums, down).T, across).T
    pixel = (height * side / frame.size / frame.height) * (width * side / frame.size / frame.width)
    return np.asarray(np.diff(np.diff(at_edges, axis=0), axis=1) * pixel, np.float32)


def _edges(first: int, count: int, total: int, used: float, side: int) -> NDArray[np.float64]:
    """(side + 1,): where the cells' edges lie among the mask's ``count`` pixels, of which the first is number ``first``
    of ``total``, these being ``used`` cells. What lies outside the picture counts for no cell."""
    edges = np.clip(np.arange(side + 1) * (total / used), 0, total) - first
    return np.asarray(np.clip(edges, 0, count), np.float64)


def _between(rows: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of an integral image at places between its rows (exact, since a pixel is one colour)."""
    low = np.minimum(places.astype(np.int64), len(rows) - 2)
    part = (places - low)[:, None]
    return np.asarray(rows[low] * (1 - part) + rows[low + 1] * part, np.float64)


class _Steps:
    """Rows of the matrix that takes ``source`` samples to ``square``, cuts to ``used`` and takes these to
    ``target``.
    """

    def __init__(self, source: int, square: int, used: int, target: int) -> None:
        self.source, self.square, self.used, self.target = source, square, used, target

    def __call__(self, first: int, count: int) -> F32:
        outer, more, outer_share = _taps(np.arange(first, first + count), self.used, self.target)
        matrix = np.zeros((count, self.source))
        for taps, share in ((outer, 1 - outer_share), (more, outer_share)):
            low, high, part = _taps(taps, self.source, self.square)
            np.add.at(matrix, (np.arange(count), low), share * (1 - part))
            np.add.at(matrix, (np.arange(count), high), share * part)
        return matrix.astype(np.float32)


def _taps(
    index: NDArray[np.int64], source: int, target: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Bilinear without aligned corners: the two source samples of each target sample, and the share of the second."""
    place = np.maximum((index + 0.5) * source / target - 0.5, 0)
    low = np.minimum(place.astype(np.int64), source - 1)
    return low, np.minimum(low + 1, source - 1), place - low
