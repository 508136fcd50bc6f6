"""WebP (RFC 9649), chunk by chunk: the picture, or the first frame of a film, goes on as a file of its own. Pure."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ...errors import ImageUnreadable
from ...limits import PICTURE
from .clean import Clean, big, enough, little
from .notes import orientation

Chunk = tuple[bytes, bytes]
_CODED = frozenset({b"VP8 ", b"VP8L"})


def walk(data: bytes) -> Clean:
    """Raises ImageUnreadable."""
    end = little(data, 4, 4) + 8
    if end > len(data) + 1:
        raise ImageUnreadable
    chunks: dict[bytes, bytes] = {}
    for kind, body in _chunks(data, 12, min(end, len(data))):
        chunks.setdefault(kind, body)
    still = _CODED & chunks.keys()
    return _clean(chunks, chunks) if still else _first_frame(chunks)


def _chunks(data: bytes, at: int, end: int) -> Iterator[Chunk]:
    count = 0
    while at + 8 <= end:
        count += 1
        enough(count, PICTURE.chunks, "chunks")
        kind, size = data[at : at + 4], little(data, at + 4, 4)
        if at + 8 + size > end:
            raise ImageUnreadable
        yield kind, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _first_frame(chunks: dict[bytes, bytes]) -> Clean:
    """The first frame in its place on the canvas."""
    frame, canvas = chunks.get(b"ANMF", b""), chunks.get(b"VP8X", b"")
    parts: dict[bytes, bytes] = {}
    for kind, body in _chunks(frame, 16, len(frame)):
        parts.setdefault(kind, body)
    at = (2 * little(frame, 0, 3), 2 * little(frame, 3, 3))
    return _clean(chunks, parts, at, (little(canvas, 4, 3) + 1, little(canvas, 7, 3) + 1))


def _clean(
    notes: dict[bytes, bytes],
    parts: dict[bytes, bytes],
    at: tuple[int, int] | None = None,
    canvas: tuple[int, int] | None = None,
) -> Clean:
    kind = next((name for name in (b"VP8L", b"VP8 ") if name in parts), None)
    if kind is None:
        raise ImageUnreadable
    width, height, alpha = _lossless(parts[kind]) if kind == b"VP8L" else _lossy(parts[kind])
    if canvas and (at[0] + width > canvas[0] or at[1] + height > canvas[1] if at else True):
        raise ImageUnreadable
    has_alpha = kind == b"VP8 " and b"ALPH" in parts
    profile = notes.get(b"ICCP") or None
    return Clean(
        "WEBP",
        width,
        height,
        _file([*_extended(parts, width, height, has_alpha), (kind, parts[kind])]),
        orientation=orientation(notes.get(b"EXIF"), notes.get(b"XMP ")),
        profile=profile if profile and len(profile) <= PICTURE.profile else None,
        alpha=alpha or has_alpha,
        at=at,
        canvas=canvas,
    )


def _extended(parts: dict[bytes, bytes], width: int, height: int, alpha: bool) -> list[Chunk]:
    """The chunks that announce and hold the alpha channel of a lossy picture."""
    if not alpha:
        return []
    sides = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return [(b"VP8X", b"\x10\0\0\0" + sides), (b"ALPH", parts[b"ALPH"])]


def _file(chunks: list[Chunk]) -> bytes:
    body = b"".join(k + struct.pack("<I", len(b)) + b + b"\0" * (len(b) % 2) for k, b in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _lossy(data: bytes) -> tuple[int, int, bool]:
    """Width, height, False of a key frame (RFC 6386, section 9.1)."""
    if big(data, 3, 3) != 0x9D012A:
        raise ImageUnreadable
    return little(data, 6, 2) & 0x3FFF, little(data, 8, 2) & 0x3FFF, False


def _lossless(data: bytes) -> tuple[int, int, bool]:
    """Width, height and whether there is transparency (RFC 9649, section 3.4)."""
    bits = little(data, 1, 4)
    if data[0] != 0x2F:
        raise ImageUnreadable
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
