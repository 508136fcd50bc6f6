"""Binary PGM and PPM, 8 and 16 bits: a header in plain text, then rows. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from ...errors import ImageUnreadable
from .clean import Clean

_GAP = rb"(?:\s|#[^\n]{0,200}\n){1,20}"
_HEAD = re.compile(rb"P[56]" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,5})\s")


class Head(NamedTuple):
    """``highest``: the value of white, 1…65535; ``start``: where the first row begins."""

    width: int
    height: int
    highest: int
    channels: int
    start: int


def head(data: bytes) -> Head:
    """Raises ImageUnreadable, also for rows that are missing."""
    found = _HEAD.match(data)
    if found is None:
        raise ImageUnreadable
    width, height, highest = (int(text) for text in found.groups())
    channels = 3 if data[1:2] == b"6" else 1
    size = width * height * channels * (1 if highest < 256 else 2)
    if not 0 < highest < 65_536 or found.end() + size > len(data):
        raise ImageUnreadable
    return Head(width, height, highest, channels, found.end())


def walk(data: bytes) -> Clean:
    """Raises ImageUnreadable."""
    h = head(data)
    return Clean("PPM", h.width, h.height, data, cost=9.0)
