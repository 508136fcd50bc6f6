"""PNG (third edition, sections 5.3 and 5.6), chunk by chunk: header, palette, transparency and pixels go on to the
decoder, with their checksums looked at; every other chunk, its checksum too, is passed over. Pure.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

from ...errors import ImageUnreadable
from ...limits import PICTURE
from ..cicp import profile_of
from .clean import Clean, big, enough
from .notes import exif_of_text, orientation, unpacked

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT"})
_NOTED = frozenset({b"iCCP", b"cICP", b"eXIf", b"tEXt", b"zTXt", b"iTXt"})
_RAW_EXIF, _XMP = b"Raw profile type exif", b"XML:com.adobe.xmp"
_WITH_ALPHA = frozenset({4, 6})
"""Colour types: grey and colour with an alpha channel."""


@dataclass(slots=True)
class _Walk:
    kept: dict[bytes, bytes] = field(default_factory=dict)
    pixels: list[bytes] = field(default_factory=list)
    profile: bytes | None = None
    code: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None


def walk(data: bytes) -> Clean:
    """A missing end is forgiven: the decoder sees whether a row is missing. Raises ImageUnreadable."""
    w, at, count = _Walk(), 8, 0
    while True:
        count += 1
        enough(count, PICTURE.chunks, "chunks")
        kind, size = data[at + 4 : at + 8], int.from_bytes(data[at : at + 4], "big")
        if len(kind) < 4 or kind == b"IEND":
            break
        if (kind == b"IHDR") != (at == 8):
            raise ImageUnreadable
        if kind in _KEPT:
            _keep(w, kind, data, at + 8, size)
        elif kind in _NOTED:
            _note(w, kind, data[at + 8 : at + 8 + size])
        at += 12 + size
    return _finished(w, kind == b"IEND")


def _keep(w: _Walk, kind: bytes, data: bytes, at: int, size: int) -> None:
    body, check = data[at : at + size], data[at + size : at + size + 4]
    cut = kind == b"IDAT" and len(check) < 4
    if not cut and zlib.crc32(body, zlib.crc32(kind)) != int.from_bytes(check, "big"):
        raise ImageUnreadable
    if kind == b"IDAT":
        w.pixels.append(body)
    elif w.kept.setdefault(kind, body) is not body:
        raise ImageUnreadable


def _note(w: _Walk, kind: bytes, body: bytes) -> None:
    """Takes the first of each kind."""
    if kind == b"eXIf":
        w.exif = w.exif or body[: PICTURE.orientation]
    elif kind == b"cICP":
        w.code = w.code or body
    elif kind == b"iCCP" and w.profile is None:
        w.profile = unpacked(body[body.find(b"\0", 0, 80) + 2 :], PICTURE.profile + 1)
    elif body.startswith(_RAW_EXIF + b"\0") and w.exif is None:
        w.exif = exif_of_text(_text(kind, body, len(_RAW_EXIF) + 1))
    elif kind == b"iTXt" and body.startswith(_XMP + b"\0") and w.xmp is None:
        w.xmp = _international(body[len(_XMP) + 1 :])


def _text(kind: bytes, body: bytes, at: int) -> bytes:
    most = 2 * PICTURE.orientation
    return unpacked(body[at + 1 :], most) if kind == b"zTXt" else body[at : at + most]


def _international(body: bytes) -> bytes:
    """The text of an iTXt chunk behind its name: two flags, a language and a translated name, each with a zero behind
    it.
    """
    language = body.find(b"\0", 2, 200)
    start = body.find(b"\0", language + 1, language + 200) + 1
    text = body[start : start + PICTURE.orientation]
    return unpacked(body[start:], PICTURE.orientation) if body[:1] == b"\1" else text


def _finished(w: _Walk, ended: bool) -> Clean:
    head = w.kept.get(b"IHDR", b"")
    if len(head) != 13 or not w.pixels:
        raise ImageUnreadable
    names = [name for name in (b"IHDR", b"PLTE", b"tRNS") if name in w.kept]
    parts = [_chunk(name, w.kept[name]) for name in names]
    data = b"".join((_SIGNATURE, *parts, _chunk(b"IDAT", b"".join(w.pixels)), _chunk(b"IEND", b"")))
    profile = w.profile if w.profile and len(w.profile) <= PICTURE.profile else None
    return Clean(
        "PNG",
        big(head, 0, 4),
        big(head, 4, 4),
        data,
        orientation=orientation(w.exif, w.xmp),
        profile=profile_of(*w.code[:2]) if w.code and len(w.code) == 4 else profile,
        ended=ended,
        alpha=head[9] in _WITH_ALPHA or b"tRNS" in w.kept,
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    return b"".join((struct.pack(">I", len(body)), kind, body, struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))))
