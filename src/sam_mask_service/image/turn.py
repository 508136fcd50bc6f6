"""Pixels turned upright as EXIF's orientation says (EXIF 2.32, section 4.6.5 A). Pure."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def _transverse(pixels: Pixels) -> Pixels:
    turned = cv2.transpose(pixels)
    return cv2.flip(turned, -1, turned)  # type: ignore[return-value]


_TURNS: dict[int, Callable[[Pixels], object]] = {
    2: lambda pixels: cv2.flip(pixels, 1),
    3: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_180),
    4: lambda pixels: cv2.flip(pixels, 0),
    5: cv2.transpose,
    6: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE),
    7: _transverse,
    8: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE),
}


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """(H, W) or (H, W, channels) uint8 as stored → upright. The array itself for 1 and for what is no orientation."""
    turn = _TURNS.get(orientation)
    return pixels if turn is None else np.asarray(turn(pixels), np.uint8)
