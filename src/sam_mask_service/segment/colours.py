"""How likely a colour is among some of a window's pixels: smoothed joint histograms. Pure."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry import RGB, Bits
from .crop import Soft
from .tuning.ground import COLOUR, ColourTuning


class Palette:
    """The colours of one window, each pixel's bin found once. ``lab``: (H, W, 3) uint8, OpenCV's Lab; ``counted``: (H,
    W) bool, the pixels that may teach anything (those that lie in the picture), default all."""

    def __init__(self, lab: NDArray[np.uint8], counted: Bits | None = None, tuning: ColourTuning = COLOUR) -> None:
        index = np.zeros(lab.shape[:2], np.int32)
        for channel in (1, 2, 0):  # L varies fastest: see _blurred
            bins = tuning.bins[channel]
            place = (lab[..., channel] - np.float32(tuning.first[channel])) / np.float32(tuning.width[channel])
            index = index * bins + np.clip(place, 0, bins - 1).astype(np.int32)
        self._index = index
        self._counted = counted
        self._tuning = tuning

    def density(self, weights: Soft) -> Soft:
        """(H, W) float32: for every pixel, the share that its colour has among the pixels with these (H, W) weights."""
        if self._counted is not None:
            weights = weights * self._counted
        counts = np.bincount(self._index.ravel(), weights.ravel(), int(np.prod(self._tuning.bins))).astype(np.float32)
        smooth = _blurred(counts, self._tuning) / np.float32(counts.sum() + 1e-6)
        return np.asarray(smooth[self._index], np.float32)


def log_ratio(one: Soft, other: Soft, unseen: float, most: float) -> Soft:
    """(H, W) float32 log odds of one density against another, bounded by ``most``. ``unseen``: added to both."""
    return np.asarray(np.clip(np.log((one + unseen) / (other + unseen)), -most, most), np.float32)


def to_lab(rgb: RGB) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB), np.uint8)


def _blurred(histogram: NDArray[np.float32], tuning: ColourTuning) -> NDArray[np.float32]:
    """A Gaussian smoothing along each axis of the (a, b, L) histogram, flat in and out. Along a and b at once,
    with L as the channels of a picture; along L, with its lines as the rows of one."""
    light, a, b = tuning.bins
    kernel = cv2.getGaussianKernel(2 * int(np.ceil(3 * tuning.blur)) + 1, tuning.blur)
    image = cv2.sepFilter2D(histogram.reshape(a, b, light), -1, kernel, kernel, borderType=cv2.BORDER_CONSTANT)
    lines = cv2.sepFilter2D(image.reshape(a * b, light), -1, kernel, np.ones((1, 1)), borderType=cv2.BORDER_CONSTANT)
    return np.asarray(lines, np.float32).ravel()
