"""What results are called, so that none meets another; and names as they can be written, whatever bytes they are of."""

from __future__ import annotations

import itertools
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..wire import Json
from .kinds import SEARCHED

SUFFIXES_OF: dict[str, tuple[str, ...]] = {
    "png": (".png",),
    "jpeg": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "webp": (".webp",),
}
"""A result's format → the suffixes that fit it, the usual one first."""
_KEPT = {"JPEG": "jpeg", "WEBP": "webp"}
"""Containers whose pictures are written as what they came as; all others become PNG."""
_UNWRITABLE = re.compile("[\ud800-\udfff]")
_UNSHOWN = re.compile("[\\x00-\\x1f\\x7f-\\x9f\ud800-\udfff]")
_ESCAPED = re.compile(r"\\x([89a-f][0-9a-f])")


def output_names(
    relative: Sequence[Path], suffix: str | None = ".png", containers: Sequence[str | None] | None = None
) -> list[Path]:
    """``a/b.jpg`` → ``a/b.png``; inputs that would meet in one output keep their own suffix: ``a/b.jpg.png``; what
    still meets (same names from two folders) is numbered: ``a/b.jpg.2.png``. ``suffix`` None keeps the input's, but
    where the result has another: ``a.gif`` → ``a.png``; ``containers`` say what the inputs truly are, whatever they are
    called."""
    known = containers or [None] * len(relative)
    endings = [suffix or _kept(path, container) for path, container in zip(relative, known, strict=True)]
    short = [_ending(path, ending) for path, ending in zip(relative, endings, strict=True)]
    meet = Counter(_place(path) for path in short)
    taken: set[str] = set()
    names = []
    for path, plain, ending in zip(relative, short, endings, strict=True):
        choices = _choices(path, plain, ending, alone=meet[_place(plain)] == 1)
        names.append(next(name for name in choices if _place(name) not in taken))
        taken.add(_place(names[-1]))
    return names


def _choices(path: Path, plain: Path, ending: str, *, alone: bool) -> Iterator[Path]:
    if alone:
        yield plain
    yield path.with_name(f"{path.name}{ending}")
    for number in itertools.count(2):
        yield path.with_name(f"{path.name}.{number}{ending}")


def _place(path: Path) -> str:
    """Equal for names that some file system takes for one."""
    return unicodedata.normalize("NFC", str(path)).casefold()


def _ending(path: Path, ending: str) -> Path:
    """What follows the last dot is cut only where it is a picture's suffix: ``2024.05.01`` is a name."""
    return path.with_suffix(ending) if path.suffix.lower() in SEARCHED else path.with_name(f"{path.name}{ending}")


def _kept(path: Path, container: str | None) -> str:
    """The input's suffix where it fits the result, which has the input's format or is a PNG."""
    if container is None:
        return path.suffix if any(path.suffix.lower() in those for those in SUFFIXES_OF.values()) else ".png"
    fitting = SUFFIXES_OF[_KEPT.get(container, "png")]
    return path.suffix if path.suffix.lower() in fitting else fitting[0]


def shown(text: str) -> str:
    """``text`` on one line of any terminal: bytes that are not UTF-8 and control characters as backslash escapes.

    >>> shown("caf\\udce9\\n.jpg")
    'caf\\\\xe9\\\\x0a.jpg'
    """
    return _UNSHOWN.sub(_escape, text)


def json_line(row: Json) -> str:
    """``row`` as one line of JSON that any reader takes: bytes that are not UTF-8 as backslash escapes
    (``caf\\xe9.jpg``).
    """
    return _UNWRITABLE.sub(lambda found: f"\\{_escape(found)}", json.dumps(row, ensure_ascii=False))


def written(text: str) -> str:
    """``text`` as ``json_line`` writes it, read again."""
    return _UNWRITABLE.sub(_escape, text)


def meant(text: str) -> str:
    """A name that ``written`` gave, as the file system has it; one that holds such escapes itself comes out wrong."""
    return _ESCAPED.sub(lambda found: chr(0xDC00 + int(found[1], 16)), text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\u{code:04x}" if code >= 0xD800 and not 0xDC80 <= code <= 0xDCFF else f"\\x{code & 0xFF:02x}"
