"""A mask corrected by the user's points, for engines that take no prompts themselves. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ..deadline import Check, unchecked
from ..geometry import RGB, Bits
from .tuning import POINT, PointTuning

UserPoint = tuple[float, float, int]


def correct(
    rgb: RGB,
    bits: Bits,
    points: Sequence[UserPoint],
    size: float,
    check: Check = unchecked,
    tuning: PointTuning = POINT,
) -> Bits:
    """``bits`` (H, W) with the patch around every point added (1) or taken away (0), in the order of the points.

    A patch is what hangs together with the point in colour, at most a quarter of the face's ``size`` (pixels) away, and
    the small disc around the point in any case. ``rgb``: (H, W, 3) uint8; points in its pixels. ``check`` is asked
    before each, and may raise.
    """
    out = bits.copy()
    lab = cv2.cvtColor(cv2.GaussianBlur(rgb, (0, 0), tuning.blur), cv2.COLOR_RGB2LAB)
    for x, y, sign in points:
        check()
        where, patch = _patch(np.asarray(lab, np.uint8), int(x), int(y), size, tuning)
        out[where] = out[where] | patch if sign else out[where] & ~patch
    return out


def _patch(lab: RGB, x: int, y: int, size: float, tuning: PointTuning) -> tuple[tuple[slice, slice], Bits]:
    """(window, patch in it) of the point (x, y)."""
    reach = max(3, round(tuning.reach * size))
    y0, x0 = max(0, y - reach), max(0, x - reach)
    where = slice(y0, min(lab.shape[0], y + reach + 1)), slice(x0, min(lab.shape[1], x + reach + 1))
    part = np.ascontiguousarray(lab[where])
    seed = x - x0, y - y0
    filled = np.zeros((part.shape[0] + 2, part.shape[1] + 2), np.uint8)
    cv2.floodFill(
        part.copy(), filled, seed, 0, (tuning.step,) * 3, (tuning.step,) * 3, 4 | (1 << 8) | cv2.FLOODFILL_MASK_ONLY
    )
    rows, columns = np.ogrid[: part.shape[0], : part.shape[1]]
    distance = (rows - seed[1]) ** 2 + (columns - seed[0]) ** 2
    drift = _apart(part, part[seed[1], seed[0]])
    near = distance <= reach**2
    core = distance <= max(2.0, tuning.core * size) ** 2
    closed = cv2.morphologyEx(
        ((filled[1:-1, 1:-1] == 1) & near & (drift <= tuning.drift**2)).astype(np.uint8),
        cv2.MORPH_CLOSE,
        np.ones((3, 3), np.uint8),
    )
    return where, np.asarray((closed == 1) | core)


def _apart(part: RGB, colour: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(H, W): each pixel's squared distance from ``colour``; an eighth of numpy's time for it."""
    off = cv2.absdiff(part, np.array([*colour, 0], np.float64))
    return np.asarray(cv2.transform(cv2.multiply(off, off, dtype=cv2.CV_32F), np.ones((1, 3), np.float32)), np.float32)
