"""A long text in JSON, read piece by piece: pydantic's parser holds the interpreter lock while it reads one, for 32 ms
when it has two million escapes, and with it every connection."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator

from pydantic_core import from_json

from ..errors import BadRequest, InvalidParameter

PIECE = 128 * 1024
"""Bytes that are read in one turn; a third of a millisecond when all of them are escapes."""
ESCAPE = 12
"""Bytes of the longest escape: two halves of a surrogate pair, ``\\ud83d\\ude00``."""
MAX_BACKSLASHES = 64
"""Backslashes in a row, where a text has to be cut or may end."""
_READING = threading.Lock()
_LOW_HALF = re.compile(rb"\\u[dD][c-fC-F]")


def read_text(text: bytes) -> str:
    """What stands between the quotation marks of a JSON string. Raises BadRequest, InvalidParameter."""
    return "".join(map(_read, _pieces(text)))


def _read(piece: bytes) -> str:
    """One at a time: with eight, the event loop would wait for the interpreter lock after each of them."""
    try:
        with _READING:
            return str(from_json(b'"' + piece + b'"', cache_strings="none"))
    except ValueError:
        raise BadRequest("The body is not valid JSON.") from None


def _pieces(text: bytes) -> Iterator[bytes]:
    at = 0
    while len(text) - at > PIECE:
        cut = _cut(text, at + PIECE)
        yield text[at:cut]
        at = cut
    yield text[at:]


def _cut(text: bytes, at: int) -> int:
    """The last place up to ``at`` where no escape, no surrogate pair and no character is cut in two."""
    for place in range(at, at - MAX_BACKSLASHES, -1):
        begins = text[place : place + 1] == b"\\" and text[place - 1 : place] != b"\\"
        if begins and not _LOW_HALF.match(text, place):
            return place
        if b"\\" not in text[place - ESCAPE : place] and text[place] & 0xC0 != 0x80:  # as UTF-8 goes on within one
            return place
    raise InvalidParameter("A text in the JSON body has too many backslashes.")
