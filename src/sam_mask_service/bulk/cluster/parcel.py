"""Lines as they travel between machines: as JSON, whatever bytes their names are of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from ..kinds import KINDS
from ..line import Address, Line

PART = 32
"""Lines that an actor is handed at once, and that are done again when it dies."""


def packed(line: Line) -> str:
    """Names that are not UTF-8 come out as they went in.

    >>> opened(packed(Line(3, "a\\udcff.jpg", Address("file", "/x"), "a.png"))).name
    'a\\udcff.jpg'
    """
    rows = [None if row is None else row.decode("utf-8", "surrogateescape") for row in (line.earlier, line.first)]
    state = (line.number, line.name, line.address, line.target, line.kind.words, line.container, line.stamp, *rows)
    return json.dumps(state)


def opened(text: str) -> Line:
    number, name, address, target, kind, container, stamp, *rows = json.loads(text)
    earlier, first = (None if row is None else row.encode("utf-8", "surrogateescape") for row in rows)
    return Line(number, name, Address(*address), target, KINDS[kind], container, stamp, earlier, first)


def parts(lines: Sequence[Line]) -> Iterator[list[str]]:
    for start in range(0, len(lines), PART):
        yield [packed(line) for line in lines[start : start + PART]]
