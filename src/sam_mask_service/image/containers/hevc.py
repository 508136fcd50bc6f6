"""HEVC's units (ITU-T H.265, section 7.3), as far as they tell what decoding costs: the pictures' sizes and number.
Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...errors import ImageUnreadable
from .bits import Bits
from .clean import big

_SPS = 33
_PICTURES = range(32)
_HEAD = 512
"""Bytes of a parameter set that are read; its sizes stand in the first fifty."""


def in_band(data: bytes, size: int) -> Iterator[bytes]:
    """Units with their lengths in ``size`` bytes before them. Raises ImageUnreadable."""
    at = 0
    while at < len(data):
        length = big(data, at, size)
        at += size + length
        if at > len(data):
            raise ImageUnreadable
        yield data[at - length : at]


def configured(record: bytes) -> tuple[int, list[bytes]]:
    """Of a decoder configuration (ISO/IEC 14496-15, section 8.3.3.1): the size of lengths, and the units that it
    holds.
    """
    at, units = 23, []
    for _ in range(big(record, 22, 1)):
        count = big(record, at + 1, 2)
        at += 3
        for _ in range(count):
            size = big(record, at, 2)
            units.append(record[at + 2 : at + 2 + size])
            at += 2 + size
    return (record[21] & 3) + 1, units


def area(unit: bytes) -> int:
    """Pixels of the pictures that a parameter set announces; 0 for any other unit. Raises ImageUnreadable."""
    if len(unit) < 3 or unit[0] >> 1 & 63 != _SPS:
        return 0
    bits = Bits(unit[2 : _HEAD + 2].replace(b"\0\0\3", b"\0\0"))
    bits.take(4)
    layers = bits.take(3)
    bits.take(1 + 96)
    present = [bits.take(2) for _ in range(8 if layers else 0)][:layers]
    for flags in present:
        bits.take(88 * (flags >> 1) + 8 * (flags & 1))
    bits.golomb()
    if bits.golomb() == 3:  # three planes of full size, perhaps apart
        bits.take(1)
    return bits.golomb() * bits.golomb()


def begins_picture(unit: bytes) -> bool:
    """Whether the unit is the first slice of a picture."""
    return len(unit) > 2 and unit[0] >> 1 & 63 in _PICTURES and unit[2] >= 0x80
