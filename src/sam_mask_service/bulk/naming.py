"""What results are called, so that none meets another; and names as they can be written, whatever bytes they are of."""

from __future__ import annotations

import itertools
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

from ..wire import Json
from .kinds import SEARCHED, suffix_of

SUFFIXES_OF: dict[str, tuple[str, ...]] = {
    "png": (".png",),
    "jpeg": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "webp": (".webp",),
}
"""A result's format → the suffixes that fit it, the usual one first."""
_KEPT = {"JPEG": "jpeg", "WEBP": "webp"}
"""Containers whose pictures are written as what they came as; all others become PNG."""
_SCHEME = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)+//|[A-Za-z]:(?=[/\\\\])")
"""What an address begins with, or a drive."""
_ODD = re.compile(r"[:\\]|//|/\.|/$")
"""What a name has that may lead somewhere else."""
_UNWRITABLE = re.compile("[\ud800-\udfff]")
_UNSHOWN = re.compile("[\\x00-\\x1f\\x7f-\\x9f\ud800-\udfff]")
_ESCAPED = re.compile(r"\\x([89a-f][0-9a-f])")


def output_names(
    relative: Sequence[str], suffix: str | None = ".png", containers: Sequence[str | None] | None = None
) -> list[str]:
    """``a/b.jpg`` → ``a/b.png``; inputs that would meet in one output keep their own suffix: ``a/b.jpg.png``; what
    still meets (same names from two folders) is numbered: ``a/b.jpg.2.png``. ``suffix`` None keeps the input's, but
    where the result has another: ``a.gif`` → ``a.png``; ``containers`` say what the inputs truly are, whatever they are
    called."""
    known = containers or [None] * len(relative)
    endings = [ending_of(name, suffix, container) for name, container in zip(relative, known, strict=True)]
    plain = [with_ending(name, ending) for name, ending in zip(relative, endings, strict=True)]
    meet = Counter(place_of(name) for name in plain)
    taken = {place for place, times in meet.items() if times == 1}
    names = []
    for name, short, ending in zip(relative, plain, endings, strict=True):
        alone = meet[place_of(short)] == 1
        names.append(short if alone else next(n for n in further_names(name, ending) if place_of(n) not in taken))
        taken.add(place_of(names[-1]))
    return names


def further_names(name: str, ending: str) -> Iterator[str]:
    """For a result whose usual name another has."""
    yield f"{name}{ending}"
    for number in itertools.count(2):
        yield f"{name}.{number}{ending}"


def place_of(name: str) -> str:
    """Equal for names that some file system takes for one."""
    return name.casefold() if name.isascii() else unicodedata.normalize("NFC", name).casefold()


def with_ending(name: str, ending: str) -> str:
    """What follows the last dot is cut only where it is a picture's suffix: ``2024.05.01`` is a name."""
    suffix = suffix_of(name.rpartition("/")[2])
    return f"{name[: -len(suffix)] if suffix in SEARCHED else name}{ending}"


def ending_of(name: str, suffix: str | None, container: str | None) -> str:
    """``suffix``, or the input's own where it fits the result, which has the input's format or is a PNG."""
    if suffix is not None:
        return suffix
    base = name.rpartition("/")[2]
    own = base[len(base) - len(suffix_of(base)) :]
    if container is None:
        return own if any(own.lower() in those for those in SUFFIXES_OF.values()) else ".png"
    fitting = SUFFIXES_OF[_KEPT.get(container, "png")]
    return own if own.lower() in fitting else fitting[0]


def inside(name: str) -> str:
    """``name`` as one that stays below a folder: of an archive's member or a line of a list, which may hold anything.

    >>> inside("../../etc/./a.jpg"), inside("https://pics.example/x/a.jpg?size=2"), inside("..")
    ('etc/a.jpg', 'pics.example/x/a.jpg', 'picture')
    """
    if name[:1] not in ("/", ".", "") and not _ODD.search(name):
        return name
    scheme = _SCHEME.match(name)
    bare = re.split("[?#]", name)[0] if scheme and scheme[0].startswith("http") else name
    parts = re.split(r"[/\\]", _SCHEME.sub("", bare, count=1))
    return "/".join(part for part in parts if part not in ("", ".", "..")) or "picture"


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
