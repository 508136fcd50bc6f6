"""What a file of a folder is: judged by its first bytes, since names lie, and by its name where they do not say."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from ..errors import ServiceError
from ..image import FORMATS, sniff

HEAD = 64
"""Bytes of a file that are looked at."""
_HEIF = (".heic", ".heif", ".hif")
SUFFIXES = frozenset(suffix for suffix, kind in Image.registered_extensions().items() if kind in (*FORMATS, "MPO")) | {
    *_HEIF
}
UNREAD = frozenset((".jxl", ".jp2"))
SEARCHED = SUFFIXES | UNREAD
"""What a picture's name ends in: such a file fails when it is none, since whoever hides the faces of a folder must not
believe that nothing was passed over."""
_RAW = frozenset(
    f".{name}"
    for name in [
        "3fr",
        "arw",
        "cr2",
        "cr3",
        "crw",
        "dcr",
        "dng",
        "erf",
        "iiq",
        "kdc",
        "mef",
        "mos",
        "mrw",
        "nef",
        "nrw",
        "orf",
        "pef",
        "raf",
        "raw",
        "rw2",
        "rwl",
        "sr2",
        "srf",
        "srw",
        "x3f",
    ]
)
_FILMS = frozenset(
    f".{name}"
    for name in [
        "3g2",
        "3gp",
        "avi",
        "flv",
        "insv",
        "lrv",
        "m2ts",
        "m4v",
        "mkv",
        "mov",
        "mp4",
        "mpeg",
        "mpg",
        "mts",
        "webm",
        "wmv",
    ]
)
_RAW_HEADS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"IIU\0", b"\0MRM", b"FOVb")
_UNREAD_HEADS = (b"\0\0\0\x0cJXL ", b"\0\0\0\x0cjP  ")
_MAC_HEAD = b"\0\x05\x16\x07"


@dataclass(frozen=True, slots=True)
class Kind:
    """``words``: what it is. ``work``: it is to be read. ``failed``: it is a photograph, or may hold some, and cannot
    be read. ``seen``: its first bytes were looked at; else they are when it is read.
    """

    words: str
    work: bool = False
    failed: bool = False
    seen: bool = True


PICTURE = Kind("a picture", work=True)
NAMED = Kind("what was named", work=True)
LIKELY = Kind("perhaps a picture", work=True, seen=False)
RAW = Kind("a raw photograph, which is not read here: convert it to JPEG, PNG or TIFF", failed=True)
UNREADABLE = Kind("a folder that cannot be read", failed=True)
FILM = Kind("a film")
MAC_NOTES = Kind("a Mac's notes on another file")
LINK = Kind("a link to a folder, which is not followed")
SPECIAL = Kind("no regular file")
OTHER = Kind("not a picture")
KINDS = {kind.words: kind for kind in (PICTURE, NAMED, LIKELY, RAW, UNREADABLE, FILM, MAC_NOTES, LINK, SPECIAL, OTHER)}


def kind_of(name: str, head: bytes) -> Kind:
    """``head``: the first ``HEAD`` bytes of the file.

    >>> kind_of("holiday", b"\\xff\\xd8\\xff\\xe0").words, kind_of("._a.jpg", b"\\0\\x05\\x16\\x07").words
    ('a picture', "a Mac's notes on another file")
    """
    suffix = suffix_of(name)
    container = container_of(head)
    if container is not None and _is_sure(container, head, suffix):
        raw = container == "TIFF" and (suffix in _RAW or head[8:10] == b"CR")
        return RAW if raw else PICTURE
    if name.startswith("._") or head.startswith(_MAC_HEAD):
        return MAC_NOTES
    if suffix in SEARCHED or head.startswith(_UNREAD_HEADS):
        return PICTURE
    if suffix in _RAW or head.startswith(_RAW_HEADS) or head[4:12] == b"ftypcrx ":
        return RAW
    return FILM if suffix in _FILMS or _is_film(head) else OTHER


def kind_by_name(name: str) -> Kind:
    """Before anything of it is read, where that is dear: tells what surely is no picture, or none that can be read."""
    kind = kind_of(name, b"")
    return LIKELY if kind in (PICTURE, OTHER) else kind


def container_of(head: bytes) -> str | None:
    """A name of ``FORMATS``, or None."""
    try:
        return sniff(head)
    except ServiceError:
        return None


def suffix_of(name: str) -> str:
    """In lower case, with its dot; empty where there is none."""
    stem, dot, ending = name.rpartition(".")
    return f".{ending.lower()}" if dot and stem else ""


def _is_sure(container: str, head: bytes, suffix: str) -> bool:
    """Two letters make no picture of a text."""
    if suffix in SEARCHED:
        return True
    if container == "BMP":
        return head[6:10] == bytes(4)
    return container != "PPM" or head[2:3].isspace()


def _is_film(head: bytes) -> bool:
    return (
        head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide")
        or head.startswith(b"\x1aE\xdf\xa3")
        or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")
    )
