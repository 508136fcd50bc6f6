"""A TIFF's strips and tiles → pixels. Rows packed by LZW and PackBits go through OpenCV as grey pictures of bytes:
libtiff then sees nothing but numbers of ours, and what it has to say goes into no log. Pure.
"""

from __future__ import annotations

import functools
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..deadline import Check, unchecked
from ..errors import ImageUnreadable
from .containers import tiff
from .containers.tiff import Layout

Bytes = NDArray[np.uint8]
_WIDEST = 1 << 16
"""Samples of a row as OpenCV takes them."""


def samples(data: bytes, check: Check = unchecked) -> tuple[Layout, NDArray[np.uint8]]:
    """(H, W, samples) uint8 as stored, of 16 bits the 257th part. ``check`` is asked at each strip. Raises
    ImageUnreadable."""
    at = tiff.layout(data)
    out = np.empty((at.height, at.width, at.samples), np.uint8)
    across, down = -(-at.width // at.wide), -(-at.height // at.tall)
    for plane in range(at.planes):
        first = plane * across * down
        some = slice(plane, plane + 1) if at.planes > 1 else slice(None)
        for number, rows in enumerate(_unpacked(at, data, first, across, down)):
            check()
            left, top = number % across * at.wide, number // across * at.tall
            place = out[top : top + at.tall, left : left + at.wide, some]
            place[...] = _levels(at, rows)[: place.shape[0], : place.shape[1]]
    return at, out


def _unpacked(at: Layout, data: bytes, first: int, across: int, down: int) -> Iterator[Bytes]:
    """One plane's parts, (rows, row_bytes) each."""
    for number in range(across * down):
        rows = at.tall if at.tiled else min(at.tall, at.height - number * at.tall)
        offset, length = at.parts[first + number]
        yield _unpack(at, data[offset : offset + length], rows * at.row_bytes).reshape(rows, at.row_bytes)


def _unpack(at: Layout, packed: bytes, size: int) -> Bytes:
    """(size,) uint8. Raises ImageUnreadable for less."""
    if at.compression in (tiff.LZW, tiff.PACKBITS):
        return _by_opencv(at.compression, packed, size)
    if at.compression in tiff.DEFLATE:
        packed = zlib.decompressobj().decompress(packed, size)
    if len(packed) < size:
        raise ImageUnreadable
    return np.frombuffer(packed, np.uint8, size)


def _by_opencv(compression: int, packed: bytes, size: int) -> Bytes:
    """The bytes as 16-bit samples, whose decoder alone minds what is missing; the few that fill no rectangle of these
    come from a second look."""
    width, height = _rectangle(size)
    pairs = _grey(compression, packed, width, height, 16).astype("<u2").view(np.uint8)
    rest = size - pairs.size
    if not rest:
        return pairs
    more = _grey(compression, packed, width, 2 * height + -(-rest // width), 8)
    return np.append(pairs, more[pairs.size : size])


@functools.lru_cache(256)
def _rectangle(size: int) -> tuple[int, int]:
    """Width and height of the largest rectangle of 16-bit samples in ``size`` bytes that OpenCV takes."""
    return next(
        (width, count // width)
        for count in range(size // 2, 0, -1)
        for width in range(min(count, _WIDEST), 0, -1)
        if count % width == 0 and count // width <= _WIDEST
    )


def _grey(compression: int, packed: bytes, width: int, height: int, bits: int) -> NDArray[Any]:
    """(width · height,) samples: the bytes as a grey TIFF of ours, decoded."""
    after = 8 + len(packed)
    tags: tuple[tuple[int, int], ...] = (
        (256, width),
        (257, height),
        (258, bits),
        (259, compression),
        (262, 1),
        (273, 8),
        (277, 1),
    )
    tags += ((278, height), (279, len(packed)), (284, 1))
    table = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    file = b"".join((b"II*\0", struct.pack("<I", after), packed, struct.pack("<H", len(tags)), table, bytes(4)))
    found = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None or found.size != width * height:
        raise ImageUnreadable
    return found.ravel()


def _levels(at: Layout, rows: Bytes) -> Bytes:
    """(rows, wide, samples of the plane) uint8."""
    shape = (rows.shape[0], at.wide, at.samples // at.planes)
    if at.bits == 1:
        return np.asarray(np.unpackbits(rows, axis=1)[:, : at.wide, None] * np.uint8(255))
    if at.bits == 8:
        values = rows.reshape(shape)
        return np.asarray(np.cumsum(values, axis=1, dtype=np.uint8) if at.predictor else values)
    deep = np.ascontiguousarray(rows).view(np.dtype(f"{at.order}u2")).reshape(shape)
    deep = np.cumsum(deep, axis=1, dtype=np.uint16) if at.predictor else deep.astype(np.uint16)
    return np.asarray(deep - (deep >> 8) >> 8, np.uint8)
