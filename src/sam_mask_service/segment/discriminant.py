"""How colours tell two sides of an outline apart, place by place: Fisher's linear discriminant in local windows. Pure.

A guided filter (He, Sun, Tang, 2010) fits alpha as a line of the colours in every window to the mask as drawn. Here the
fit is made to trusted pixels alone, so that strands which the outline cut off teach nothing wrong, and both sides count
the same however narrow one is: that is Fisher's discriminant, and its coefficient of determination says whether colours
tell the sides apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry import Bits
from .soften import Soft, box_mean, solved
from .tuning.matte import LINE, LineTuning

_ONE, _HALF, _QUARTER = np.float32(1), np.float32(0.5), np.float32(0.5**2)


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Alpha as a line of the colours at every pixel: ``slope`` (H, W, 3) · colour + ``offset`` (H, W), both float32;
    colours 0…1. ``told``: (H, W) float32 0…1, the share of the variance between the sides that the line explains: 0
    where colours do not tell them apart or one side is not seen."""

    slope: NDArray[np.float32]
    offset: Soft
    told: Soft

    def alpha(self, guide: NDArray[np.float32]) -> Soft:
        """(H, W) float32, about 0 outside and 1 inside, not clipped; ``guide``: (H, W, 3) float32 0…1."""
        return np.asarray(cv2.transform(self.slope * guide, np.ones((1, 3), np.float32)) + self.offset, np.float32)

    def resized(self, width: int, height: int) -> Lines:
        """For the same picture at another size."""
        size = (width, height)
        return Lines(*(np.asarray(cv2.resize(x, size), np.float32) for x in (self.slope, self.offset, self.told)))


def lines(guide: NDArray[np.float32], inside: Bits, trust: Soft, radius: float, tuning: LineTuning = LINE) -> Lines:
    """The discriminant of ``inside`` against the rest, (H, W) bool, in windows of ``radius`` pixels.

    ``guide``: (H, W, 3) float32 0…1; ``trust``: (H, W) float32 0…1, how far each pixel's side is known.
    """
    squares = _products(guide)
    (weight, mean, spread), (other_weight, other_mean, other_spread) = (
        _moments(guide, squares, np.asarray(trust * side, np.float32), radius) for side in (inside, ~inside)
    )
    apart = mean - other_mean
    within = (spread + other_spread) * _HALF + _products(apart) * _QUARTER
    slope = solved(within[..., :3] + np.float32(tuning.noise), within[..., 3:], apart * _QUARTER)
    offset = _HALF - (slope * (mean + other_mean)).sum(-1) * _HALF
    seen = np.minimum(weight, other_weight)
    told = np.clip((slope * apart).sum(-1), 0, 1) * (seen / (seen + np.float32(tuning.there)))
    weight = (weight + other_weight) * (told + np.float32(1e-3))
    return _blended(slope, offset, told, weight, radius, tuning)


def _blended(
    slope: NDArray[np.float32], offset: Soft, told: Soft, weight: Soft, radius: float, tuning: LineTuning
) -> Lines:
    """Each pixel's line from all windows around it. A least-squares line draws both sides' means together: it is
    stretched to run from 0 to 1 between them, where they are told well enough."""
    gain: Soft = np.asarray(1 / np.maximum(told, np.float32(tuning.least)), np.float32)
    offset = (offset - _HALF) * gain + _HALF
    total = _mean(weight, tuning.blend * radius)
    slope = _mean(slope * (weight * gain)[..., None], tuning.blend * radius) / total[..., None]
    offset = _mean(offset * weight, tuning.blend * radius) / total
    return Lines(slope, offset, _mean(told, tuning.told_blend * radius))


def _moments(
    guide: NDArray[np.float32], squares: NDArray[np.float32], weights: Soft, radius: float
) -> tuple[Soft, NDArray[np.float32], NDArray[np.float32]]:
    """(weight, mean (H, W, 3), covariance (H, W, 6) as in ``_products``) in windows."""
    weight = _mean(weights, radius)
    over = (_ONE / (weight + np.float32(1e-9)))[..., None]
    mean = _mean(guide * weights[..., None], radius) * over
    return weight, mean, _mean(squares * weights[..., None], radius) * over - _products(mean)


def _products(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W, 6): rr, gg, bb, rg, rb, gb of (H, W, 3)."""
    r, g, b = cv2.split(x)  # plane by plane: numpy takes three times as long to gather channels
    return np.asarray(cv2.merge([np.asarray(p, np.float32) for p in (r * r, g * g, b * b, r * g, r * b, g * b)]))


def _mean(x: NDArray[np.float32], radius: float) -> NDArray[np.float32]:
    return box_mean(x, max(1, round(radius)))
