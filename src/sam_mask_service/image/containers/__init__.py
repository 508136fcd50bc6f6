"""A picture's file, walked once by bounded code before any decoder sees it: one file for each kind of container."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ...errors import ImageUnreadable, UnsupportedMedia
from . import bmp, gif, isobmff, jpeg, png, pnm, tiff, webp
from .clean import Clean

__all__ = ["FORMATS", "Clean", "sniff", "walk"]


class _Kind(NamedTuple):
    """A container: its name, the bytes that begin it and where, and its walk."""

    name: str
    at: int
    magic: tuple[bytes, ...]
    walk: Callable[[bytes], Clean]


_BRANDS = tuple(
    b"ftyp" + brand for brand in (b"mif1", b"msf1", b"heic", b"heix", b"hevc", b"heim", b"heis", b"avif", b"avis")
)
_KINDS = (
    _Kind("JPEG", 0, (b"\xff\xd8\xff",), jpeg.walk),
    _Kind("PNG", 0, (b"\x89PNG\r\n\x1a\n",), png.walk),
    _Kind("WEBP", 8, (b"WEBP",), webp.walk),
    _Kind("HEIF", 4, _BRANDS, isobmff.walk),
    _Kind("GIF", 0, (b"GIF87a", b"GIF89a"), gif.walk),
    _Kind("BMP", 0, (b"BM",), bmp.walk),
    _Kind("TIFF", 0, (b"II*\0", b"MM\0*"), tiff.walk),
    _Kind("PPM", 0, (b"P5", b"P6"), pnm.walk),
)
FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "AVIF", "GIF", "BMP", "TIFF", "PPM")
"""Names of what is read: AVIF is a picture in a HEIF container."""


def sniff(data: bytes) -> str:
    """The container by its first bytes. Raises ImageUnreadable for no bytes and UnsupportedMedia for any other
    format.
    """
    return _kind(data).name


def walk(data: bytes) -> Clean:
    """The picture's own parts, see ``Clean``. Raises as ``sniff`` does, and ImageUnreadable for a broken container."""
    return _kind(data).walk(data)


def _kind(data: bytes) -> _Kind:
    if not data:
        raise ImageUnreadable("The picture has no bytes.")
    for kind in _KINDS:
        if data.startswith(kind.magic, kind.at):
            return kind
    raise UnsupportedMedia(f"This is not a picture in a format that is read here: {', '.join(FORMATS)}.")
