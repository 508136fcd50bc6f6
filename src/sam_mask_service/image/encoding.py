"""Arrays → PNG, JPEG or WebP without metadata. Pure."""

from __future__ import annotations

import io
from typing import Any, Literal

import cv2
import numpy as np
from PIL import Image

from ..deadline import Check, unchecked
from ..errors import InvalidParameter
from ..geometry import RGB, Bits
from ..mask import Alpha

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


_SIDES: dict[OutputFormat, int] = {"png": 2**31 - 1, "jpeg": 65_500, "webp": 16_383}
"""The longest side in pixels that a format has room for."""


def check_sides(width: int, height: int, kind: OutputFormat) -> None:
    """Raises InvalidParameter for a picture that is longer than ``kind`` can be."""
    if max(width, height) > _SIDES[kind]:
        raise InvalidParameter(f"format: {kind} has no picture of {width} × {height}; png has.")


class _Watched(io.BytesIO):
    """A file that asks ``check`` at each piece that is written: an encoder of large pictures writes many."""

    def __init__(self, check: Check) -> None:
        super().__init__()
        self._check = check

    def write(self, data: Any) -> int:
        self._check()
        return super().write(data)


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
    out = _Watched(check)
    options: dict[str, Any] = {
        "png": {"compress_level": 1},
        "jpeg": {"quality": quality or 92, "subsampling": 0 if (quality or 92) >= 90 else 2},
        "webp": {"quality": quality or 90, "lossless": quality == 100, "method": 2},
    }[kind]
    if dpi is not None:
        options["dpi"] = (dpi, dpi)
    Image.fromarray(array).save(out, kind.upper(), **options)
    return out.getvalue()
