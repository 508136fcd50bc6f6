"""JSON with one meaning only, read without holding up everybody else."""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Iterator
from typing import Any

from ..errors import BadRequest, InvalidParameter
from .json_text import MAX_BACKSLASHES, read_text

MAX_VALUES = 20_000
"""Values in a JSON body. Millions of tiny ones cost seconds and gigabytes to parse; base64 has none of the signs
counted.
"""
MAX_DIGITS = 400
"""Digits of one JSON number; Python itself gives up with a ValueError at 4,300."""
LONG = 1024
"""Bytes of a string that is read apart from the rest: base64."""
MAX_BARE = 1 << 20
"""Bytes of a body without its long strings."""
MAX_QUOTES = 8 * MAX_VALUES
"""Quotation marks of a body: those of so many names and values, and as many within texts."""
_TOO_MANY_QUOTES = f"At most {MAX_QUOTES} quotation marks in the JSON body."
Long = dict[str, str]


def parse_json(data: bytes, most_keys: int) -> dict[str, Any]:
    """The JSON object in ``data``.

    400 for what is no JSON (empty, malformed, a byte order mark, UTF-16, nested too deep), 422 for JSON that could be
    read in two ways or does not fit (not an object, NaN, Infinity, 1e999, endless digits, a key twice, too many keys or
    values).
    """
    bare, long = _lift(data)
    if len(bare) > MAX_BARE or sum(bare.count(sign) for sign in (b",", b"[", b"{")) > MAX_VALUES:
        raise InvalidParameter(f"At most {MAX_VALUES} values in the JSON body.")
    try:
        value = json.loads(
            bare.decode("utf-8"),
            object_pairs_hook=lambda pairs: _object(pairs, most_keys, long),
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


def _lift(data: bytes) -> tuple[bytes, Long]:
    """``data`` with every string of more than LONG characters replaced by a short name, and those strings by their
    names.

    The standard parser looks at each character of a picture's base64 in one call, which holds the interpreter lock, and
    with it all connections, for a tenth of a second. Finding its end and having it read by pydantic's parser takes a
    tenth of that, and a body of many pictures lets others have their turn between them. Raises BadRequest,
    InvalidParameter.
    """
    nonce = secrets.token_hex(8)
    kept: list[bytes] = []
    long: Long = {}
    at, start = 0, data.find(b'"')
    left = iter(range(MAX_QUOTES))
    for _ in left:
        if start < 0:
            return b"".join([*kept, data[at:]]), long
        end = _end_of_string(data, start, left)
        if end - start > LONG:
            name = f"{nonce}:{len(long)}"
            long[name] = read_text(data[start + 1 : end])
            kept += (data[at:start], f'"{name}"'.encode())
            at = end + 1
        start = data.find(b'"', end + 1)
    raise InvalidParameter(_TOO_MANY_QUOTES)


def _end_of_string(data: bytes, start: int, left: Iterator[int]) -> int:
    """Where the string that begins at ``start`` ends: at the first quotation mark with an even number of backslashes
    before it. ``left`` counts the marks that may still be looked at."""
    end = start
    for _ in left:
        end = data.find(b'"', end + 1)
        if end < 0:
            raise BadRequest("The body is not valid JSON.")
        before = data[max(start + 1, end - MAX_BACKSLASHES) : end]
        slashes = len(before) - len(before.rstrip(b"\\"))
        if slashes == MAX_BACKSLASHES:
            raise InvalidParameter("A text in the JSON body has too many backslashes.")
        if slashes % 2 == 0:
            return end
    raise InvalidParameter(_TOO_MANY_QUOTES)


def _object(pairs: list[tuple[str, Any]], most: int, long: Long) -> dict[str, Any]:
    if len(pairs) > most:
        raise InvalidParameter(f"At most {most} keys in an object.")
    if long:
        pairs = [(long.get(name, name), _restored(value, long)) for name, value in pairs]
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidParameter(f"{json.dumps(twice[:60])} stands twice in the JSON body.")
    return made


def _restored(value: Any, long: Long) -> Any:
    """``value`` with the long strings in place of their names; an object within has them already."""
    if isinstance(value, str):
        return long.get(value, value)
    return [_restored(each, long) for each in value] if isinstance(value, list) else value


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
