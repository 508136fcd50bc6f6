"""Reading a request's body within its limits, and JSON with nothing ambiguous in it. No framework beyond ASGI's messages."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
from starlette.types import Message, Receive

from ..errors import BadRequest, Busy, ClientLeft, InvalidParameter, SlowRequest, TooLarge
from ..limits import BodyLimits

MAX_VALUES = 20_000
"""Values in a JSON body. Millions of tiny ones cost seconds and gigabytes to parse; base64 has none of the signs counted."""
MAX_DIGITS = 400
"""Digits of one JSON number; Python itself gives up with a ValueError at 4,300."""


class Reserve:
    """Memory for bodies, shared by all requests of the process: a body is counted from its first byte until its request ends."""

    def __init__(self, most: int) -> None:
        self.most, self.used = most, 0

    @contextmanager
    def share(self) -> Iterator[Share]:
        share = Share(self)
        try:
            yield share
        finally:
            self.used -= share.taken


class Share:
    """What one request took of the reserve."""

    def __init__(self, reserve: Reserve) -> None:
        self._reserve, self.taken = reserve, 0

    def grow_to(self, size: int) -> None:
        """Raises Busy when the reserve does not have as much."""
        more = size - self.taken
        if more <= 0:
            return
        if self._reserve.used + more > self._reserve.most:
            raise Busy
        self._reserve.used += more
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
        if piece:
            pieces.append(piece)
        if not message.get("more_body", False):
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


def parse_json(data: bytes, most_keys: int) -> dict[str, Any]:
    """The JSON object in ``data``.

    400 for what is no JSON (empty, malformed, a byte order mark, UTF-16, nested too deep), 422 for JSON that could be read in
    two ways or does not fit (not an object, NaN, Infinity, 1e999, endless digits, a key twice, too many keys or values).
    """
    if sum(data.count(sign) for sign in (b",", b"[", b"{")) > MAX_VALUES:
        raise InvalidParameter(f"At most {MAX_VALUES} values in the JSON body.")
    try:
        text = data.decode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=lambda pairs: _object(pairs, most_keys),
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_short,
        )
    except UnicodeDecodeError:
        raise BadRequest("The body is not UTF-8.") from None
    except RecursionError:
        raise BadRequest("The JSON is nested too deep.") from None
    except ValueError:
        raise BadRequest("The body is not valid JSON.") from None
    if not isinstance(value, dict):
        raise InvalidParameter("The JSON body must be an object.")
    return value


def _object(pairs: list[tuple[str, Any]], most: int) -> dict[str, Any]:
    if len(pairs) > most:
        raise InvalidParameter(f"At most {most} keys in an object.")
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidParameter(f"{json.dumps(twice[:60])} stands twice in the JSON body.")
    return made


def _no_constant(text: str) -> float:
    raise InvalidParameter(f"{text} is no JSON number.")


def _finite(text: str) -> float:
    number = float(text) if len(text) <= MAX_DIGITS else math.inf
    if not math.isfinite(number):
        raise InvalidParameter("A number in the JSON body is too large or has too many digits.")
    return number


def _short(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise InvalidParameter("A number in the JSON body has too many digits.")
    return int(text)
