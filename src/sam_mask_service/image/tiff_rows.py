"""A TIFF's strips and tiles → pixels. Rows packed by LZW and PackBits go through OpenCV as grey pictures of bytes: libtiff then
sees nothing but numbers of ours, and what it has to say goes into no log. Pure.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import ImageUnreadable
from .containers import tiff
from .containers.tiff import Layout

Bytes = NDArray[np.uint8]
_GROUP = 1 << 24
"""Unpacked bytes of the strips that are handed on together."""


def samples(data: bytes) -> tuple[Layout, NDArray[np.uint8]]:
    """(H, W, samples) uint8 as stored, of 16 bits the 257th part. Raises ImageUnreadable."""
    at = tiff.layout(data)
    out = np.empty((at.height, at.width, at.samples), np.uint8)
    across, down = -(-at.width // at.wide), -(-at.height // at.tall)
    for plane in range(at.planes):
        first = plane * across * down
        some = slice(plane, plane + 1) if at.planes > 1 else slice(None)
        for number, rows in enumerate(_unpacked(at, data, first, across, down)):
            left, top = number % across * at.wide, number // across * at.tall
            place = out[top : top + at.tall, left : left + at.wide, some]
            place[...] = _levels(at, rows)[: place.shape[0], : place.shape[1]]
    return at, out


def _unpacked(at: Layout, data: bytes, first: int, across: int, down: int) -> Iterator[Bytes]:
    """One plane's parts, (rows, row_bytes) each."""
    size = at.row_bytes * at.tall
    step = max(1, min(_GROUP // size, (1 << 19) // at.tall))
    for start in range(0, across * down, step):
        numbers = range(start, min(start + step, across * down))
        rows = [at.tall if at.tiled else min(at.tall, at.height - n * at.tall) for n in numbers]
        packed = [data[o : o + n] for o, n in (at.parts[first + n] for n in numbers)]
        if at.compression in (tiff.LZW, tiff.PACKBITS):
            yield from np.split(_by_opencv(at, packed, sum(rows)), np.cumsum(rows)[:-1])
        else:
            yield from (_plain(at, part, count) for part, count in zip(packed, rows, strict=True))


def _plain(at: Layout, packed: bytes, rows: int) -> Bytes:
    size = rows * at.row_bytes
    if at.compression in tiff.DEFLATE:
        packed = zlib.decompressobj().decompress(packed, size)
    if len(packed) < size:
        raise ImageUnreadable
    return np.frombuffer(packed, np.uint8, size).reshape(rows, at.row_bytes)


def _by_opencv(at: Layout, parts: list[bytes], rows: int) -> Bytes:
    """A TIFF of grey bytes around these packed rows, decoded."""
    starts, after = [], 8
    for part in parts:
        starts.append(after)
        after += len(part)
    body = b"".join((b"II*\0", struct.pack("<I", after), *parts))
    count = len(parts)
    lists = after + 2 + 12 * 10 + 4
    tags = [(256, 1, at.row_bytes), (257, 1, rows), (258, 1, 8), (259, 1, at.compression), (262, 1, 1)]
    tags += [(273, count, starts[0] if count == 1 else lists), (277, 1, 1), (278, 1, at.tall)]
    tags += [(279, count, len(parts[0]) if count == 1 else lists + 4 * count), (284, 1, 1)]
    table = b"".join(struct.pack("<HHII", tag, 4, number, value) for tag, number, value in tags)
    numbers = struct.pack(f"<{2 * count}I", *starts, *(len(part) for part in parts))
    file = b"".join((body, struct.pack("<H", len(tags)), table, bytes(4), numbers))
    found = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_GRAYSCALE)
    if found is None or found.shape != (rows, at.row_bytes):
        raise ImageUnreadable
    return np.asarray(found, np.uint8)


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
