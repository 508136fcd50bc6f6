"""Transparency put back on pixels that were laid on white. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..deadline import Check, unchecked
from ..geometry import RGB
from ..mask import Alpha

WHITE = "#ffffff"
"""What see-through pixels are laid on where a format has no transparency."""
_BAND = 1 << 18


def lifted(rgb: RGB, alpha: Alpha, check: Check = unchecked) -> NDArray[np.uint8]:
    """(H, W, 4): the colours that ``alpha`` (H, W) uint8 over white shows as ``rgb`` (H, W, 3) uint8. Where nothing is
    seen they are white, so that no hidden colour comes along. ``check`` is asked meanwhile, and may raise.

    >>> lifted(np.array([[[128, 255, 255]]], np.uint8), np.array([[127]], np.uint8)).tolist()
    [[[0, 255, 255, 127]]]
    """
    out, rows = np.dstack([rgb, alpha]), max(1, _BAND // rgb.shape[1])
    for top in range(0, len(out), rows):
        check()
        share = alpha[top : top + rows, :, None].astype(np.int32)
        dark = (255 - rgb[top : top + rows].astype(np.int32)) * 255
        out[top : top + rows, :, :3] = np.clip(255 - (dark + share // 2) // np.maximum(share, 1), 0, 255)
    return out


def on_white(rgba: NDArray[np.uint8], check: Check = unchecked) -> RGB:
    """(H, W, 3): what ``rgba`` (H, W, 4) uint8 shows over white. ``check`` as in ``lifted``."""
    out, rows = np.ascontiguousarray(rgba[:, :, :3]), max(1, _BAND // rgba.shape[1])
    for top in range(0, len(out), rows):
        check()
        band, share = out[top : top + rows], rgba[top : top + rows, :, 3:].astype(np.uint16)
        band[...] = (band * share + (255 - share) * 255 + 127) // 255
    return out
