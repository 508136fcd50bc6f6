"""Arrays → PNG, JPEG or WebP without metadata. Pure."""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..deadline import Check, unchecked
from ..errors import InvalidParameter
from ..geometry import RGB, Bits
from ..mask import Alpha
from .watched import Writing

OutputFormat = Literal["png", "jpeg", "webp"]
# Masks are runs of one value: run lengths of unfiltered rows are found in a third of the time that Pillow takes to try
# filters on each row (1024 × 1024: 1.4 ms and 2.8 kB, Pillow 4.2 ms and 8.7 kB; soft edges 1.7 and 18, Pillow 8.4 and
# 18).
_MASK_PNG = (
    cv2.IMWRITE_PNG_COMPRESSION, 1,
    cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE,
    cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE,
)  # fmt: skip
_LIBPNG_SIDE = 1_000_000
"""libpng writes no longer sides than this."""


_LARGE = 8_000_000
"""From so many pixels on WebP is packed as quickly as it can be: nobody can ask it meanwhile."""
_UNASKED = 60e-9
"""Seconds that it then takes a pixel."""
_SIDES: dict[OutputFormat, int] = {"png": 2**31 - 1, "jpeg": 65_500, "webp": 16_383}
"""The longest side in pixels that a format has room for."""


def check_sides(width: int, height: int, kind: OutputFormat) -> None:
    """Raises InvalidParameter for a picture that is longer than ``kind`` can be."""
    if max(width, height) > _SIDES[kind]:
        raise InvalidParameter(f"format: {kind} has no picture of {width} × {height}; png has.")


def unasked(pixels: NDArray[Any], kind: OutputFormat) -> float:
    """Seconds for which ``encode`` cannot ask its ``check``, at most."""
    return _UNASKED * pixels.shape[0] * pixels.shape[1] if kind == "webp" else 0.0


def _webp(pixels: NDArray[Any], quality: int) -> dict[str, Any]:
    """Pillow's options; quality 100 is lossless, where ``quality`` says how long a smaller file is sought."""
    quick = pixels.shape[0] * pixels.shape[1] >= _LARGE
    lossless = quality == 100
    return {"quality": 0 if quick and lossless else quality, "lossless": lossless, "method": 0 if quick else 2}


def encode(
    pixels: RGB | Alpha | Bits,
    kind: OutputFormat = "png",
    quality: int | None = None,
    check: Check = unchecked,
    dpi: int | None = None,
) -> bytes:
    """PNG, JPEG or WebP of (H, W) uint8 grey or bool, (H, W, 3) RGB or (H, W, 4) RGBA; no metadata but ``dpi`` (PNG,
    JPEG).

    ``quality`` 1…100 for JPEG (default 92) and WebP (default 90; 100 is lossless). PNG level 1: on masks a higher one
    saves few bytes and costs most of the time. ``check`` is asked meanwhile, and may raise. Raises InvalidParameter for
    a side that the format has no room for.
    """
    array = pixels.astype(np.uint8) * 255 if pixels.dtype == np.bool_ else pixels
    if kind == "png" and array.ndim == 2 and max(array.shape) <= _LIBPNG_SIDE:
        return cv2.imencode(".png", np.asarray(array, np.uint8), _MASK_PNG)[1].tobytes()
    check_sides(array.shape[1], array.shape[0], kind)
    out = Writing(check)
    options: dict[str, Any] = {
        "png": {"compress_level": 1},
        "jpeg": {"quality": quality or 92, "subsampling": 0 if (quality or 92) >= 90 else 2},
        "webp": _webp(array, quality or 90),
    }[kind]
    if dpi is not None:
        options["dpi"] = (dpi, dpi)
    Image.fromarray(array).save(out, kind.upper(), **options)
    return out.getvalue()
