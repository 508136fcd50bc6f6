"""ISO base media files (ISO/IEC 14496-12, 23008-12): boxes, and what the ``meta`` box says of its items. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ...errors import ImageUnreadable
from ...limits import PICTURE
from .clean import big, enough

Span = tuple[int, int]
"""Where something begins and ends in the file."""
Extents = list[tuple[int, int, int]]
"""(construction method, offset, length) each."""


@dataclass(slots=True)
class Items:
    """``kinds``: id → (type, where the type stands). ``properties``: (type, span) in their order, ``owned``: id → their
    numbers, from 1. ``refers``: (type, from) → to. ``data``: the span of the ``idat`` box's content."""

    primary: int = 0
    kinds: dict[int, tuple[bytes, int]] = field(default_factory=dict)
    properties: list[tuple[bytes, Span]] = field(default_factory=list)
    owned: dict[int, list[int]] = field(default_factory=dict)
    refers: dict[tuple[bytes, int], list[int]] = field(default_factory=dict)
    extents: dict[int, Extents] = field(default_factory=dict)
    data: Span = (0, 0)

    def owns(self, item: int, kind: bytes) -> list[Span]:
        """The item's properties of this type."""
        numbers = (n for n in self.owned.get(item, ()) if 0 < n <= len(self.properties))
        return [self.properties[n - 1][1] for n in numbers if self.properties[n - 1][0] == kind]


def boxes(data: bytes, at: int, end: int, lenient: bool = False) -> Iterator[tuple[bytes, Span]]:
    """(type, span of the content) of the boxes between ``at`` and ``end``. ``lenient``: what is no box ends them, else
    raises ImageUnreadable."""
    count = 0
    while at + 8 <= end:
        count += 1
        enough(count, PICTURE.boxes, "boxes")
        size, kind, head = big(data, at, 4), data[at + 4 : at + 8], 8
        if size == 1 and at + 16 <= end:
            size, head = big(data, at + 8, 8), 16
        stop = at + size if size else end
        if stop > end or stop < at + head:
            if lenient and not kind.isalnum():
                return
            raise ImageUnreadable
        yield kind, (at + head, stop)
        at = stop


def items(data: bytes, span: Span) -> Items:
    """What a ``meta`` box says. Raises ImageUnreadable."""
    out = Items()
    readers = {b"pitm": _primary, b"iinf": _infos, b"iprp": _properties, b"iref": _references, b"iloc": _locations}
    for kind, inner in boxes(data, span[0] + 4, span[1]):
        if kind in readers:
            readers[kind](data, inner, out)
        elif kind == b"idat":
            out.data = inner
    return out


def _primary(data: bytes, span: Span, out: Items) -> None:
    out.primary = big(data, span[0] + 4, 2 if data[span[0]] == 0 else 4)


def _infos(data: bytes, span: Span, out: Items) -> None:
    for kind, (start, end) in boxes(data, span[0] + (6 if data[span[0]] == 0 else 8), span[1]):
        if kind != b"infe" or end - start < 12 or data[start] < 2:
            raise ImageUnreadable
        wide = 2 if data[start] == 2 else 4
        at = start + 4 + wide + 2
        if out.kinds.setdefault(big(data, start + 4, wide), (data[at : at + 4], at))[1] != at:
            raise ImageUnreadable


def _properties(data: bytes, span: Span, out: Items) -> None:
    for kind, inner in boxes(data, *span):
        if kind == b"ipco" and not out.properties:
            out.properties = list(boxes(data, *inner))
        elif kind == b"ipma":
            _owners(data, inner, out)
        else:
            raise ImageUnreadable


def _owners(data: bytes, span: Span, out: Items) -> None:
    at = span[0] + 8
    wide, long = (4 if data[span[0]] else 2), 2 if data[span[0] + 3] & 1 else 1
    for count in range(big(data, at - 4, 4)):
        enough(count, PICTURE.boxes, "items")
        item, number = big(data, at, wide), big(data, at + wide, 1)
        at += wide + 1
        mask = 0x7FFF if long == 2 else 0x7F
        out.owned.setdefault(item, []).extend(big(data, at + long * i, long) & mask for i in range(number))
        at += long * number


def _references(data: bytes, span: Span, out: Items) -> None:
    wide = 4 if data[span[0]] else 2
    for kind, (at, end) in boxes(data, span[0] + 4, span[1]):
        count = big(data, at + wide, 2)
        if at + 2 + wide * (count + 1) > end:
            raise ImageUnreadable
        targets = [big(data, at + wide + 2 + wide * i, wide) for i in range(count)]
        out.refers.setdefault((kind, big(data, at, wide)), []).extend(targets)


def _locations(data: bytes, span: Span, out: Items) -> None:
    at, version = span[0], data[span[0]]
    sizes = big(data, at + 4, 2)
    offset, length, base, index = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15, sizes & 15 if version else 0
    wide = 4 if version == 2 else 2
    at += 6 + wide
    for count in range(big(data, at - wide, wide)):
        enough(count, PICTURE.boxes, "items")
        item = big(data, at, wide)
        at += wide
        method = big(data, at, 2) & 15 if version else 0
        at += (2 if version else 0) + 2
        start = big(data, at, base)
        number = big(data, at + base, 2)
        at += base + 2
        enough(number, PICTURE.boxes, "parts of an item")
        found: Extents = []
        for _ in range(number):
            at += index
            found.append((method, start + big(data, at, offset), big(data, at + offset, length)))
            at += offset + length
        out.extents[item] = found
