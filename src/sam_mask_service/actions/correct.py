"""A mask corrected by the user's points, for engines that take no prompts themselves. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ..deadline import Check, unchecked
from ..geometry import RGB, Bits
from ..mask import fill_holes
from .tuning import POINT, PointTuning

UserPoint = tuple[float, float, int]


def correct(
    rgb: RGB,
    bits: Bits,
    points: Sequence[UserPoint],
    size: float,
    check: Check = unchecked,
    tuning: PointTuning = POINT,
    grow: int = 0,
) -> Bits:
    """``bits`` (H, W) with the patch around every point added (1) or taken away (0), in the order of the points; a
    point that the mask follows already changes nothing.

    A patch is what hangs together with the point in colour, without holes, at most a quarter of the face's ``size``
    (pixels) away, and the small disc around the point in any case. ``rgb``: (H, W, 3) uint8; points in its pixels.
    ``check`` is asked before each, and may raise. ``grow``: by how many pixels the mask is widened (negative: shrunk)
    afterwards; the disc is wide enough to outlast it.
    """
    out = bits.copy()
    lab = cv2.cvtColor(cv2.GaussianBlur(rgb, (0, 0), tuning.blur), cv2.COLOR_RGB2LAB)
    for x, y, sign in points:
        check()
        against = closing(grow, sign, size, tuning)
        if follows(out, int(x), int(y), sign, against):
            continue
        where, patch = _patch(np.asarray(lab, np.uint8), int(x), int(y), size, against, tuning)
        out[where] = out[where] | patch if sign else out[where] & ~patch
    return out


def closing(grow: int, sign: int, size: float, tuning: PointTuning = POINT) -> int:
    """How many pixels of a growth work against a point of this sign, and a little for the smoothing: what the point
    opened is closed by so much. 0 when nothing works against it."""
    against = max(0, -grow if sign else grow)
    return against + max(1, round(tuning.core * size / 2)) if against else 0


def follows(bits: Bits, x: int, y: int, sign: int, against: int = 0) -> bool:
    """Whether the point (x, y) is on its side of the mask, with all that is at most ``against`` pixels away.

    >>> follows(np.array([[True, False, False]]), 1, 0, 0), follows(np.array([[True, False, False]]), 1, 0, 0, 1)
    (True, False)
    """
    top, left = max(0, y - against), max(0, x - against)
    near = bits[top : y + against + 1, left : x + against + 1]
    rows, columns = np.ogrid[: near.shape[0], : near.shape[1]]
    disc = (rows - (y - top)) ** 2 + (columns - (x - left)) ** 2 <= against**2
    return bool((near[disc] == bool(sign)).all())


def _patch(
    lab: RGB, x: int, y: int, size: float, against: int, tuning: PointTuning
) -> tuple[tuple[slice, slice], Bits]:
    """(window, patch in it) of the point (x, y)."""
    widest = max(2.0, tuning.core * size) + against
    reach = max(3, round(tuning.reach * size), int(np.ceil(widest)))
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
    core = distance <= widest**2
    closed = cv2.morphologyEx(
        ((filled[1:-1, 1:-1] == 1) & near & (drift <= tuning.drift**2)).astype(np.uint8),
        cv2.MORPH_CLOSE,
        np.ones((3, 3), np.uint8),
    )
    return where, fill_holes((closed == 1) | core)


def _apart(part: RGB, colour: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(H, W): each pixel's squared distance from ``colour``; an eighth of numpy's time for it."""
    off = cv2.absdiff(part, np.array([*colour, 0], np.float64))
    return np.asarray(cv2.transform(cv2.multiply(off, off, dtype=cv2.CV_32F), np.ones((1, 3), np.float32)), np.float32)
