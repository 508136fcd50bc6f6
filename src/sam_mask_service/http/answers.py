"""Answers as JSON. Pictures in them become base64 here, and are put in place as they are, not looked at character by
character.
"""

from __future__ import annotations

import asyncio
import base64
import secrets

from fastapi import Response
from pydantic_core import to_json

from ..tasks import Answer
from ..wire import Json

LONG = 64 * 1024
"""Bytes of pictures from which their base64 is made in a thread: tens of megabytes would hold up all connections."""


def json_bytes(value: Json) -> bytes:
    """``value`` as JSON: bytes as base64; what is no number (NaN, infinity) as null.

    A serializer would hold the interpreter lock, and with it all connections, for a tenth of a second over the pictures
    of one answer: it gets a mark in place of each.

    >>> json_bytes({"a": [1.5, float("nan")], "mask_base64": b"PNG"})
    b'{"a":[1.5,null],"mask_base64":"UE5H"}'
    """
    mark = secrets.token_hex(16)
    pictures: list[bytes] = []
    text = to_json(_lifted(value, mark, pictures), inf_nan_mode="null")
    if not pictures:
        return text
    between = text.split(mark.encode())
    put = (piece for pair in zip(map(base64.b64encode, pictures), between[1:], strict=True) for piece in pair)
    return b"".join([between[0], *put])


def _lifted(value: Json, mark: str, pictures: list[bytes]) -> Json:
    """``value`` with ``mark`` in place of each picture; those in the order in which they stand."""
    made: Json = {}
    for name, inner in value.items():
        if isinstance(inner, bytes):
            pictures.append(inner)
            made[name] = mark
        elif isinstance(inner, list) and inner and isinstance(inner[0], dict):
            made[name] = [_lifted(row, mark, pictures) for row in inner]
        else:
            made[name] = inner
    return made


async def answer_bytes(answer: Answer, **more: object) -> bytes:
    """The answer's JSON, after ``more`` fields of the shell's own."""
    body = {**more, **answer.body}
    if sum(map(len, answer.pictures)) < LONG:
        return json_bytes(body)
    return await asyncio.to_thread(json_bytes, body)


def json_answer(value: Json, status: int = 200) -> Response:
    return Response(json_bytes(value), status, media_type="application/json")
