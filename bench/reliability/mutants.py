"""Broken pictures that get past the first look: containers taken apart, changed and put together again with right
checksums, sizes and offsets, so that the damage reaches what lies behind them. Everything follows from the
``random.Random`` handed in.
"""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Sequence
from typing import TypeVar

Chance = random.Random
Part = TypeVar("Part")
_ODD = (0, 1, 2, 3, 7, 8, 16, 127, 128, 255)
_SIZES = (0, 1, 15, 16, 63, 64, 65, 255, 1000, 1999, 65_535)
"""Sides of a picture."""


def bytes_changed(chance: Chance, data: bytes) -> bytes:
    """A few bytes set, dropped, doubled, or cut off."""
    out = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(out) + 1)
        match chance.choice((0, 0, 0, 1, 2, 3, 4)):
            case 0:
                out[at : at + 1] = bytes([chance.choice(_ODD)])
            case 1:
                size = chance.randint(1, 8)
                out[at : at + size] = chance.randbytes(size)
            case 2:
                del out[at : at + chance.randint(1, 16)]
            case 3:
                out[at:at] = out[at : at + chance.randint(1, 64)]
            case _:
                out = out[: max(1, at)] if chance.random() < 0.2 else out
    return bytes(out)


def parts_changed(chance: Chance, parts: Sequence[Part], more: Sequence[Part]) -> list[Part]:
    """Some parts dropped, doubled, exchanged, or added from ``more``."""
    out = list(parts)
    for _ in range(chance.choice((0, 0, 0, 1, 2))):
        at = chance.randrange(len(out) + 1)
        match chance.randrange(4):
            case 0 if len(out) > 1:
                del out[min(at, len(out) - 1)]
            case 1:
                out[at:at] = out[max(0, at - 1) : at]
            case 2 if len(out) > 1:
                i, j = chance.randrange(len(out)), chance.randrange(len(out))
                out[i], out[j] = out[j], out[i]
            case _:
                out.insert(at, chance.choice(more))
    return out


def exif(chance: Chance) -> bytes:
    """A TIFF block as EXIF has it: an orientation, sub-directories, lengths and offsets that lie, directories in a
    circle.
    """
    order = chance.choice("<>")
    entries = [struct.pack(f"{order}HHIHH", 0x0112, 3, 1, chance.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 65_535)), 0)]
    for _ in range(chance.randint(0, 4)):
        tag = chance.choice((0x0112, 0x8769, 0x8825, 0xA005, 0x010F, 0x0201, 0x0202, chance.randrange(65_536)))
        count = chance.choice((0, 1, 4, 5, 1000, 2**31, 2**32 - 1))
        value = chance.choice((0, 8, 26, 2**31, chance.randrange(200)))
        entries.append(struct.pack(f"{order}HHII", tag, chance.randrange(15), count, value))
    chance.shuffle(entries)
    count = len(entries) if chance.random() < 0.8 else chance.choice((0, 1, 60_000))
    after = chance.choice((0, 0, 8, 26, 2**32 - 1))
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, count)
    block = head + b"".join(entries) + struct.pack(f"{order}I", after) + chance.randbytes(chance.randint(0, 40))
    return bytes_changed(chance, block) if chance.random() < 0.3 else block


# --- PNG --------------------------------------------------------------------------------------------------------------

Chunk = tuple[bytes, bytes]


def png(chance: Chance, seeds: Sequence[bytes]) -> bytes:
    """Chunks, the header's fields, or what the deflate stream holds; all checksums right."""
    chunks = _png_chunks(chance.choice(seeds))
    chunks = chance.choice((_png_header, _png_lines, _png_stream, _png_any))(chance, chunks)
    extra = [
        (kind, exif(chance) if kind == b"eXIf" else chance.randbytes(chance.randint(0, 40))) for kind in _PNG_KINDS
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_png_chunk(*chunk) for chunk in parts_changed(chance, chunks, extra))


_PNG_KINDS = (
    b"tRNS", b"PLTE", b"gAMA", b"cHRM", b"iCCP", b"sRGB", b"pHYs", b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"acTL",
    b"fcTL", b"fdAT",
    b"IDAT", b"IEND", b"IHDR", b"abcd",
)  # fmt: skip


def _png_chunks(data: bytes) -> list[Chunk]:
    chunks, at = [], 8
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += 12 + size
    return chunks


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png_header(chance: Chance, chunks: list[Chunk]) -> list[Chunk]:
    width, height, *rest = struct.unpack(">IIBBBBB", chunks[0][1])
    fields = [chance.choice((side, side, chance.choice(_SIZES))) for side in (width, height)]
    small = [value if chance.random() < 0.8 else chance.choice(_ODD[:6]) for value in rest]
    return [(b"IHDR", struct.pack(">IIBBBBB", *fields, *small)), *chunks[1:]]


def _png_lines(chance: Chance, chunks: list[Chunk]) -> list[Chunk]:
    """Scan lines: filter types, values, too few and too many."""
    lines = zlib.decompress(b"".join(data for kind, data in chunks if kind == b"IDAT"))
    packed = zlib.compress(bytes_changed(chance, lines), chance.choice((0, 1, 9)))
    return _png_with(chance, chunks, packed)


def _png_stream(chance: Chance, chunks: list[Chunk]) -> list[Chunk]:
    """The deflate stream itself."""
    return _png_with(chance, chunks, bytes_changed(chance, b"".join(data for kind, data in chunks if kind == b"IDAT")))


def _png_with(chance: Chance, chunks: list[Chunk], packed: bytes) -> list[Chunk]:
    cut = chance.randrange(len(packed) + 1)
    pieces = [(b"IDAT", packed)] if chance.random() < 0.5 else [(b"IDAT", packed[:cut]), (b"IDAT", packed[cut:])]
    at = next(i for i, (kind, _) in enumerate(chunks) if kind == b"IDAT")
    rest = [chunk for chunk in chunks if chunk[0] != b"IDAT"]
    return [*rest[:at], *pieces, *rest[at:]]


def _png_any(chance: Chance, chunks: list[Chunk]) -> list[Chunk]:
    at = chance.randrange(len(chunks))
    kind, data = chunks[at]
    return [*chunks[:at], (kind, bytes_changed(chance, data)), *chunks[at + 1 :]]


# --- JPEG -------------------------------------------------------------------------------------------------------------


def jpeg(chance: Chance, seeds: Sequence[bytes]) -> bytes:
    """Segments with right lengths: frames, tables, scans, restart markers, EXIF, a second picture's index."""
    head, scan = _jpeg_segments(chance.choice(seeds))
    at = chance.randrange(len(head))
    marker, data = head[at]
    head[at] = (marker, _jpeg_frame(chance, data) if marker in _FRAMES else bytes_changed(chance, data or b"\0"))
    extra = [
        (0xE1, b"Exif\0\0" + exif(chance)),
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + chance.randbytes(30)),
        (0xE2, b"ICC_PROFILE\0" + bytes([chance.choice(_ODD), chance.choice(_ODD)]) + chance.randbytes(40)),
        (0xE2, b"MPF\0" + exif(chance)),
        (0xEE, b"Adobe\0d\0\0\0\0" + bytes([chance.choice((0, 1, 2, 3))])),
        (0xDD, struct.pack(">H", chance.choice((0, 1, 7, 65_535)))),
        (0xFE, chance.randbytes(chance.randint(0, 100))),
    ]
    parts = parts_changed(chance, head, extra)
    if chance.random() < 0.5:
        parts.insert(0, extra[0])
    if chance.random() < 0.5:
        scan = bytes_changed(chance, scan)
    body = b"".join(
        struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data for marker, data in parts if len(data) < 65_533
    )
    return (
        b"\xff\xd8" + body + scan + chance.choice((b"\xff\xd9", b"", b"\xff\xd0\xff\xd9", b"\xff\xd9\xff\xd8\xff\xd9"))
    )


_FRAMES = range(0xC0, 0xC4)


def _jpeg_segments(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """Segments up to and with the first scan's header, and everything from its first coded byte on, without the end
    marker.
    """
    segments, at = [], 2
    while True:
        marker, size = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        segments.append((marker, data[at + 4 : at + 2 + size]))
        at += 2 + size
        if marker == 0xDA:
            return segments, data[at:-2]


def _jpeg_frame(chance: Chance, data: bytes) -> bytes:
    """Precision, size, number of components, sampling factors."""
    out = bytearray(data)
    if chance.random() < 0.5:
        out[1:5] = struct.pack(">HH", chance.choice(_SIZES), chance.choice(_SIZES))
    if chance.random() < 0.5:
        out[5 + 3 * chance.randint(1, out[5]) - 1] = chance.choice(
            (0x00, 0x11, 0x12, 0x21, 0x22, 0x41, 0x14, 0x44, 0xFF)
        )
    if chance.random() < 0.3:
        out[chance.choice((0, 5))] = chance.choice(_ODD)
    return bytes(out)


# --- WebP -------------------------------------------------------------------------------------------------------------


def webp(chance: Chance, seeds: Sequence[bytes]) -> bytes:
    """RIFF chunks with right lengths: canvas, frames, alpha, EXIF, profile."""
    chunks = _webp_chunks(chance.choice(seeds))
    at = chance.randrange(len(chunks))
    kind, data = chunks[at]
    chunks[at] = (kind, bytes_changed(chance, data or b"\0"))
    canvas = bytes([chance.choice((0x02, 0x08, 0x10, 0x20, 0x3E, 0xFF)), 0, 0, 0]) + b"".join(
        struct.pack("<I", max(0, chance.choice((64, *_SIZES)) - 1))[:3] for _ in range(2)
    )
    frame = struct.pack("<I", chance.choice(_ODD))[:3] * 2 + canvas[4:10] + b"\x10\0\0" + bytes([chance.choice(_ODD)])
    extra = [
        (b"VP8X", canvas), (b"EXIF", exif(chance)), (b"ICCP", chance.randbytes(40)), (b"XMP ", b"<x/>"),
        (b"ALPH", chance.randbytes(30)), (b"ANIM", b"\0" * 4 + struct.pack("<H", chance.choice(_ODD))),
        (b"ANMF", frame + b"".join(_webp_chunk(*chunk) for chunk in chunks[-1:])), (b"zzzz", b""),
    ]  # fmt: skip
    parts = parts_changed(chance, chunks, extra)
    if chance.random() < 0.5:
        parts = [(b"VP8X", canvas), *parts, *([(b"EXIF", exif(chance))] if chance.random() < 0.5 else [])]
    body = b"WEBP" + b"".join(_webp_chunk(*part) for part in parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _webp_chunks(data: bytes) -> list[Chunk]:
    chunks, at = [], 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        chunks.append((data[at : at + 4], data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    return chunks


def _webp_chunk(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


# --- GIF, BMP, TIFF, HEIF ---------------------------------------------------------------------------------------------


def gif(chance: Chance, seeds: Sequence[bytes]) -> bytes:
    """Blocks dropped, doubled and added; sizes and places of the screen and of the picture."""
    data = chance.choice(seeds)
    start = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    at = data.index(b"\x2c", start)
    head, place, rest = bytearray(data[:start]), bytearray(data[at : at + 10]), data[at + 10 : -1]
    if chance.random() < 0.5:
        struct.pack_into("<HH", head, 6, chance.choice(_SIZES), chance.choice(_SIZES))
    if chance.random() < 0.5:
        struct.pack_into("<H", place, chance.choice((1, 3, 5, 7)), chance.choice(_SIZES))
    extra = [
        b"!\xf9\4" + chance.randbytes(4) + b"\0",
        b"!\xfe\3abc\0",
        b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0",
        bytes(place) + rest,
    ]
    parts = parts_changed(chance, [data[start:at], bytes(place) + rest], extra)
    return b"".join((bytes(head), *parts, chance.choice((b";", b"", b";tail"))))


def bmp(chance: Chance, seeds: Sequence[bytes]) -> bytes:
    """The header's fields, of every kind of coding; rows of run lengths."""
    data = bytearray(chance.choice(seeds))
    if chance.random() < 0.5:
        runs = bytes_changed(chance, b"".join(b"\x40\7\0\0" for _ in range(64)) + b"\0\1")
        data[28:34], data[54:] = struct.pack("<HI", chance.choice((4, 8)), chance.choice((1, 2))), bytes(1024) + runs
        struct.pack_into("<I", data, 10, 54 + 1024)
    for at in chance.sample((10, 14, 18, 22, 28, 30, 46), chance.randint(0, 2)):
        struct.pack_into("<I", data, at, chance.choice((*_ODD, *_SIZES, 2**31, 2**32 - 64)))
    return bytes_changed(chance, bytes(data)) if chance.random() < 0.5 else bytes(data)


def tiff(chance: Chance, seeds: Sequence[bytes]) -> bytes:
    """Entries of the first directory: types, counts, values; what the strips hold."""
    data = bytearray(chance.choice(seeds))
    order = "<" if data[:2] == b"II" else ">"
    start = struct.unpack_from(order + "I", data, 4)[0]
    count = struct.unpack_from(order + "H", data, start)[0]
    for _ in range(chance.randint(0, 2)):
        entry = start + 2 + 12 * chance.randrange(count)
        field, form = chance.choice(((0, "H"), (2, "H"), (4, "I"), (8, "I"), (8, "H")))
        tag = (256, 258, 259, 262, 273, 274, 277, 278, 279, 284, 317, 320, 322, 324, 338, 339, 34675)
        value = chance.choice(tag if field == 0 else (*_ODD, *_SIZES, 5, 32773, 32946))
        struct.pack_into(order + form, data, entry + field, value)
    if chance.random() < 0.5:
        at = chance.randrange(8, max(9, start))
        data[at : at + 4] = chance.randbytes(4)
    return bytes(data)


def heif(chance: Chance, seeds: Sequence[bytes]) -> bytes:
    """Boxes at every depth, changed inside with their sizes kept right."""
    return b"".join(_boxes(chance, chance.choice(seeds), 0))


_HOLDERS = {b"meta": 4, b"iprp": 0, b"ipco": 0, b"iinf": 6, b"iref": 4}
"""Boxes of boxes, and how many bytes stand before these."""


def _boxes(chance: Chance, data: bytes, at: int) -> list[bytes]:
    parts = []
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big") or len(data) - at
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + size]
        if kind in _HOLDERS:
            skip = _HOLDERS[kind]
            body = body[:skip] + b"".join(_boxes(chance, body, skip))
        elif chance.random() < 0.08:
            body = bytes_changed(chance, body or b"\0")
        parts.append(struct.pack(">I", len(body) + 8) + kind + body)
        at += max(8, size)
    extra = [
        b"\0\0\0\x08free",
        b"\0\0\0\x09irot\1",
        b"\0\0\0\x09imir\1",
        struct.pack(">I4s4sII", 20, b"ispe", b"", 64, 64),
    ]
    return parts_changed(chance, parts, extra) if parts and chance.random() < 0.15 else parts


STRUCTURED: dict[str, Callable[[Chance, Sequence[bytes]], bytes]] = {
    "PNG": png, "JPEG": jpeg, "WEBP": webp, "GIF": gif, "BMP": bmp, "TIFF": tiff, "AVIF": heif,
}  # fmt: skip
"""By Pillow's name of the format."""
