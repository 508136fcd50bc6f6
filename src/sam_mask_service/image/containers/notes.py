"""The orientation, read from at most 64 KiB of EXIF or XMP. Whatever is wrong with either counts as upright. Pure."""

from __future__ import annotations

import re
import zlib
from typing import Literal

from ...limits import PICTURE

_ORIENTATION = 0x0112
_BYTE_ORDERS: dict[bytes, Literal["little", "big"]] = {b"II*\0": "little", b"MM\0*": "big"}
_SIZES = {1: 1, 3: 2, 4: 4}
"""Bytes of the TIFF types that a careful reader takes for an orientation: byte, short, long."""
_XMP = re.compile(rb"""tiff:Orientation\s{0,8}(?:=\s{0,8}["']|>)\s{0,8}([1-8])\b""")
_HEX_HEAD = re.compile(rb"\s{0,8}exif\s{1,8}\d{1,10}\s")


def orientation(exif: bytes | None, xmp: bytes | None) -> int:
    """EXIF's 1…8; XMP is asked where EXIF does not say. 1 without either.

    >>> orientation(None, b'<x tiff:Orientation="6"/>')
    6
    """
    found = of_exif(exif[: PICTURE.orientation]) if exif else None
    if found is None and xmp:
        match = _XMP.search(xmp, 0, PICTURE.orientation)
        found = int(match[1]) if match else 1
    return found if found and found < 9 else 1


def of_exif(exif: bytes) -> int | None:
    """The value of the first directory's orientation entry, whatever it is; None without one."""
    block = exif.removeprefix(b"Exif\0\0")
    order = _BYTE_ORDERS.get(block[:4])
    if order is None:
        return None

    def number(at: int, size: int) -> int:
        return int.from_bytes(block[at : at + size], order)

    start = number(4, 4)
    for at in range(start + 2, min(start + 2 + 12 * number(start, 2), len(block) - 11), 12):
        if number(at, 2) == _ORIENTATION and (size := _SIZES.get(number(at + 2, 2))):
            return number(at + 8, size)
    return None


def unpacked(data: bytes, most: int) -> bytes:
    """At most ``most`` bytes of a deflate stream; what it gives before damage, or nothing."""
    try:
        return zlib.decompressobj().decompress(data[: most + 65_536], most)
    except zlib.error:
        return b""


def exif_of_text(text: bytes) -> bytes | None:
    """EXIF as ImageMagick writes it into a PNG's text: its name, its length, hexadecimal digits."""
    head = _HEX_HEAD.match(text)
    if head is None:
        return None
    digits = re.sub(rb"\s", b"", text[head.end() : 2 * PICTURE.orientation])
    try:
        return bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        return None
