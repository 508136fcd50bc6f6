"""TIFF 6.0, its first directory alone, read strictly and written anew: what libtiff gets has been looked at. Pure."""

from __future__ import annotations

import struct

from ...errors import ImageUnreadable, UnsupportedMedia
from ...limits import PICTURE
from .clean import Clean, enough

_SHORT, _LONG, _UNDEFINED = 3, 4, 7
_SIZES = {1: 1, _SHORT: 2, _LONG: 4, _UNDEFINED: 1}
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL = 256, 257, 258, 259, 262, 266
_STRIPS, _ORIENTATION, _SAMPLES, _ROWS, _STRIP_BYTES, _PLANAR = 273, 274, 277, 278, 279, 284
_PREDICTOR, _COLOURS, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES = 317, 320, 322, 323, 324, 325
_EXTRA, _FORMAT, _PROFILE = 338, 339, 34675
_NUMBERS = frozenset({
    _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL, _STRIPS, _ORIENTATION, _SAMPLES, _ROWS, _STRIP_BYTES, _PLANAR,
    _PREDICTOR, _COLOURS, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES, _EXTRA, _FORMAT,
})  # fmt: skip
_NONE, _LZW, _DEFLATE, _OLD_DEFLATE, _PACKBITS = 1, 5, 8, 32946, 32773
_WHITE_IS_0, _BLACK_IS_0, _RGB, _PALETTE, _CMYK = 0, 1, 2, 3, 5
_KINDS = {
    _WHITE_IS_0: (1, (1, 8, 16)), _BLACK_IS_0: (1, (1, 8, 16)), _RGB: (3, (8, 16)), _PALETTE: (1, (8,)), _CMYK: (4, (8,)),
}  # fmt: skip
"""Photometric interpretation → colours, and the bits that a sample may have."""
_HEAD = 8

Tags = dict[int, list[int]]


def walk(data: bytes) -> Clean:
    """Raises ImageUnreadable and UnsupportedMedia (what this reader does not cover)."""
    tags, profile = _directory(data)
    width, height = _one(tags, _WIDTH, 0), _one(tags, _HEIGHT, 0)
    samples, bits = _layout(tags)
    offsets, sizes, tall = _parts(tags, width, height, len(data))
    plane = 1 if _one(tags, _PLANAR, 1) == 1 else samples
    whole_part = (_one(tags, _TILE_WIDTH, width)) * tall * samples // plane * bits / 8
    body = _written(data, tags, offsets, sizes, samples, bits, _ORDERS[data[:2]])
    cost = 9.0 + min(1.0, whole_part / max(1, width * height)) * samples * bits / 8
    found = _one(tags, _ORIENTATION, 1)
    return Clean(
        "TIFF", width, height, body, orientation=found if found in range(1, 9) else 1, profile=profile, cost=cost,
        alpha=samples > _KINDS[tags[_PHOTOMETRIC][0]][0],
    )  # fmt: skip


_ORDERS = {b"II": "<", b"MM": ">"}


def _directory(data: bytes) -> tuple[Tags, bytes | None]:
    """The numbers of the first directory, and its colour profile. Raises ImageUnreadable."""
    order = _ORDERS[data[:2]]
    (start,) = _unpack(order + "I", data, 4)
    (count,) = _unpack(order + "H", data, start)
    enough(count, PICTURE.tags, "tags")
    tags: Tags = {}
    profile = None
    for i in range(count):
        tag, kind, number, _ = _unpack(order + "HHII", data, start + 2 + 12 * i)
        if tag in _NUMBERS:
            tags.setdefault(tag, _values(data, order, start + 2 + 12 * i, kind, number))
        elif tag == _PROFILE and number <= PICTURE.profile and kind in (1, _UNDEFINED):
            (at,) = _unpack(order + "I", data, start + 10 + 12 * i)
            profile = data[at : at + number] or None
    return tags, profile


def _unpack(form: str, data: bytes, at: int) -> tuple[int, ...]:
    if at + struct.calcsize(form) > len(data):
        raise ImageUnreadable
    return struct.unpack_from(form, data, at)


def _values(data: bytes, order: str, entry: int, kind: int, number: int) -> list[int]:
    enough(number, PICTURE.strips, "values of a tag")
    if kind not in (_SHORT, _LONG) or not number:
        raise ImageUnreadable
    at = entry + 8 if _SIZES[kind] * number <= 4 else _unpack(order + "I", data, entry + 8)[0]
    return list(_unpack(f"{order}{number}{'H' if kind == _SHORT else 'I'}", data, at))


def _one(tags: Tags, tag: int, default: int) -> int:
    return tags.get(tag, [default])[0]


def _layout(tags: Tags) -> tuple[int, int]:
    """Samples a pixel and bits a sample. Raises UnsupportedMedia."""
    samples, bits = _one(tags, _SAMPLES, 1), set(tags.get(_BITS, [1]))
    colours, depths = _KINDS.get(_one(tags, _PHOTOMETRIC, -1), (0, ()))
    extra = samples - colours
    plain = set(tags.get(_FORMAT, [1])) == {1} and _one(tags, _FILL, 1) == 1
    coded = _one(tags, _COMPRESSION, 1) in (_NONE, _LZW, _DEFLATE, _OLD_DEFLATE, _PACKBITS)
    fits = len(bits) == 1 and bits <= set(depths) and extra in (0, 1 if colours in (1, 3) and bits != {1} else 0)
    if not (colours and plain and coded and fits):
        raise UnsupportedMedia(
            "Of TIFF pictures, those of 8 or 16 bits, plain or packed by LZW, Deflate or PackBits, are read."
        )
    return samples, bits.pop()


def _parts(tags: Tags, width: int, height: int, end: int) -> tuple[list[int], list[int], int]:
    """Where the strips or tiles are, how long, and how many rows each has. Raises ImageUnreadable."""
    tiled = _TILES in tags
    offsets, sizes = (tags.get(tag, []) for tag in ((_TILES, _TILE_BYTES) if tiled else (_STRIPS, _STRIP_BYTES)))
    tall = min(_one(tags, _TILE_HEIGHT, 0), 1 << 16) if tiled else min(_one(tags, _ROWS, height), height)
    wide = _one(tags, _TILE_WIDTH, 0) if tiled else width
    if not (tall and wide and width and height):
        raise ImageUnreadable
    if tiled and (wide % 16 or tall % 16 or wide * tall > 4 * width * height + (1 << 20)):
        raise ImageUnreadable
    planes = _one(tags, _SAMPLES, 1) if _one(tags, _PLANAR, 1) == 2 else 1
    count = -(-width // wide) * -(-height // tall) * planes
    if len(offsets) < count or len(sizes) < count:
        raise ImageUnreadable
    offsets, sizes = offsets[:count], sizes[:count]
    if any(at + size > end for at, size in zip(offsets, sizes, strict=True)) or sum(sizes) > end:
        raise ImageUnreadable
    return offsets, sizes, tall


def _written(
    data: bytes, tags: Tags, offsets: list[int], sizes: list[int], samples: int, bits: int, order: str
) -> bytes:
    """A file of these parts alone, in the byte order of the samples."""
    tiled = _TILES in tags
    kept = {
        tag: tags[tag]
        for tag in (_WIDTH, _HEIGHT, _COMPRESSION, _PHOTOMETRIC, _PLANAR, _COLOURS, _EXTRA)
        if tag in tags
    }
    kept |= {_BITS: [bits] * samples, _SAMPLES: [samples]}
    if _one(tags, _PREDICTOR, 1) == 2:
        kept[_PREDICTOR] = [2]
    shape = (_TILE_WIDTH, _TILE_HEIGHT) if tiled else (_ROWS,)
    kept |= {tag: tags.get(tag, tags[_HEIGHT]) for tag in shape}
    starts, at = [], _HEAD
    for size in sizes:
        starts.append(at)
        at += size
    kept |= {_TILES if tiled else _STRIPS: starts, _TILE_BYTES if tiled else _STRIP_BYTES: sizes}
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", at + at % 2)
    parts = (data[start : start + size] for start, size in zip(offsets, sizes, strict=True))
    return b"".join((head, *parts, b"\0" * (at % 2), _table(kept, at + at % 2, order)))


def _table(tags: Tags, at: int, order: str) -> bytes:
    """A directory that stands at ``at``, and its longer values behind it."""
    behind, rows, after = at + 6 + 12 * len(tags), [], b""
    for tag in sorted(tags):
        kind, letter = (_SHORT, "H") if max(tags[tag]) < 1 << 16 else (_LONG, "I")
        value = struct.pack(f"{order}{len(tags[tag])}{letter}", *tags[tag])
        row = struct.pack(order + "HHI", tag, kind, len(tags[tag]))
        if len(value) > 4:
            row += struct.pack(order + "I", behind + len(after))
            after += value + b"\0" * (len(value) % 2)
        else:
            row += value.ljust(4, b"\0")
        rows.append(row)
    return struct.pack(order + "H", len(rows)) + b"".join(rows) + bytes(4) + after
