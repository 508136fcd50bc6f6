"""Base64 as callers write it: both alphabets, with or without padding, line breaks and a data URL's prefix; strict
otherwise.
"""

from __future__ import annotations

import base64
import re

from .errors import InvalidParameter

_PREFIX = re.compile(r'\s*data:(?:"[^"]{0,200}"|[^,"]){0,200}?;\s{0,20}base64\s{0,20},', re.ASCII | re.IGNORECASE)
_SPACE = b" \t\n\r\v\f"
"""What may stand between base64's characters. Deleted as bytes: splitting would make an object of every word."""
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_ESCAPES = {b"%2B": b"+", b"%2F": b"/", b"%3D": b"=", b"%0A": b"", b"%0D": b"", b"%20": b""}
"""How a data URL may write what has a meaning of its own in URLs."""
_STEP = 1 << 20


def read(text: str) -> bytes:
    """The bytes that ``text`` stands for. Raises InvalidParameter that says what is wrong with it."""
    found = _PREFIX.match(text)
    if not found:
        _check_kind(text[:16].lstrip().lower())
    try:
        packed = text[found.end() if found else 0 :].encode("ascii")
    except UnicodeEncodeError:
        raise _wrong("it holds characters beyond A–Z, a–z, 0–9, + and /") from None
    packed = (_unescaped(packed) if found else packed).translate(None, _SPACE)
    return _unpacked(_padded(_one_alphabet(packed)))


def _wrong(why: str) -> InvalidParameter:
    return InvalidParameter(f"image_base64: this is not base64: {why}.")


def _check_kind(start: str) -> None:
    """Raises InvalidParameter for what is meant for another field."""
    if start.startswith(("http://", "https://")):
        raise _wrong("an address goes into image_url")
    if start.startswith("data:"):
        raise _wrong("its data URL does not say ;base64, before the picture")


def _unescaped(packed: bytes) -> bytes:
    for escape, sign in _ESCAPES.items() if b"%" in packed else ():
        packed = packed.replace(escape, sign).replace(escape.lower(), sign)
    return packed


def _one_alphabet(packed: bytes) -> bytes:
    if b"-" not in packed and b"_" not in packed:
        return packed
    if b"+" in packed or b"/" in packed:
        raise _wrong("it mixes + and / with - and _; use one alphabet")
    return packed.translate(_URL_SAFE)


def _padded(packed: bytes) -> bytes:
    """With the padding that may be left out. Raises InvalidParameter, also for padding that Python overlooks (in the
    middle, or too much of it)."""
    bare = packed.rstrip(b"=")
    if not bare:
        raise _wrong("there is nothing in it")
    if b"=" in bare:
        raise _wrong("its padding (=) stands before its end; send one picture")
    if len(bare) % 4 == 1:
        raise _wrong("its end is missing; was it cut off?")
    if len(packed) != len(bare) and (len(packed) % 4 or len(packed) - len(bare) > 2):
        raise _wrong("its padding (=) does not fit its length")
    return bare + b"=" * (-len(bare) % 4)


def _unpacked(packed: bytes) -> bytes:
    """In slices: one call for 20 MB would hold the interpreter lock, and with it the event loop, for 80 ms."""
    try:
        return b"".join(base64.b64decode(packed[at : at + _STEP], validate=True) for at in range(0, len(packed), _STEP))
    except ValueError:
        raise _wrong("it holds characters beyond A–Z, a–z, 0–9, + and /") from None
