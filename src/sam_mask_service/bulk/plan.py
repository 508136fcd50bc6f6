"""From what INPUT holds to lines, each with the name of its result: read once, kept on disk."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from ..doors import tree
from . import reading
from .index import Index, Planned
from .kinds import KINDS, LINK, NAMED, PICTURE, SPECIAL, UNREADABLE, Kind, container_of, kind_by_name, kind_of
from .line import SHARD, Found, Line
from .naming import ending_of, inside, with_ending, written
from .row import Known

_BY_WHAT = {"link": LINK, "unreadable": UNREADABLE, "special": SPECIAL}


class Looked(NamedTuple):
    """``container``: what its first bytes say; None where they were not looked at, or say nothing."""

    kind: Kind
    container: str | None


class Plan:
    """``suffix``: of the results; None: as the inputs'. ``named``: the files were named one by one, so that each is
    taken whatever it is. ``repeats``: one name may come twice."""

    def __init__(self, index: Index, suffix: str | None, *, named: bool, repeats: bool) -> None:
        self._index, self._suffix, self._named, self._repeats = index, suffix, named, repeats

    def add(self, found: Iterable[Found]) -> int:
        """The number of the first new line. Raises StorageFull, and what listing raises."""
        first = self._index.lines
        numbers = itertools.count(first)
        for part in _parts(iter(found)):
            self._index.plan(self._planned(part, numbers))
        self._index.settle_places(first)
        return first

    def _planned(self, part: list[Found], numbers: Iterator[int]) -> list[Planned]:
        if self._repeats:
            part = [self._told_apart(each) for each in part]
        keys = [written(each.name) for each in part]
        before = self._index.earlier(keys)
        return [self._line(next(numbers), each, before.get(key)) for each, key in zip(part, keys, strict=True)]

    def _told_apart(self, found: Found) -> Found:
        times = self._index.times(found.name)
        return found if times == 1 else found._replace(name=f"{found.name}#{times}")

    def _line(self, number: int, found: Found, known: Known | None) -> Planned:
        looked = _as_known(found, known) or self._look(found)
        target, ending = None, ""
        if looked.kind.work:
            name = inside(found.name)
            ending = ending_of(name, self._suffix, looked.container)
            target = with_ending(name, ending)
        line = Line(number, found.name, found.address, target, looked.kind, looked.container, found.stamp)
        return Planned(line, ending, known)

    def _look(self, found: Found) -> Looked:
        """What cannot be read may be a picture: reading it says why it fails."""
        if found.what in _BY_WHAT:
            return Looked(_BY_WHAT[found.what], None)
        name = found.name.rpartition("/")[2]
        head = reading.head(found.address)
        if self._named:
            return Looked(NAMED, container_of(head or b""))
        if head is None:
            return Looked(kind_by_name(name), None)
        if not head and found.address.way == "file" and not tree.is_readable(Path(found.address.where)):
            return Looked(PICTURE, None)
        return Looked(kind_of(name, head), container_of(head))


def _as_known(found: Found, known: Known | None) -> Looked | None:
    """What a row says of a file that has not changed since."""
    if known is None or not found.stamp or known.stamp != found.stamp or known.kind not in KINDS:
        return None
    return Looked(KINDS[known.kind], known.container)


def _parts(found: Iterator[Found]) -> Iterator[list[Found]]:
    while part := list(itertools.islice(found, SHARD)):
        yield part
