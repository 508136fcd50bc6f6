"""Soft alpha at hair and fur: the drawn outline, made to follow the picture's fine structure. Pure.

Guided feathering (He, Sun, Tang, "Guided Image Filtering", 2010, section on feathering and matting): filtered with the picture
as its guide, a two-valued mask becomes an alpha that is locally linear in the colours, which is the model of closed-form
matting. It needs no trimap from the user: the band in which the alpha may be soft lies around the outline, as wide as the
head is large; outside of it the mask stays as drawn.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..geometry import RGB, Bits
from ..mask import Alpha, distance_to, window
from .soften import guided

REACH = 0.09
"""Half the band's width, as a share of the mask's size (square root of its area)."""
EPS = 2e-5
"""Regularisation in squared units of 0…1 intensity: low, so that single strands count."""
ROUNDS = 2
"""The second round starts from what the first took in: a strand that the outline cut off then counts as hair."""
LONGEST = 768
"""Side in pixels at which the filter works; a larger window is matted at this size and enlarged."""
LOW, HIGH = 0.12, 0.88
"""Filtered values that become 0 and 1: the filter leaves a haze on either side."""


def matte(image: RGB, x: int, y: int, bits: Bits) -> tuple[int, int, Alpha]:
    """(x, y, alpha) of the window around the patch ``bits`` at (x, y) of ``image`` ((H, W, 3) uint8). 255 = face."""
    reach = REACH * float(np.sqrt(np.count_nonzero(bits)))
    x0, y0, wide = window(x, y, bits, int(reach) + 2, image.shape[1], image.shape[0])
    if reach < 1:
        return x0, y0, np.asarray(wide, np.uint8) * np.uint8(255)
    pixels = image[y0 : y0 + wide.shape[0], x0 : x0 + wide.shape[1]]
    soft = (_feathered(pixels, wide, reach) - LOW) / (HIGH - LOW)
    soft[distance_to(~wide) > reach] = 1
    soft[distance_to(wide) > reach] = 0
    return x0, y0, np.asarray(np.rint(np.clip(soft, 0, 1) * 255), np.uint8)


def _feathered(pixels: RGB, bits: Bits, reach: float) -> np.ndarray:
    height, width = bits.shape
    factor = min(1.0, LONGEST / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    mask = cv2.resize(bits.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    guide, soft, radius = np.asarray(small, np.uint8), np.asarray(mask, np.float32), max(1, round(reach * factor))
    for _ in range(ROUNDS):
        soft = guided(guide, np.asarray(soft > 0.5, np.float32), radius, EPS)
    return np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR))
