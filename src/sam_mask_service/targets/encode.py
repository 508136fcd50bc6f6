"""A mask and its picture as one consumer takes them: files, transform and request fields. Pure."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from ..errors import InvalidParameter
from ..geometry import RGB
from ..image import encode as encode_image
from ..mask import Alpha
from .fit import Transform, apply, fit
from .row import Edit, Target

_JPEG_QUALITIES = (95, 90, 80)
_SHRINK = 0.8
_MIN_LIMIT = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Handover:
    """``mask``: PNG bytes. ``picture``: PNG or JPEG bytes of the mask's size, None when the caller's own picture fits as
    it is. ``fields``: the consumer's request fields (see Target.fields)."""

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
) -> Handover:
    """``alpha`` (H, W) uint8 with 255 = face and ``picture`` (H, W, 3) uint8 sRGB as ``row`` takes them.

    ``source_bytes`` is the size of the caller's own file; with ``as_is`` that file is good for the consumer when nothing has
    to change. Turn ``as_is`` off when it is not (a format it does not read, an EXIF turn): the picture then always comes along.
    Raises InvalidParameter when the sizes differ or cannot fit, or when the mask is all one value and the row needs both.
    """
    if alpha.shape != picture.shape[:2]:
        raise InvalidParameter("The mask and the picture differ in size.")
    change = alpha if edit == "faces" else 255 - alpha
    limit = 1.0
    while limit >= _MIN_LIMIT:
        transform = fit(picture.shape[1], picture.shape[0], row, limit)
        mask = encode_mask(apply(change, transform), apply(picture, transform), row)
        image, kind = _encode_picture(picture, transform, row, source_bytes if as_is else None)
        if mask and (image is not None or kind is None):
            return Handover(mask, image, kind, transform, row.face_is_black(edit), describe(row, edit))
        limit *= _SHRINK
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


def encode_mask(change: Alpha, picture: RGB, row: Target) -> bytes | None:
    """The PNG in the row's carrier of ``change`` (H, W) uint8, 255 = repaint; None when it has too many bytes.

    Raises InvalidParameter when the row needs both values and only one occurs.
    """
    if not row.soft:
        change = np.where(change >= 128, np.uint8(255), np.uint8(0))
    if row.both and change.min() == change.max():
        raise InvalidParameter(f"target: {row.name} needs a part to change and a part to keep; this mask has only one.")
    values = change if row.change == "white" else 255 - change
    if row.carrier == "alpha":
        colours = picture if row.mask_is_picture else np.zeros((*values.shape, 3), np.uint8)
        values = np.dstack([colours, values])
    data = encode_image(values, "png")
    if len(data) > row.max_mask_bytes:
        data = _smallest_png(values)
    return data if len(data) <= row.max_mask_bytes else None


def _smallest_png(values: Alpha) -> bytes:
    out = io.BytesIO()
    Image.fromarray(values).save(out, "PNG", compress_level=9)
    return out.getvalue()


def _encode_picture(
    picture: RGB, transform: Transform, row: Target, source_bytes: int | None
) -> tuple[bytes | None, str | None]:
    """(bytes, format) under the row's limit; (None, None) when the caller's own file will do; (None, "jpeg") when no way fits."""
    if row.mask_is_picture or (transform.identity and source_bytes is not None and source_bytes <= row.max_image_bytes):
        return None, None
    fitted = apply(picture, transform)
    data = encode_image(fitted, "png")
    if len(data) <= row.max_image_bytes:
        return data, "png"
    for quality in _JPEG_QUALITIES if "jpeg" in row.image_formats else ():
        data = encode_image(fitted, "jpeg", quality)
        if len(data) <= row.max_image_bytes:
            return data, "jpeg"
    return None, "jpeg"
