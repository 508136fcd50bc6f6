"""What is done with one line: read, look whether its result is there, make it, write it, say what became of it. The
same wherever it runs.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any, Protocol

from ..errors import (
    FileExists,
    FileMissing,
    StorageFull,
    StoreRefused,
    StoreUnreachable,
    TooLarge,
)
from ..service import Service
from ..settings import Settings
from ..wire import Json
from . import reading
from .action import PER_FACE, Action, Product
from .contents import contents, digests, fitted, is_of_face, product_again
from .kinds import HEAD, container_of, kind_of
from .line import Line
from .outcome import Outcome, failed, not_a_picture, outcome_of, without_work
from .places import Place
from .question import Question, in_words
from .row import Row, row_of

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Doubles(Protocol):
    """Which pictures have been made, by their bytes. ``first``: the row of an equal one, which may have to be waited
    for (or Later is raised); None: it is this line's to make, and ``settle`` has to follow."""

    async def first(self, line: Line, sha256: str) -> Json | None: ...

    def settle(self, sha256: str, row: Json | None) -> None: ...


class Later(Exception):
    """An equal picture is being made elsewhere: the line's turn comes when that is done. ``sha256``: of both."""

    def __init__(self, sha256: str) -> None:
        super().__init__(sha256)
        self.sha256 = sha256


AHEAD = 4
"""Lines that are read or written while others compute, beyond those at work."""


def at_once(settings: Settings) -> int:
    """How many lines a service of these settings is kept busy with."""
    return settings.workers + min(AHEAD, settings.queue)


@dataclass(frozen=True)
class Wanted:
    """What a run is asked for."""

    action: Action
    params: Any
    overwrite: bool = False

    @property
    def per_face(self) -> bool:
        return getattr(self.params, "mode", "") in PER_FACE

    def suffix(self) -> str | None:
        return self.action.suffix(self.params)


class Worker:
    """Works on lines with a service that is ready."""

    def __init__(self, service: Service, place: Place, wanted: Wanted, doubles: Doubles) -> None:
        self._service, self._place, self._wanted, self._doubles = service, place, wanted, doubles

    @cached_property
    def question(self) -> Question:
        """Asked for when the engine is there, whose name belongs to it."""
        wanted = self._wanted
        return Question(wanted.action, wanted.params, self._service.engines.pick(wanted.params.drawn_by))

    async def row(self, line: Line) -> Json:
        """The line's row, whatever goes wrong with it. Raises StorageFull where the disk is full, StoreUnreachable, and
        StoreRefused for a result: then every line would fail; and Later."""
        start = time.perf_counter()
        outcome = await self._settled(line)
        more: Json = {"id": None, "stamp": line.stamp, "seconds": round(time.perf_counter() - start, 4)}
        asked = {"sha256": None, **self.question.row()} if outcome.status != "not_a_picture" else {}
        row = {**asked, **outcome.row(), **more}
        if row.get("sha256"):
            row["id"] = row_id(row["sha256"], self.question.digest)
        return row

    async def _settled(self, line: Line) -> Outcome:
        try:
            return without_work(line.name, line.kind) or await self._outcome(line)
        except Later:
            raise
        except Exception as error:
            if _ends_all(error):
                raise
            return failed(line.name, error)

    async def _outcome(self, line: Line) -> Outcome:
        try:
            data = await reading.read(self._service, line.address)
        except StoreRefused as e:  # of this one object: the store has listed it
            return failed(line.name, e)
        if not line.kind.seen:
            kind = kind_of(line.name.rpartition("/")[2], data[:HEAD])
            if not kind.work:
                return not_a_picture(line.name, kind)
        sha256 = hashlib.sha256(data).hexdigest()
        there = await asyncio.to_thread(self._there, line, sha256)
        return there or await self._made(line, data, sha256)

    async def _made(self, line: Line, data: bytes, sha256: str) -> Outcome:
        first = await self._doubles.first(line, sha256) if line.first is None else json.loads(line.first)
        row: Json | None = None
        try:
            again = None if first is None else await asyncio.to_thread(self._again, first)
            made = again or await self._wanted.action.make(self._service, data, self._wanted.params)
            files, status = await asyncio.to_thread(self._write, line, made, container_of(data[:HEAD]))
            more = {"sha256": sha256, "digests": digests(files), "container": container_of(data[:HEAD])}
            if first is not None and again is not None:
                more["double_of"] = first["input"]
            outcome = outcome_of(line.name, status, [str(path) for path in files], made, more)
            row = outcome.row()
            return outcome
        finally:
            if first is None:
                self._doubles.settle(sha256, row)

    def _again(self, first: Json) -> Product | None:
        """The result of an equal picture; None where its files are not what was written."""
        try:
            data = [self._place.read(name, 1 << 31) for name in self._place.there(first["output"])]
        except (FileMissing, TooLarge):
            return None
        same = [hashlib.sha256(each).hexdigest() for each in data] == first.get("digests")
        return product_again(first, data, per_face=self._wanted.per_face) if data and same else None

    # --- what is there already ----------------------------------------------------------------------------------------

    def _there(self, line: Line, sha256: str) -> Outcome | None:
        """The outcome of a picture that has been dealt with."""
        row = None if line.earlier is None or self._wanted.overwrite else row_of(line.earlier)
        if row is None:
            return None
        names = self._place.there(row.names)
        same = row.question == self.question.digest
        if same and row.sha256 == sha256 and names and len(names) == len(row.output):
            return _as_before(line, row, names)
        if not same and names:
            return self._refused(line, row, names, sha256)
        return None

    def _refused(self, line: Line, row: Row, names: Sequence[str], sha256: str) -> Outcome | None:
        """Where the new result would take the place of one to another question. The row that knows that one is kept in
        the new."""
        there = self._existing(line)
        if there is None or there not in names:
            return None
        was = in_words(row.action, row.params, row.engine, row.model)
        at = self._place.shown(there)
        error = f"{at} is the result of another question: {was}. Name another folder; --overwrite replaces it."
        earlier = row.model_dump(mode="json", exclude_unset=True)
        more = {"sha256": sha256, "earlier": earlier}
        return Outcome(line.name, "error", error=error, code=FileExists.code, more=more)

    def _existing(self, line: Line) -> str | None:
        """An output of this line that is there already."""
        target = PurePosixPath(line.target or "")
        if not self._wanted.per_face:
            return str(target) if self._place.present(str(target)) else None
        found = next((name for name in self._place.beside(str(target)) if is_of_face(name, target)), None)
        return None if found is None else str(target.with_name(found))

    # --- writing ------------------------------------------------------------------------------------------------------

    def _write(self, line: Line, made: Product, container: str | None) -> tuple[dict[PurePosixPath, bytes], str]:
        """All files of the result, and ``skipped`` where all of them were there. Those that are missing are written.
        Raises FileExists where one of that name holds something else (before anything is written)."""
        free = container is not None and container == line.container
        files = contents(fitted(PurePosixPath(line.target or ""), made.kind, free=free), made)
        missing = files if self._wanted.overwrite else self._missing(files)
        for path, data in missing.items():
            self._place.write(str(path), data, overwrite=self._wanted.overwrite)
        return files, "ok" if missing else "skipped"

    def _missing(self, files: dict[PurePosixPath, bytes]) -> dict[PurePosixPath, bytes]:
        missing = {path: data for path, data in files.items() if not self._place.present(str(path))}
        for path, data in files.items():
            if path not in missing and not self._holds(str(path), data):
                at = self._place.shown(str(path))
                raise FileExists(f"{at} exists already and is no result of this run; --overwrite replaces it.")
        return missing

    def _holds(self, name: str, data: bytes) -> bool:
        try:
            return self._place.read(name, len(data)) == data
        except (FileMissing, TooLarge):
            return False


def row_id(sha256: str, question: str) -> str:
    """The same for equal pictures of which the same is asked."""
    return hashlib.sha256(f"{sha256}{question}".encode()).hexdigest()[:32]


def _ends_all(error: Exception) -> bool:
    """Whether every further line would fail the same way."""
    full = isinstance(error, StorageFull) and isinstance(error.__cause__, OSError) and error.__cause__.errno in _FULL
    return full or isinstance(error, (StoreUnreachable, StoreRefused))


def _as_before(line: Line, row: Row, names: Sequence[str]) -> Outcome:
    stats = None if row.stats is None else row.stats.model_dump(mode="json", exclude_unset=True)
    more = {"sha256": row.sha256, "digests": row.digests, "container": line.container}
    return Outcome(line.name, "skipped", tuple(names), row.faces, stats, row.error, row.code, more)
