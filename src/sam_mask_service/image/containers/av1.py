"""AV1's units (AV1 bitstream specification, section 5), only as far as what decoding will cost. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ...errors import ImageUnreadable
from .bits import Bits
from .clean import big

_SEQUENCE, _FRAME_HEADER, _FRAME = 1, 3, 6
_HEAD = 512


def units(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, content). Raises ImageUnreadable."""
    at = 0
    while at < len(data):
        head = data[at]
        at += 2 if head & 4 else 1
        size, at = _length(data, at) if head & 2 else (len(data) - at, at)
        at += size
        if at > len(data):
            raise ImageUnreadable
        yield head >> 3 & 15, data[at - size : at]


def _length(data: bytes, at: int) -> tuple[int, int]:
    """A little-endian number of seven bits a byte, and where it ends."""
    value = 0
    for i in range(8):
        byte = big(data, at + i, 1)
        value |= (byte & 127) << 7 * i
        if byte < 128:
            return value, at + i + 1
    raise ImageUnreadable


def begins_picture(kind: int) -> bool:
    return kind in (_FRAME_HEADER, _FRAME)


def area(kind: int, content: bytes) -> int:
    """Pixels of the largest frame that a sequence header lets through; 0 for any other unit. Raises ImageUnreadable.

    A frame may name any size that fits the header's number of bits, so that these count, not the size beside them.
    """
    if kind != _SEQUENCE:
        return 0
    bits = Bits(content[:_HEAD])
    bits.take(4)
    if bits.take(1):
        bits.take(5)
    else:
        _operating_points(bits)
    wide, high = bits.take(4) + 1, bits.take(4) + 1
    width, height = bits.take(wide) + 1, bits.take(high) + 1
    return max(width, 1 << wide - 1) * max(height, 1 << high - 1)


def _operating_points(bits: Bits) -> None:
    """Passes over what stands before the size in a header that is not the reduced one (section 5.5.1)."""
    delay = 0
    if bits.take(1):
        bits.take(64)
        if bits.take(1):
            bits.golomb()
        if bits.take(1):
            delay = bits.take(5) + 1
            bits.take(42)
    display = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        bits.take(1 if bits.take(5) > 7 else 0)
        if delay and bits.take(1):
            bits.take(2 * delay + 1)
        if display and bits.take(1):
            bits.take(4)
