"""JPEG (ITU-T T.81, annex B), walked marker by marker: what libjpeg needs goes on, application data and comments do
not. Pure.

The picture ends with its first end marker; a second picture behind it (a phone's depth map or film) is never looked at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ...errors import ImageUnreadable, UnsupportedMedia
from ...limits import PICTURE
from .clean import Clean, big, enough
from .notes import orientation

_MARKER = re.compile(rb"\xff[\x01-\xfe]")
_AFTER_CODE = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""What ends coded data: not a stuffed zero, a fill byte, or a restart."""
_PIECE = 1 << 20
"""Bytes that are searched in one go: the interpreter lock is held so long."""
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDD})
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_JFIF = b"\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
_EXIF, _XMP, _ICC = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"


@dataclass(slots=True)
class _Walk:
    """What has been met so far. ``kept``: the parts of the new file. ``lowest``: per component and coefficient the
    lowest bit that a scan has brought, for a file without an end marker."""

    kept: list[bytes] = field(default_factory=list)
    frame: bytes = b""
    marker: int = 0
    exif: bytes | None = None
    xmp: bytes | None = None
    profile: dict[int, bytes] = field(default_factory=dict)
    profile_parts: int = 0
    tables: int = 0
    scans: int = 0
    lowest: dict[tuple[int, int], int] = field(default_factory=dict)


def walk(data: bytes) -> Clean:
    """Raises ImageUnreadable and UnsupportedMedia."""
    w = _Walk()
    at, ended, count = 2, False, 0
    while True:
        count += 1
        enough(count, PICTURE.segments, "segments")
        start = _find(_MARKER, data, at)
        if start is None or data[start + 1] in (_SOI, _EOI):
            ended = start is not None and data[start + 1] == _EOI
            break
        at = _segment(w, data, start)
    return _finished(w, ended)


def _find(pattern: re.Pattern[bytes], data: bytes, at: int) -> int | None:
    while at < len(data):
        if found := pattern.search(data, at, at + _PIECE + 1):
            return found.start()
        at += _PIECE
    return None


def _segment(w: _Walk, data: bytes, start: int) -> int:
    """Takes in the segment at ``start``; where the next may begin."""
    marker = data[start + 1]
    if marker in _BARE:
        return start + 2
    size = int.from_bytes(data[start + 2 : start + 4], "big")
    end = start + 2 + size
    if size < 2 or end > len(data):
        if w.scans:
            return len(data)
        raise ImageUnreadable
    if marker >= 0xE0:
        _application(w, marker, data[start + 4 : end])
        return end
    if marker in _FRAMES:
        if w.frame:
            raise ImageUnreadable
        w.marker, w.frame = marker, data[start + 4 : end]
    w.tables += size if marker in _TABLES else 0
    enough(w.tables, PICTURE.tables, "bytes of tables")
    if marker == _SOS:
        return _scan(w, data, start, end)
    if marker in _FRAMES | _TABLES:
        w.kept.append(b"\xff" + data[start + 1 : end])
    return end


def _application(w: _Walk, marker: int, body: bytes) -> None:
    if marker == 0xE0 and body.startswith(b"JFIF\0") and _JFIF not in w.kept:
        w.kept.append(_JFIF)
    elif marker == 0xEE and body.startswith(b"Adobe") and len(body) >= 12:
        w.kept.append(b"\xff\xee\x00\x0e" + body[:12])
    elif marker == 0xE1 and w.exif is None and body.startswith(_EXIF):
        w.exif = body
    elif marker == 0xE1 and w.xmp is None and body.startswith(_XMP):
        w.xmp = body
    elif marker == 0xE2 and body.startswith(_ICC) and len(body) > 14:
        w.profile.setdefault(body[12], body[14:])
        w.profile_parts = body[13]


def _scan(w: _Walk, data: bytes, start: int, coded: int) -> int:
    w.scans += 1
    enough(w.scans, PICTURE.scans, "scans")
    _brought(w, data[start + 4 : coded])
    end = _find(_AFTER_CODE, data, coded)
    body = data[coded:end]
    while b"\xff\xff" in body:  # fill bytes, of which each pass halves a run
        body = body.replace(b"\xff\xff", b"\xff")
    if end is None or body.endswith(b"\xff"):
        body = body.rstrip(b"\xff")
    w.kept += (data[start:coded], body)
    return len(data) if end is None else end


def _brought(w: _Walk, header: bytes) -> None:
    """Notes what a scan brings (T.81, B.2.3). Raises ImageUnreadable."""
    count = header[0] if header else 0
    if not w.frame or len(header) != 2 * count + 4 or not count:
        raise ImageUnreadable
    first, last, bits = header[-3:]
    for name in header[1 : 1 + 2 * count : 2]:
        for k in range(first, min(last, 63) + 1):
            w.lowest[name, k] = bits & 15


def _finished(w: _Walk, ended: bool) -> Clean:
    height, width, names = _frame(w.frame)
    if not w.scans or not (ended or _all_brought(w, names)):
        raise ImageUnreadable
    if w.scans > PICTURE.scans_of_any and w.scans * width * height > PICTURE.scanned:
        raise ImageUnreadable("The picture has too many scans for its size.")
    parts = sum(len(part) for part in w.profile.values())
    whole = len(w.profile) == w.profile_parts and parts <= PICTURE.profile
    passes = w.marker in _PROGRESSIVE or w.scans > 1
    return Clean(
        "JPEG", width, height, b"".join((b"\xff\xd8", *w.kept, b"\xff\xd9")),
        orientation=orientation(w.exif, w.xmp and w.xmp[len(_XMP) :]),
        profile=b"".join(w.profile[i] for i in sorted(w.profile)) or None if whole else None,
        cost=7.5 if not passes else 4.5 + 2 * len(names),  # libjpeg then holds all coefficients, 2 bytes each
        ended=ended,
    )  # fmt: skip


def _frame(frame: bytes) -> tuple[int, int, bytes]:
    """Height, width and the components' names."""
    if len(frame) < 6 or len(frame) < 6 + 3 * frame[5]:
        raise ImageUnreadable
    if frame[0] != 8 or frame[5] not in (1, 3, 4):
        raise UnsupportedMedia("A JPEG of this kind is not read here: 8 bits and 1, 3 or 4 colours are.")
    return big(frame, 1, 2), big(frame, 3, 2), frame[6 : 6 + 3 * frame[5] : 3]


def _all_brought(w: _Walk, names: bytes) -> bool:
    """Whether every coefficient came down to its last bit."""
    return all(w.lowest.get((name, k)) == 0 for name in names for k in range(64))
