"""Pixels moved to sRGB by the profile that came with them. Pure."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from ..deadline import Check, unchecked
from ..geometry import RGB
from . import icc

_BAND = 1 << 18
"""Pixels that are moved at once."""


def to_srgb(rgb: RGB, profile: bytes | None, check: Check = unchecked) -> RGB:
    """The pixels moved from ``profile`` to sRGB; unchanged without one, with sRGB's own, and with one that cannot be
    used. ``check`` is asked meanwhile, and may raise.
    """
    if not profile or icc.is_srgb(profile):
        return rgb
    move = mover(profile, "RGB")
    if move is None:
        return rgb
    out, rows = np.empty_like(rgb), max(1, _BAND // rgb.shape[1])
    for top in range(0, rgb.shape[0], rows):
        check()
        out[top : top + rows] = move(Image.fromarray(rgb[top : top + rows]))
    return out


def grey_levels(profile: bytes | None) -> NDArray[np.uint8] | None:
    """(256, 3): what the 256 levels of a grey picture are in sRGB; None when they stay."""
    move = mover(profile, "L") if profile else None
    return None if move is None else move(Image.fromarray(np.arange(256, dtype=np.uint8)[None]))[0]


def mover(profile: bytes, mode: str) -> Callable[[Image.Image], RGB] | None:
    """What moves a band of a picture of ``mode`` (RGB, L, CMYK) to sRGB; None for a profile that is of another kind or
    broken.
    """
    if icc.space(profile) != {"L": "GRAY"}.get(mode, mode):
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        change = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    return lambda band: np.asarray(ImageCms.applyTransform(band, change), np.uint8)
