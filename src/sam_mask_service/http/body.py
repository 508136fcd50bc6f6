"""Reading a request's body within its limits of bytes, time and memory. No framework beyond ASGI's messages."""

from __future__ import annotations

import time

from starlette.types import Message, Receive

from ..errors import BadRequest, ClientLeft, SlowRequest, TooLarge
from ..limits import BodyLimits
from .reserve import Share

PIECE = 64 * 1024
"""Smaller pieces are put together: a body that comes byte by byte costs no object and no parser's turn for each."""


def check_declared_length(text: str | None, most: int) -> None:
    """Judges Content-Length before a byte of the body is read. Raises BadRequest and TooLarge.

    It is not reserved: memory goes to those who send, not to those who promise.
    """
    if text is None:
        return
    if not (text.isascii() and text.isdigit()):
        raise BadRequest("Content-Length is not a number.")
    if len(text) > 18 or int(text) > most:
        raise TooLarge


async def chunks(receive: Receive, limits: BodyLimits, most: int, share: Share) -> list[bytes]:
    """The body in the pieces that it came in, at most ``most`` bytes.

    Raises TooLarge, SlowRequest, ClientLeft, and Busy when the memory for bodies is used up.
    """
    pieces: list[bytes] = []
    small = bytearray()
    size = 0
    start = time.monotonic()
    with share.arrives():
        while True:
            # The whole may take longer the more of it has come; no single pause may.
            until = min(start + limits.seconds + size / limits.rate, time.monotonic() + limits.seconds)
            message = await _next(receive, until, share)
            piece: bytes = message.get("body", b"")
            size += len(piece)
            if size > most:
                raise TooLarge
            share.grow_to(size)
            small += piece
            done = not message.get("more_body", False)
            if small and (done or len(small) >= PIECE):
                pieces.append(bytes(small))
                small.clear()
            if done:
                return pieces


async def _next(receive: Receive, until: float, share: Share) -> Message:
    message: Message | None = None
    with share.waits(until):
        message = await receive()
    if message is None:
        raise SlowRequest
    if message["type"] == "http.disconnect":
        raise ClientLeft
    return message
