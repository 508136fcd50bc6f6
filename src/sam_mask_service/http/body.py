"""Reading a request's body within its limits of bytes, time and memory. No framework beyond ASGI's messages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
from starlette.types import Message, Receive

from ..errors import BadRequest, Busy, ClientLeft, SlowRequest, TooLarge
from ..limits import BodyLimits

PIECE = 64 * 1024
"""Smaller pieces are put together: a body that comes byte by byte costs no object and no parser's turn for each."""


class BodyReserve:
    """Memory for bodies, shared by all requests of the process: a body is counted from its first byte until its request
    ends. One ``within`` another is a part of it: what some requests may take of what all may."""

    def __init__(self, most: int, within: BodyReserve | None = None) -> None:
        self.most, self.within, self.used = most, within, 0

    @contextmanager
    def share(self) -> Iterator[Share]:
        share = Share(self)
        try:
            yield share
        finally:
            self.take(-share.taken)

    def take(self, more: int) -> None:
        """Raises Busy when there is not as much."""
        if more > 0 and self.used + more > self.most:
            raise Busy
        if self.within is not None:
            self.within.take(more)
        self.used += more


class Share:
    """What one request took of the reserve."""

    def __init__(self, reserve: BodyReserve) -> None:
        self._reserve, self.taken = reserve, 0

    def grow_to(self, size: int) -> None:
        """Raises Busy when the reserve does not have as much."""
        more = size - self.taken
        if more > 0:
            self._reserve.take(more)
            self.taken = size


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
    while True:
        # The whole may take longer the more of it has come; no single pause may.
        until = min(start + limits.seconds + size / limits.rate, time.monotonic() + limits.seconds)
        message = await _next(receive, until)
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


async def _next(receive: Receive, until: float) -> Message:
    try:
        with anyio.fail_after(max(0.0, until - time.monotonic())):
            message = await receive()
    except TimeoutError:
        raise SlowRequest from None
    if message["type"] == "http.disconnect":
        raise ClientLeft
    return message
