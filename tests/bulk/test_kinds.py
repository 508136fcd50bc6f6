"""A file is what its first bytes say; its name counts where they do not."""

from __future__ import annotations

import pytest

from sam_mask_service.bulk.kinds import FILM, MAC_NOTES, OTHER, PICTURE, RAW, Kind, kind_of, suffix_of

from ..support.scene import picture

JPEG, PNG = picture(kind="jpeg")[:64], picture()[:64]
TIFF = b"II*\0\x08\0\0\0"
MAC = b"\0\x05\x16\x07\0\x02\0\0Mac OS X"
MOVIE = b"\0\0\0\x14ftypqt  "


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("a.jpg", JPEG, PICTURE),
        ("a", JPEG, PICTURE),
        ("a.txt", PNG, PICTURE),
        ("a.dng", JPEG, PICTURE),
        ("a.mov", JPEG, PICTURE),
        ("._a.jpg", JPEG, PICTURE),
        ("._a.jpg", MAC, MAC_NOTES),
        ("._a.jpg", b"", MAC_NOTES),
        ("a.jpg", MAC, MAC_NOTES),
        ("a.jpg", b"", PICTURE),
        ("a.jpg", b"no picture", PICTURE),
        ("a.jxl", b"\xff\x0a", PICTURE),
        ("a", b"\0\0\0\x0cJXL \r\n\x87\n", PICTURE),
        ("a.tif", TIFF, PICTURE),
        ("a.DNG", TIFF, RAW),
        ("a.dng", b"", RAW),
        ("a.tif", TIFF + b"CR\2\0", RAW),
        ("a", b"\0\0\0\x18ftypcrx \0\0\0\1", RAW),
        ("a.cr2", b"what", RAW),
        ("a", b"FUJIFILMCCD-RAW 0201", RAW),
        ("a.MOV", MOVIE, FILM),
        ("a", MOVIE, FILM),
        ("a.mp4", b"", FILM),
        ("a", b"\x1aE\xdf\xa3\1\0", FILM),
        ("a", b"RIFF\0\0\0\0AVI LIST", FILM),
        ("a.heic", b"\0\0\0\x14ftypmif2", PICTURE),
        ("notes.txt", b"BMW, Porsche", OTHER),
        ("a", b"BM\0\0\0\0\0\0\0\0", PICTURE),
        ("notes.txt", b"P5: see above", OTHER),
        ("a", b"P5\n2 2\n", PICTURE),
        ("Thumbs.db", b"\xd0\xcf\x11\xe0", OTHER),
        ("empty", b"", OTHER),
        (".jpg", b"", OTHER),
    ],
)
def test_kinds(name: str, head: bytes, kind: Kind) -> None:
    assert kind_of(name, head) is kind


@pytest.mark.parametrize(("name", "suffix"), [("a.JPG", ".jpg"), ("a.b.c", ".c"), (".jpg", ""), ("a", ""), ("a.", ".")])
def test_suffixes(name: str, suffix: str) -> None:
    assert suffix_of(name) == suffix
