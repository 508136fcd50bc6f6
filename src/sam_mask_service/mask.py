"""Mask algebra on arrays: grow, smooth, feather, fill, keep the largest part. Pure; no settings, no clock.

Two kinds of arrays pass through here: ``Bits`` (H, W) bool, and ``Alpha`` (H, W) uint8 with 255 = face. Distances are
Euclidean, in pixels, between pixel centres. The picture's own border is never an outline: a mask that reaches it stays
there.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .deadline import Check, unchecked
from .geometry import Bits, PixelBox

Alpha = NDArray[np.uint8]

SMOOTH_PER_PASS = 0.004
"""Sigma of one smoothing pass as a share of the mask's size (square root of its area)."""
_TILE = 1024
"""Side in pixels of what is looked at in one go: a large mask takes little memory, and not long between two questions
to its deadline."""
_GRID_SIGMA = 4.0
"""Sigma, in cells, that a grid must leave to blur: an outline then lies within a tenth of a pixel of the exact one."""
_EVEN_FROM = 6.0
"""Pixels of feather from which on ridges in it can be seen."""
_EVEN = 1 / 6
"""Sigma of what evens a feather's distances out, as a share of its width: at a tenth, teeth still show."""
_EXACT = 1e-3  # float32 distances of whole pixels: closer than this to n counts as n


def distance_to(bits: Bits) -> NDArray[np.float32]:
    """(H, W) float32: distance of every pixel to the nearest True pixel; 0 on the mask; inf when there is none.

    >>> distance_to(np.array([[True, False, False]])).tolist()
    [[0.0, 1.0, 2.0]]
    """
    if not bits.any():
        return np.full(bits.shape, np.inf, np.float32)
    outside = np.logical_not(bits).view(np.uint8)
    return np.asarray(cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)


def _near_outline(
    bits: Bits, reach: float, work: Callable[[Bits], NDArray[Any]], plain: NDArray[Any], check: Check
) -> NDArray[Any]:
    """``work`` of (H, W) bool, where no pixel's value depends on one farther away than ``reach``; ``plain`` is its
    result away from every outline, and written into. A large mask is looked at in tiles, those alone that an outline
    reaches."""
    if bits.size <= 2 * _TILE * _TILE:
        return work(bits)
    around = int(np.ceil(reach)) + 1
    for top, left in itertools.product(range(0, bits.shape[0], _TILE), range(0, bits.shape[1], _TILE)):
        y, x = max(0, top - around), max(0, left - around)
        part = bits[y : top + _TILE + around, x : left + _TILE + around]
        if part.any() and not part.all():
            check()
            done = work(part)[top - y : top - y + _TILE, left - x : left - x + _TILE]
            plain[top : top + done.shape[0], left : left + done.shape[1]] = done
    return plain


def expand(bits: Bits, pixels: float, check: Check = unchecked) -> Bits:
    """The mask grown by exactly ``pixels`` (shrunk when negative); the cost hardly depends on the number.

    >>> expand(np.array([[False, False, True, False]]), 1).tolist()
    [[False, True, True, True]]
    """
    if pixels == 0 or not bits.any():
        return bits

    def moved(part: Bits) -> Bits:
        return distance_to(part) <= pixels + _EXACT if pixels > 0 else distance_to(~part) > -pixels + _EXACT

    return _near_outline(bits, abs(pixels), moved, bits.copy(), check)


def smooth(bits: Bits, passes: int, size: float | None = None) -> Bits:
    """The outline smoothed by ``passes`` Gaussian passes of 0.4 % of the mask's size each; stays two-valued.

    n passes of sigma s are one pass of sigma s·√n, so 100 cost as much as one. ``size`` is the mask's size in pixels
    (default: square root of its area). Below a third of a pixel nothing would change, and nothing is done.

    >>> spurred = np.array([[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 1, 0, 0], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1]], bool)
    >>> smooth(spurred, 100, size=25).astype(int).tolist()
    [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1]]
    """
    if passes <= 0 or not bits.any():
        return bits
    size = float(np.sqrt(np.count_nonzero(bits))) if size is None else size
    sigma = SMOOTH_PER_PASS * size * float(np.sqrt(passes))
    if sigma < 1 / 3:
        return bits
    soft = _gaussian(bits.view(np.uint8) * np.uint8(255), sigma)
    return np.asarray(soft >= 127.5)


def _gaussian(values: NDArray[Any], sigma: float) -> NDArray[np.float32]:
    """(H, W) uint8 or float32, blurred: exactly, or on a grid when ``sigma`` is wide, so that no width costs more."""
    factor = int(sigma / _GRID_SIGMA)
    if factor >= 2:
        return _gaussian_on_grid(values, sigma, factor)
    soft = cv2.GaussianBlur(values.astype(np.float32), (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(soft, np.float32)


def _gaussian_on_grid(values: NDArray[Any], sigma: float, factor: int) -> NDArray[np.float32]:
    """The same on a grid of ``factor`` pixels: what is wide is smooth, and its cost does not grow with its width.
    Averaging over cells and drawing between them blur as well (variances 1/12 and 1/6 of a cell); the Gaussian does the
    rest."""
    height, width = values.shape
    wide = cv2.copyMakeBorder(values, 0, -height % factor, 0, -width % factor, cv2.BORDER_REPLICATE)
    size = wide.shape[1], wide.shape[0]
    cells = cv2.resize(wide, (size[0] // factor, size[1] // factor), interpolation=cv2.INTER_AREA).astype(np.float32)
    left = float(np.sqrt((sigma / factor) ** 2 - 1 / 4))
    soft = cv2.GaussianBlur(cells, (0, 0), left, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(soft, size, interpolation=cv2.INTER_LINEAR)[:height, :width], np.float32)


def feather(bits: Bits, width: float, check: Check = unchecked) -> Alpha:
    """A soft edge: alpha rises from 0 to 255 over ``width`` pixels, centred on the outline. Width 0: 0 and 255 only.

    The outline runs half-way between the last pixel inside and the first outside. Every tooth of an outline throws a
    ridge across a wide ramp of distances; so from 6 pixels on the distances are evened out, which leaves a straight
    edge as it is.

    >>> feather(np.array([[False, False, True, True]]), 2).tolist()
    [[0, 64, 191, 255]]
    """
    plain = np.asarray(bits, np.uint8) * np.uint8(255)
    if width <= 0 or not bits.any() or bits.all():
        return plain
    reach = feather_reach(width) + (width / 2 if width >= _EVEN_FROM else 0)
    return _near_outline(bits, reach + 1, lambda part: _feathered(part, max(width, 1e-3)), plain, check)


def feather_reach(width: float) -> float:
    """Pixels around a mask that its feather looks at: an edge cut off nearer would show.

    >>> feather_reach(2), feather_reach(24)
    (1.0, 24.0)
    """
    return width / 2 if width < _EVEN_FROM else width / 2 + 3 * width * _EVEN


def _feathered(bits: Bits, width: float) -> Alpha:
    inside = np.maximum(distance_to(~bits) - 0.5, 0)
    outside = np.maximum(distance_to(bits) - 0.5, 0)
    depth = inside - outside
    if width >= _EVEN_FROM:
        depth = _gaussian(np.clip(depth, -width, width), width * _EVEN)
    ramp = np.clip(0.5 + depth / np.float32(width), 0, 1)
    return np.asarray(np.rint(ramp * 255), np.uint8)


def fill_holes(bits: Bits) -> Bits:
    """Every background pixel that no 4-connected way leads from to the array's border becomes mask.

    >>> fill_holes(np.array([[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1]], bool)).astype(int).tolist()
    [[0, 1, 0, 0], [1, 1, 1, 0], [0, 1, 0, 1]]
    """
    padded = np.pad(np.logical_not(bits).view(np.uint8), 1, constant_values=1)
    cv2.floodFill(padded, None, (0, 0), 2)
    return np.asarray(padded[1:-1, 1:-1] != 2)


def largest_part(bits: Bits) -> Bits:
    """The largest 8-connected part alone (the first in reading order among equals).

    >>> largest_part(np.array([[True, False, True, True]])).tolist()
    [[False, False, True, True]]
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(bits.view(np.uint8), connectivity=8)
    if count <= 2:
        return bits
    return np.asarray(labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])))


def parts_touching(bits: Bits, seed: Bits) -> Bits:
    """The 8-connected parts of ``bits`` that share a pixel with ``seed``.

    >>> parts_touching(np.array([[True, True, False, True]]), np.array([[True, False, True, False]])).tolist()
    [[True, True, False, False]]
    """
    _, labels = cv2.connectedComponents(bits.view(np.uint8), connectivity=8)
    keep = np.unique(labels[seed & bits])
    return np.asarray(np.isin(labels, keep[keep > 0]))


def band(prior: Bits, inner: float, outer: float) -> tuple[Bits, Bits]:
    """(sure, possible): the prior shrunk by ``inner`` pixels and grown by ``outer`` pixels.

    >>> sure, possible = band(np.array([[False, False, True, True, True]]), 1, 1)
    >>> sure.tolist(), possible.tolist()
    ([[False, False, False, True, True]], [[False, True, True, True, True]])
    """
    return distance_to(~prior) > inner, distance_to(prior) <= outer


def clip_to_band(bits: Bits, sure: Bits, possible: Bits) -> Bits:
    """The mask with everything sure added and everything impossible removed.

    >>> sure, possible = np.array([[True, False, False]]), np.array([[True, True, False]])
    >>> clip_to_band(np.array([[False, True, True]]), sure, possible).tolist()
    [[True, True, False]]
    """
    return (bits & possible) | sure


def iou(a: Bits, b: Bits) -> float:
    """Intersection over union, 0…1; two empty masks agree: 1.

    >>> iou(np.array([True, True, False]), np.array([False, True, False]))
    0.5
    """
    union = int(np.count_nonzero(a | b))
    return int(np.count_nonzero(a & b)) / union if union else 1.0


def bounds(bits: Bits) -> PixelBox | None:
    """The smallest box that holds every True pixel; None when there is none.

    >>> bounds(np.array([[False, False], [False, True]]))
    PixelBox(x=1, y=1, width=1, height=1)
    """
    rows, columns = np.flatnonzero(bits.any(axis=1)), np.flatnonzero(bits.any(axis=0))
    if not rows.size:
        return None
    x, y = int(columns[0]), int(rows[0])
    return PixelBox(x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1)
