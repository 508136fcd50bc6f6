"""An outline drawn in a small window, drawn again at the picture's own resolution: its cost goes by its length. Pure.

The neighbourhood of the outline is unrolled into a strip: along the outline, and across it from inside to outside.
There the border is one place in every row. What lies well inside and well outside teaches, some way along, how colours
tell the two sides apart (Fisher's linear discriminant); then the place that splits the row best is taken, rows near by
agreeing (costs are averaged along the outline, as in stereo matching).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry import RGB
from ..patch import Patch
from .tuning.refine import REFINE, RefineTuning

F32 = NDArray[np.float32]


def refined(image: RGB, patch: Patch, step: float, tuning: RefineTuning = REFINE) -> Patch:
    """``patch`` in one piece without holes, drawn again along the picture's edges. ``step``: pixels of the picture to a
    pixel of the window that it was drawn in; at less than ``worth`` it comes back as it is."""
    if step < tuning.worth or not patch.bits.any():
        return patch
    beyond = int(np.ceil((tuning.reach + 2 * tuning.smooth) * step))
    outline, outward = _outline(_gone_on(patch, image, beyond), tuning.along * step, tuning.smooth / tuning.along)
    across = _across(tuning.reach * step, step)
    strip = _strip(image, outline, outward, across)
    place = _places(strip, across, step, tuning)
    return _filled(outline + outward * place[:, None], image.shape[1], image.shape[0])


def _gone_on(patch: Patch, image: RGB, by: int) -> Patch:
    """The mask so many pixels beyond the borders of the picture that it touches: where the picture ends, no outline is
    to be sought."""
    (height, width), box = image.shape[:2], patch.box
    rows = by * (box.y == 0), by * (box.bottom == height)
    columns = by * (box.x == 0), by * (box.right == width)
    return Patch(patch.x - columns[0], patch.y - rows[0], np.pad(patch.bits, (rows, columns), mode="edge"))


def _outline(patch: Patch, spacing: float, sigma: float) -> tuple[F32, F32]:
    """(N, 2) points of the picture along the outline, evenly spaced and smoothed, and the unit vectors that point out
    of it.
    """
    rings, _ = cv2.findContours(patch.bits.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    ring = max(rings, key=len)[:, 0].astype(np.float32)
    closed = np.concatenate([ring, ring[:1]])
    length = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    at = np.linspace(0, length[-1], max(16, int(length[-1] / spacing)), endpoint=False)
    points = np.stack([np.interp(at, length, closed[:, axis]) for axis in (0, 1)], axis=1).astype(np.float32)
    points = _along(points, sigma)
    forward = np.roll(points, -1, axis=0) - np.roll(points, 1, axis=0)
    outward = np.stack([forward[:, 1], -forward[:, 0]], axis=1)
    outward /= np.maximum(np.hypot(*outward.T), 1e-6)[:, None]
    x, y = points.T
    clockwise = np.sign(float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) or 1.0)
    return points + np.array([patch.x, patch.y], np.float32), np.asarray(outward * clockwise, np.float32)


def _across(reach: float, step: float) -> F32:
    """(T,) places across the outline, from inside (−) to outside (+), in pixels."""
    half = int(np.ceil(reach / max(0.5, step / 8)))
    return np.linspace(-reach, reach, 2 * half + 1, dtype=np.float32)


def _strip(image: RGB, outline: F32, outward: F32, across: F32) -> F32:
    """(N, T, 3) float32 0…1: the picture along and across the outline."""
    x = outline[:, :1] + outward[:, :1] * across
    y = outline[:, 1:] + outward[:, 1:] * across
    return cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32) / np.float32(
        255
    )


def _places(strip: F32, across: F32, step: float, tuning: RefineTuning) -> F32:
    """(N,) float32: how far out of the coarse outline the border lies in every row, in pixels."""
    odds = _odds(strip, np.asarray(across < -tuning.core * tuning.reach * step), tuning)
    held = np.cumsum(odds, axis=1, dtype=np.float32) / np.float32(len(across) // 2)
    fall = np.zeros_like(odds)
    fall[:, 1:-1] = (odds[:, :-2] - odds[:, 2:]) / 2
    away = (across / np.float32(tuning.home * step)) ** 2 / 8
    cost = held[:, -1:] - 2 * held - tuning.edge * np.clip(fall, 0, None) + away
    best = np.argmin(_along(np.asarray(cost, np.float32), tuning.agree / tuning.along), axis=1)
    return _along(across[best][:, None], tuning.final / tuning.along)[:, 0]


def _odds(strip: F32, inner: NDArray[np.bool_], tuning: RefineTuning) -> F32:
    """(N, T) float32: log odds of being inside, by colours that the strip's two sides teach along the outline."""
    sigma = tuning.taught / tuning.along
    (mean, spread), (other, other_spread) = (_moments(strip[:, side], sigma) for side in (inner, inner[::-1]))
    within = (spread + other_spread) / 2 + np.float32(tuning.noise) * np.eye(3, dtype=np.float32)
    slope = np.linalg.solve(within, (mean - other)[..., None])[..., 0]
    middle = (slope * (mean + other)).sum(axis=1) / 2
    return np.asarray(
        np.clip(np.einsum("ntc,nc->nt", strip, slope) - middle[:, None], -tuning.most, tuning.most), np.float32
    )


def _moments(side: F32, sigma: float) -> tuple[F32, F32]:
    """Mean (N, 3) and covariance (N, 3, 3) of the colours of one side, averaged along the outline."""
    mean = _along(side.mean(axis=1), sigma)
    square = _along(np.einsum("ntc,ntd->ncd", side, side).reshape(-1, 9) / np.float32(side.shape[1]), sigma)
    return mean, square.reshape(-1, 3, 3) - mean[:, :, None] * mean[:, None, :]


def _along(rows: F32, sigma: float) -> F32:
    """Gaussian means along the first axis, which is a ring."""
    reach = min(len(rows), max(1, int(3 * sigma)))
    ring = np.concatenate([rows[-reach:], rows, rows[:reach]])
    kernel = cv2.getGaussianKernel(2 * reach + 1, sigma, cv2.CV_32F)
    mean = cv2.sepFilter2D(ring, -1, np.ones((1, 1), np.float32), kernel)
    return np.asarray(mean[reach:-reach].reshape(rows.shape), np.float32)


def _filled(ring: F32, width: int, height: int) -> Patch:
    """The mask inside a ring of points, in the part of the picture that it covers."""
    low = np.clip(np.floor(ring.min(axis=0)).astype(int) - 1, 0, [width - 1, height - 1])
    high = np.clip(np.ceil(ring.max(axis=0)).astype(int) + 2, low + 1, [width, height])
    bits = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    cv2.fillPoly(bits, [np.rint((ring - low) * 16).astype(np.int32)], 1, shift=4)
    return Patch(int(low[0]), int(low[1]), bits.astype(bool))
