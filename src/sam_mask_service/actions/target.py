"""The part of an answer that a target asks for: mask, matching picture, transform and request fields."""

from __future__ import annotations

import base64
from typing import Any

from ..errors import Internal
from ..params import MaskParams
from ..pipeline import Result
from ..targets import encode, find


def target_parts(result: Result, params: MaskParams) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    """(JSON fields, (mask PNG,)). ``image_base64`` is null when the caller's own file goes along as it is."""
    source = result.original
    if params.target is None or source is None:
        raise Internal
    row = find(params.target)
    kind = {"MPO": "jpeg"}.get(source.picture.format, source.picture.format.lower())
    fits = source.picture.as_sent and kind in row.image_formats
    out = encode(result.alpha, source.rgb, row, edit=params.edit, source_bytes=source.nbytes, as_is=fits)
    parts = {
        "mask_base64": _text(out.mask),
        "image_base64": None if out.picture is None else _text(out.picture),
        "image_format": out.picture_format,
        "transform": out.transform.as_dict(),
        "target": dict(out.target),
    }
    return parts, (out.mask,)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
