"""HEIF files put together by hand: boxes, items and what they refer to. AV1 comes from Pillow, HEVC is no more than
headers.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from .drawn import saved


@dataclass
class Item:
    """``properties``: whole boxes; ``extra`` goes between its extents, which ``pieces`` cuts its data into."""

    kind: bytes
    data: bytes = b""
    properties: Sequence[bytes] = ()
    refers: dict[bytes, list[int]] = field(default_factory=dict)
    inside: bool = False
    pieces: int = 1


_ESSENTIAL = (b"irot", b"imir", b"av1C", b"hvcC")


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", len(body) + 8) + kind + body


def full(kind: bytes, version: int, *parts: bytes) -> bytes:
    return box(kind, bytes([version, 0, 0, 0]), *parts)


def size(width: int, height: int) -> bytes:
    return full(b"ispe", 0, struct.pack(">II", width, height))


def heif(items: Sequence[Item], primary: int = 1, brand: bytes = b"mif1", version: int = 1, tail: bytes = b"") -> bytes:
    """A file of ``items``, numbered from 1. ``version`` of its iloc, pitm and infe boxes: 0 … 2."""
    head = box(b"ftyp", brand, bytes(4), b"mif1", b"avif", b"avis")
    blank = _meta(items, primary, version, 0)
    start = len(head) + len(blank) + 8
    data = b"".join(item.data for item in items if not item.inside)
    return head + _meta(items, primary, version, start) + box(b"mdat", data) + tail


def _meta(items: Sequence[Item], primary: int, version: int, start: int) -> bytes:
    wide = ">I" if version == 2 else ">H"
    owned, known = [], []
    rows, infos, references, inside = b"", b"", b"", b""
    for number, item in enumerate(items, 1):
        known += list(item.properties)
        first = len(known) - len(item.properties) + 1
        numbers = (n | 128 * (known[n - 1][4:8] in _ESSENTIAL) for n in range(first, len(known) + 1))
        owned.append(struct.pack(">HB", number, len(item.properties)) + bytes(numbers))
        at, method = (len(inside), 1) if item.inside else (start, 0)
        rows += (
            struct.pack(wide, number)
            + (struct.pack(">H", method) if version else b"")
            + struct.pack(">HH", 0, item.pieces)
        )
        step = -(-len(item.data) // item.pieces)
        for i in range(item.pieces):
            rows += struct.pack(">II", at + i * step, min(step, len(item.data) - i * step))
        inside, start = (inside + item.data, start) if item.inside else (inside, start + len(item.data))
        infos += full(b"infe", 3 if version == 2 else 2, struct.pack(wide, number), bytes(2), item.kind, b"\0")
        for kind, targets in item.refers.items():
            references += box(kind, struct.pack(f">HH{len(targets)}H", number, len(targets), *targets))
    properties = box(b"iprp", box(b"ipco", *known), full(b"ipma", 0, struct.pack(">I", len(owned)), *owned))
    return full(
        b"meta", 0,
        full(b"hdlr", 0, bytes(4), b"pict", bytes(13)),
        full(b"pitm", 1 if version == 2 else 0, struct.pack(wide, primary)),
        full(b"iloc", version, b"\x44\0", struct.pack(wide, len(items)), rows),
        full(b"iinf", 1 if version == 2 else 0, struct.pack(wide if version == 2 else ">H", len(items)), infos)
        if version != 2 else full(b"iinf", 1, struct.pack(">I", len(items)), infos),
        properties, *([full(b"iref", 0, references)] if references else []), *([box(b"idat",
        inside)] if inside else []),
    )  # fmt: skip


@functools.cache
def av1(side: int = 64, mono: bool = False) -> tuple[bytes, bytes]:
    """(av1C box, coded picture) of a square of noise."""
    pixels = np.random.default_rng(4).integers(0, 255, (side, side) if mono else (side, side, 3), np.uint8)
    data = saved(Image.fromarray(pixels), "AVIF", quality=60, speed=10)
    at = data.index(b"av1C")
    start = data.index(b"mdat") + 4
    return data[at - 4 : at - 4 + int.from_bytes(data[at - 4 : at], "big")], data[start:]


def coded(side: int = 64, *more: bytes, **options: object) -> Item:
    """An AV1 item."""
    config, data = av1(side)
    return Item(b"av01", data, [size(side, side), config, full(b"pixi", 0, b"\3\x08\x08\x08"), *more], **options)  # type: ignore[arg-type]


def grid(rows: int, columns: int, width: int, height: int, tiles: list[int], **options: object) -> Item:
    data = bytes([0, 0, rows - 1, columns - 1]) + struct.pack(">HH", width, height)
    return Item(b"grid", data, [size(width, height)], {b"dimg": tiles}, **options)  # type: ignore[arg-type]
