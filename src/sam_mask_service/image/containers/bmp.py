"""BMP: header, colour table and rows. Pure."""

from __future__ import annotations

import struct

from ...errors import ImageUnreadable
from .clean import Clean, little

_CORE = 12
_HEADERS = frozenset({_CORE, 40, 52, 56, 64, 108, 124})
_PLAIN, _RLE8, _RLE4, _MASKS, _ALPHA_MASKS = 0, 1, 2, 3, 6
_BITS = frozenset({1, 2, 4, 8, 16, 24, 32})


def walk(data: bytes) -> Clean:
    """Raises ImageUnreadable."""
    head = little(data, 14, 4)
    if head not in _HEADERS:
        raise ImageUnreadable
    width, height, bits, coding = _sizes(data, head)
    start = little(data, 10, 4)
    if bits not in _BITS or start < 14 + head or coding not in (_PLAIN, _RLE8, _RLE4, _MASKS, _ALPHA_MASKS):
        raise ImageUnreadable
    coded = coding in (_RLE8, _RLE4)
    end = len(data) if coded else start + (width * bits + 31) // 32 * 4 * abs(height)
    if end > len(data):
        raise ImageUnreadable
    body = b"".join((b"BM", struct.pack("<I", end), data[6:end]))
    return Clean("BMP", width, abs(height), body, alpha=bits == 32 and coding in (_MASKS, _ALPHA_MASKS))


def run_lengths(data: bytes) -> bool:
    """Whether the rows are run-length coded."""
    return _sizes(data, little(data, 14, 4))[3] in (_RLE8, _RLE4)


def _sizes(data: bytes, head: int) -> tuple[int, int, int, int]:
    """Width, height (negative: from the top down), bits a pixel and coding."""
    if head == _CORE:
        return little(data, 18, 2), little(data, 20, 2), little(data, 24, 2), _PLAIN
    height = little(data, 22, 4)
    signed = height - (height >> 31 << 32)
    return little(data, 18, 4), signed, little(data, 28, 2), little(data, 30, 4)
