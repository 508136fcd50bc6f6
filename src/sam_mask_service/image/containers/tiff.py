"""TIFF 6.0, its first directory alone, read strictly: each tag is judged before a row is unpacked. Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ...errors import ImageUnreadable, UnsupportedMedia
from ...limits import PICTURE
from .clean import Clean, enough

_SHORT, _LONG, _UNDEFINED = 3, 4, 7
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL = 256, 257, 258, 259, 262, 266
_STRIPS, _ORIENTATION, _SAMPLES, _ROWS, _STRIP_BYTES, _PLANAR = 273, 274, 277, 278, 279, 284
_PREDICTOR, _COLOURS, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES = 317, 320, 322, 323, 324, 325
_EXTRA, _FORMAT, _PROFILE = 338, 339, 34675
_NUMBERS = frozenset({
    _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL, _STRIPS, _ORIENTATION, _SAMPLES, _ROWS, _STRIP_BYTES,
    _PLANAR,
    _PREDICTOR, _COLOURS, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES, _EXTRA, _FORMAT,
})  # fmt: skip
PLAIN, LZW, PACKBITS = 1, 5, 32773
DEFLATE = frozenset({8, 32946})
WHITE_IS_0, BLACK_IS_0, COLOUR, PALETTE, INKS = 0, 1, 2, 3, 5
_KINDS = {
    WHITE_IS_0: (1, (1, 8, 16)),
    BLACK_IS_0: (1, (1, 8, 16)),
    COLOUR: (3, (8, 16)),
    PALETTE: (1, (8,)),
    INKS: (4, (8,)),
}
"""Photometric interpretation → its samples, and the bits that a sample may have."""
_ORDERS = {b"II": "<", b"MM": ">"}
_LONGEST_ROW = 1 << 20
"""Bytes of a row, which is what the decoder of packed rows takes."""

Tags = dict[int, list[int]]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """How the pixels lie. ``order``: ``<`` or ``>`` of 16-bit samples. ``planes``: 1, or as many as samples when each
    has rows of its own. ``parts``: (offset, bytes) of the strips or tiles, ``wide`` × ``tall`` pixels each (a last
    strip may be shorter). ``premultiplied``: an alpha sample that the others are multiplied by.
    """

    width: int
    height: int
    order: str
    photometric: int
    samples: int
    bits: int
    planes: int
    compression: int
    predictor: bool
    premultiplied: bool
    tiled: bool
    wide: int
    tall: int
    parts: list[tuple[int, int]]
    palette: list[int]
    orientation: int
    profile: bytes | None

    @property
    def row_bytes(self) -> int:
        """Of one row of a part, unpacked."""
        return -(-self.wide * (self.samples // self.planes) * self.bits // 8)

    @property
    def alpha(self) -> bool:
        return self.samples > _KINDS[self.photometric][0]


def walk(data: bytes) -> Clean:
    """Raises ImageUnreadable and UnsupportedMedia (what this reader does not cover)."""
    at = layout(data)
    part = at.row_bytes * at.tall / max(1, at.width * at.height)
    return Clean(
        "TIFF", at.width, at.height, data, orientation=at.orientation, profile=at.profile, alpha=at.alpha,
        cost=10.0 + 2 * part
    )  # fmt: skip


def layout(data: bytes) -> Layout:
    """Raises ImageUnreadable and UnsupportedMedia."""
    order = _ORDERS[data[:2]]
    tags, profile = _directory(data, order)
    width, height = _one(tags, _WIDTH, 0), _one(tags, _HEIGHT, 0)
    samples, bits = _samples(tags)
    tiled, wide, tall = _shape(tags, width, height)
    planes = samples if _one(tags, _PLANAR, 1) == 2 else 1
    found = Layout(
        width=width, height=height, order=order, photometric=tags[_PHOTOMETRIC][0], samples=samples, bits=bits,
        planes=planes,
        compression=_one(tags, _COMPRESSION, PLAIN), predictor=_one(tags, _PREDICTOR, 1) == 2,
        premultiplied=_one(tags, _EXTRA, 0) == 1, tiled=tiled, wide=wide, tall=tall,
        parts=_parts(tags, tiled, -(-width // wide) * -(-height // tall) * planes, len(data)),
        palette=tags.get(_COLOURS, []), orientation=_one(tags, _ORIENTATION, 1), profile=profile,
    )  # fmt: skip
    if found.row_bytes > _LONGEST_ROW or (found.photometric == PALETTE and len(found.palette) != 3 * 256):
        raise ImageUnreadable
    return found


def _directory(data: bytes, order: str) -> tuple[Tags, bytes | None]:
    """The numbers of the first directory, and its colour profile. Raises ImageUnreadable."""
    (start,) = _unpack(order + "I", data, 4)
    (count,) = _unpack(order + "H", data, start)
    enough(count, PICTURE.tags, "tags")
    tags: Tags = {}
    profile = None
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, number, at = _unpack(order + "HHII", data, entry)
        if tag in _NUMBERS:
            tags.setdefault(tag, _values(data, order, entry, kind, number))
        elif tag == _PROFILE and number <= PICTURE.profile and kind in (1, _UNDEFINED):
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
    size = 2 if kind == _SHORT else 4
    at = entry + 8 if size * number <= 4 else _unpack(order + "I", data, entry + 8)[0]
    return list(_unpack(f"{order}{number}{'H' if kind == _SHORT else 'I'}", data, at))


def _one(tags: Tags, tag: int, default: int) -> int:
    return tags.get(tag, [default])[0]


def _samples(tags: Tags) -> tuple[int, int]:
    """Samples a pixel and bits a sample. Raises UnsupportedMedia."""
    samples, bits = _one(tags, _SAMPLES, 1), set(tags.get(_BITS, [1]))
    colours, depths = _KINDS.get(_one(tags, _PHOTOMETRIC, -1), (0, ()))
    plain = set(tags.get(_FORMAT, [1])) == {1} and _one(tags, _FILL, 1) == 1 and _one(tags, _PREDICTOR, 1) in (1, 2)
    coded = _one(tags, _COMPRESSION, PLAIN) in (PLAIN, LZW, PACKBITS, *DEFLATE)
    more = 1 if colours in (1, 3) and bits != {1} and _one(tags, _PHOTOMETRIC, -1) != PALETTE else 0
    if not (colours and plain and coded and len(bits) == 1 and bits <= set(depths) and 0 <= samples - colours <= more):
        raise UnsupportedMedia(
            "Of TIFF, pictures of 8 or 16 bits are read, plain or packed by LZW, Deflate or PackBits."
        )
    return samples, bits.pop()


def _shape(tags: Tags, width: int, height: int) -> tuple[bool, int, int]:
    """Whether there are tiles, and how wide and tall each is, or a strip. Raises ImageUnreadable."""
    tiled = _TILES in tags
    wide = _one(tags, _TILE_WIDTH, 0) if tiled else width
    tall = _one(tags, _TILE_HEIGHT, 0) if tiled else min(_one(tags, _ROWS, height), height)
    if not (tall and wide and width and height):
        raise ImageUnreadable
    if tiled and (wide % 16 or tall % 16 or wide * tall > 4 * width * height + _LONGEST_ROW):
        raise ImageUnreadable
    return tiled, wide, tall


def _parts(tags: Tags, tiled: bool, count: int, end: int) -> list[tuple[int, int]]:
    """Where the strips or tiles are, and how long. Raises ImageUnreadable."""
    offsets, sizes = (tags.get(tag, []) for tag in ((_TILES, _TILE_BYTES) if tiled else (_STRIPS, _STRIP_BYTES)))
    if min(len(offsets), len(sizes)) < count:
        raise ImageUnreadable
    parts = list(zip(offsets[:count], sizes[:count], strict=True))
    if any(at + size > end for at, size in parts) or sum(size for _, size in parts) > end:
        raise ImageUnreadable
    return parts
