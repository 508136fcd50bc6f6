"""A mask and its picture as one consumer takes them: files, transform and request fields. Pure."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..deadline import Check, unchecked
from ..errors import InvalidParameter
from ..geometry import RGB
from ..image import encode as encode_image
from ..mask import Alpha
from .fit import Transform, apply, fit
from .row import Edit, Target

_JPEG_QUALITIES = (95, 90, 80)
_JPEG_SIDE = 65_500
"""No side of a JPEG is longer."""
_SHRINK = 0.8
"""A picture that has too many bytes is made at least so much smaller before it is tried again …"""
_ROOM = 0.97
"""… and so much smaller than its bytes, which go by its area, ask for: one try is then mostly enough."""
_MIN_LIMIT = 0.01
_SAMPLED, _STRIP, _STRIPS = 16_000_000, 8, 32
"""From so many values on, a picture's bytes are judged by a sample first: so many strips of so many rows."""
_SURELY = 1.2
"""So many times the limit, by the sample, is over it."""
_SQUEEZED = 2_000_000, 1.5
"""Masks of up to so many pixels, and up to so many times over the limit, are packed once more by zlib's slowest
level.
"""


class _TooLongError(Exception):
    """A file of ``size`` bytes where ``most`` are taken."""

    def __init__(self, size: int, most: int) -> None:
        super().__init__(size, most)
        self.shrink = min(_SHRINK, _ROOM * math.sqrt(most / size))


@dataclass(frozen=True, slots=True, eq=False)
class Handover:
    """``mask``: PNG bytes. ``picture``: PNG or JPEG bytes of the mask's size, None when the caller's own picture fits
    as it is. ``fields``: the consumer's request fields (see Target.fields)."""

    mask: bytes
    picture: bytes | None
    picture_format: str | None
    transform: Transform
    inverted: bool
    target: Mapping[str, Any]


def encode(
    alpha: Alpha,
    picture: RGB,
    row: Target,
    *,
    edit: Edit = "faces",
    source_bytes: int | None = None,
    as_is: bool = True,
    check: Check = unchecked,
) -> Handover:
    """``alpha`` (H, W) uint8 with 255 = face and ``picture`` (H, W, 3) uint8 sRGB as ``row`` takes them.

    ``source_bytes`` is the size of the caller's own file; with ``as_is`` that file is good for the consumer when
    nothing has to change. Turn ``as_is`` off when it is not (a format it does not read, an EXIF turn): the picture then
    always comes along. ``check`` is asked meanwhile, and may raise. Raises InvalidParameter when the sizes differ or
    cannot fit, or when the mask is all one value and the row needs both.
    """
    if alpha.shape != picture.shape[:2]:
        raise InvalidParameter("The mask and the picture differ in size.")
    change = alpha if edit == "faces" else 255 - alpha
    own, limit = source_bytes if as_is else None, 1.0
    while limit >= _MIN_LIMIT:
        check()
        transform = fit(picture.shape[1], picture.shape[0], row, limit)
        fitted = apply(picture, transform)
        check()
        try:
            mask = encode_mask(apply(change, transform), fitted, row, check)
            image, kind = _encode_picture(fitted, transform, row, own, check)
        except _TooLongError as long:
            limit *= long.shrink
        else:
            return Handover(mask, image, kind, transform, row.face_is_black(edit), describe(row, edit))
    raise InvalidParameter(f"target: the picture cannot be made small enough for {row.name}.")


def describe(row: Target, edit: Edit) -> dict[str, Any]:
    """What an answer says about its target, JSON-ready."""
    return {
        "name": row.name,
        "consumer": row.consumer,
        "endpoint": row.endpoint,
        "edit": edit,
        "polarity": row.polarity(edit),
        "carrier": row.carrier,
        "two_valued": not row.soft,
        "fields": dict(row.fields),
    }


def encode_mask(change: Alpha, picture: RGB, row: Target, check: Check = unchecked) -> bytes:
    """The PNG in the row's carrier of ``change`` (H, W) uint8, 255 = repaint.

    Raises InvalidParameter when the row needs both values and only one occurs, _TooLongError when it has too many
    bytes.
    """
    check()
    if not row.soft:
        change = np.where(change >= 128, np.uint8(255), np.uint8(0))
    if row.both and change.min() == change.max():
        raise InvalidParameter(f"target: {row.name} needs a part to change and a part to keep; this mask has only one.")
    values = change if row.change == "white" else 255 - change
    if row.carrier == "alpha":
        check()
        colours = picture if row.mask_is_picture else np.zeros((*values.shape, 3), np.uint8)
        values = np.asarray(cv2.merge([*cv2.split(colours), values]), np.uint8)
        check()
    _sample(values, row.max_mask_bytes)
    data = encode_image(values, "png", check=check)
    pixels, over = _SQUEEZED
    if row.max_mask_bytes < len(data) <= over * row.max_mask_bytes and change.size <= pixels:
        data = _smallest_png(values)
    return _short(data, row.max_mask_bytes)


def _sample(pixels: NDArray[np.uint8], most: int) -> None:
    """Raises _TooLongError when a PNG of a large picture would surely be: known from a few of its rows, not by making
    it.
    """
    if pixels.size <= _SAMPLED:
        return
    height = pixels.shape[0]
    rows = np.unique(np.linspace(0, height - _STRIP, _STRIPS).astype(int)[:, None] + np.arange(min(_STRIP, height)))
    size = len(encode_image(np.ascontiguousarray(pixels[rows.clip(0)]), "png")) * height // len(rows)
    if size > _SURELY * most:
        raise _TooLongError(size, most)


def _short(data: bytes, most: int) -> bytes:
    if len(data) > most:
        raise _TooLongError(len(data), most)
    return data


def _smallest_png(values: Alpha) -> bytes:
    out = io.BytesIO()
    Image.fromarray(values).save(out, "PNG", compress_level=9)
    return out.getvalue()


def _encode_picture(
    fitted: RGB, transform: Transform, row: Target, source_bytes: int | None, check: Check
) -> tuple[bytes | None, str | None]:
    """(bytes, format) of the picture as ``transform`` has it, under the row's limit; (None, None) when the
    caller's own file will do.

    Raises _TooLongError.
    """
    if row.mask_is_picture or (transform.identity and source_bytes is not None and source_bytes <= row.max_image_bytes):
        return None, None
    with contextlib.suppress(_TooLongError):
        _sample(fitted, row.max_image_bytes)
        return _short(encode_image(fitted, "png", check=check), row.max_image_bytes), "png"
    size = 2 * row.max_image_bytes
    for quality in _qualities(fitted, row):
        check()
        data = encode_image(fitted, "jpeg", quality)
        size = len(data)
        if size <= row.max_image_bytes:
            return data, "jpeg"
    raise _TooLongError(size, row.max_image_bytes)


def _qualities(picture: RGB, row: Target) -> tuple[int, ...]:
    return _JPEG_QUALITIES if "jpeg" in row.image_formats and max(picture.shape[:2]) <= _JPEG_SIDE else ()
