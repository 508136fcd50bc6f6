"""GIF89a, block by block, up to the first picture; comments and everything behind it are passed over. Pure."""

from __future__ import annotations

from ...errors import ImageUnreadable
from ...limits import PICTURE
from .clean import Clean, enough, little

_PICTURE, _EXTENSION, _END = 0x2C, 0x21, 0x3B
_CONTROL = 0xF9


def walk(data: bytes) -> Clean:
    """Raises ImageUnreadable."""
    at = 13 + _table(data, 10)
    head, control, blocks = data[:at], b"", 0
    while (kind := little(data, at, 1)) != _PICTURE:
        if kind != _EXTENSION:
            raise ImageUnreadable
        end, blocks = _blocks(data, at + 2, blocks)
        if little(data, at + 1, 1) == _CONTROL and end - at == 8:
            control = data[at:end]
        at = end
    return _first(data, head, control, at, blocks)


def _first(data: bytes, head: bytes, control: bytes, at: int, blocks: int) -> Clean:
    left, top, width, height = (little(data, at + i, 2) for i in (1, 3, 5, 7))
    coded = at + 11 + _table(data, at + 9)
    end, _ = _blocks(data, coded, blocks)
    clear = bool(control and control[3] & 1)
    screen = (max(little(head, 6, 2), left + width), max(little(head, 8, 2), top + height))
    covered = (left, top, width, height) == (0, 0, *screen)
    body = b"".join((head, control, data[at:end], bytes([_END])))
    return Clean("GIF", *screen, body, cost=8.5, alpha=clear or not covered)


def _table(data: bytes, at: int) -> int:
    """Bytes of the colour table that the flags at ``at`` announce."""
    flags = little(data, at, 1)
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _blocks(data: bytes, at: int, count: int) -> tuple[int, int]:
    """Where a row of sub-blocks ends, and ``count`` with its blocks."""
    while size := little(data, at, 1):
        at += 1 + size
        count += 1
        enough(count, PICTURE.blocks, "blocks")
    return at + 1, count + 1
