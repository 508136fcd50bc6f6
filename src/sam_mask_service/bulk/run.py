"""A run: what there is to do, handed out in shards; what comes back, written down. Whoever does the work is a
``Runner``.
"""

from __future__ import annotations

import gc
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Protocol

from ..wire import Json
from . import parquet
from .errors import BadInput
from .index import Index, Span
from .ledger import Ledger, Written, as_scratch_full, as_storage_full
from .line import Line, Shard
from .one import Wanted
from .places import Place
from .plan import Plan
from .row import as_settled, as_skipped, equals_of
from .sources import Source

TABLE = "manifest.parquet"
Each = Callable[[Json], None]
"""Told of every row, once it is kept."""


class Runner(Protocol):
    """Does the work of a run."""

    async def question(self) -> str:
        """The digest of what is asked; known when the engine is ready. Raises EngineUnavailable."""
        ...

    def rows(self, shards: Iterator[Shard], ledger: Ledger) -> AsyncIterator[tuple[int, Json]]:
        """(number, row) of every line, in any order. Raises what ends a run."""
        ...


class Run:
    """One run from INPUT to OUTPUT, with a folder of its own for what it has to remember."""

    def __init__(self, source: Source, place: Place, wanted: Wanted, scratch: Path) -> None:
        """Raises StorageFull, and a store's errors."""
        self._source, self._place, self._scratch = source, place, scratch
        with as_storage_full(scratch):
            self._index = Index(scratch / "index.sqlite")
        self.ledger = Ledger(place, scratch, self._index)
        if not wanted.overwrite:
            self.ledger.read_earlier()
        self._plan = Plan(self._index, wanted.suffix(), named=source.named, repeats=source.repeats)

    def __enter__(self) -> Run:
        """What is there by now stays, models and libraries: it is not looked through again with every thousand rows."""
        gc.freeze()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        gc.unfreeze()
        try:
            self.ledger.close()
        finally:
            self._index.close()

    @property
    def lines(self) -> int:
        return self._index.lines

    def look(self, *, settled: bool = False) -> int:
        """Reads what INPUT holds; the number of the first line of it. ``settled``: only what is new, and has not
        changed since the last look. Raises what listing raises."""
        found = self._source.found()
        if settled:
            found = (each for each in found if self._index.has_settled(each.name, each.stamp))
        with as_scratch_full():
            return self._plan.add(found)

    def check_work(self) -> None:
        """Raises BadInput where there is nothing to do."""
        if not self._index.any_work(0):
            raise BadInput(f"there is no picture in {self._source.shown('').rstrip('/')}")

    async def work(self, runner: Runner, each: Each, first: int = 0) -> None:
        """All lines from number ``first`` on."""
        shards = self._open(await runner.question(), each, first)
        async for number, row in runner.rows(shards, self.ledger):
            if self.ledger.add(number, row):
                each(row)

    def finish(self) -> None:
        """Raises StorageFull, and a store's errors."""
        self.ledger.finish()

    def write_table(self) -> None:
        """The finished manifest as ``manifest.parquet``. Raises as ``finish``."""
        ready = self._scratch / TABLE
        with as_storage_full(ready):
            parquet.write((json.loads(line) for line in self.ledger.finished()), ready)
        self._place.put(TABLE, ready)

    def _open(self, question: str, each: Each, first: int) -> Iterator[Shard]:
        """What is not done already; the rows of what is are written down."""
        for shard in self._index.shards(first):
            self._settle(shard, question, each)
            rest = [self._with_row(line, span) for line, span in self._index.open(shard)]
            if rest:
                yield rest

    def _with_row(self, line: Line, span: Span | None) -> Line:
        return line if span is None else line._replace(earlier=self.ledger.line(*span))

    def _settle(self, shard: range, question: str, each: Each) -> None:
        """Lines that are as their earlier row says, with its results there, are done."""
        rows: list[Json] = []
        written: list[Written] = []
        for number, stamp, at, length in self._index.before(shard):
            before = self.ledger.line(at, length)
            row = as_settled(before, question, stamp)
            if row is not None and len(self._place.there(row["output"])) == len(row["output"]):
                written.append((number, as_skipped(before, row), equals_of(row)))
                rows.append(row)
        if written:
            self.ledger.add_lines(written)
        for row in rows:
            each(row)
