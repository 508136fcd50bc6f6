"""Answers as JSON. Pictures in them are put in place as they are, not looked at character by character."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from fastapi import Response
from pydantic_core import to_json

from ..studio import PictureAnswer

Json = dict[str, Any]
LONG = 16 * 1024
"""Characters of base64 that are put in place apart: a serializer would hold the interpreter lock, and with it all connections,
for a tenth of a second over the pictures of one answer."""


def json_bytes(value: Json) -> bytes:
    """``value`` as JSON; what is no number (NaN, infinity) as null.

    >>> json_bytes({"a": [1.5, float("nan")]})
    b'{"a":[1.5,null]}'
    """
    mark = secrets.token_hex(16)
    pictures: list[bytes] = []
    text = to_json(_lifted(value, mark, pictures), inf_nan_mode="null")
    if not pictures:
        return text
    between = text.split(mark.encode())
    return b"".join([between[0], *(piece for pair in zip(pictures, between[1:], strict=True) for piece in pair)])


def _lifted(value: Json, mark: str, pictures: list[bytes]) -> Json:
    """``value`` with ``mark`` in place of each long picture; those in the order in which they stand."""
    made: Json = {}
    for name, inner in value.items():
        if isinstance(inner, str) and name.endswith("_base64") and len(inner) > LONG:
            pictures.append(inner.encode("ascii"))
            made[name] = mark
        elif isinstance(inner, list) and inner and isinstance(inner[0], dict):
            made[name] = [_lifted(row, mark, pictures) for row in inner]
        else:
            made[name] = inner
    return made


def json_answer(value: Json, status: int = 200) -> Response:
    return Response(json_bytes(value), status, media_type="application/json")


async def picture_answer(answer: PictureAnswer) -> Response:
    """The picture within JSON. Base64 of tens of megabytes is made in a thread."""
    return Response(await asyncio.to_thread(lambda: json_bytes(answer.json())), media_type="application/json")
