"""``manifest.jsonl``: a row per file of a run, which says what was asked for it and what became of it.

Rows are appended to a file of this machine as files get done: in a folder that is the manifest itself, so that a run
that is cut off loses no row. In a store every thousand rows (a shard) are put as an object of their own, and joined
when the run has come to its end.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

from ..errors import FileMissing, StorageFull
from ..wire import Json
from .errors import BadOutput
from .index import DiskError, Index, Kept
from .line import SHARD
from .naming import json_line
from .places import Place, StorePlace
from .row import Known, equals_of, known_of

NAME = "manifest.jsonl"
SHARDS = "manifest-shards"
"""The folder in a store with the rows of a run that has not come to its end."""


Written = tuple[int, bytes, str | None]
"""A row as it is kept: the line's number, the text, and the SHA-256 as ``Kept`` has it."""


class Ledger:
    """The rows of a run, and those of the runs before. ``scratch``: a folder of this run alone. Raises StorageFull,
    BadOutput where another run is at it, and a store's errors."""

    def __init__(self, place: Place, scratch: Path, index: Index) -> None:
        self.index, self._place = index, place
        self._path = (place.local or scratch) / NAME
        with as_storage_full(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(place, StorePlace):
                _gather(place, self._path)
            self._file = self._path.open("ab+", buffering=1 << 16)
            _claim(self._file, self._path)
            _end_line(self._file)
            self._look = self._path.open("rb", buffering=1 << 16)
        self._start = self._at = self._pushed = self._flushed = self._file.tell()
        self._in_order, self._last, self._unpushed = True, -1, 0
        self._run = f"{time.time_ns():x}"
        self._parts: list[str] = _parts_of(place)

    def read_earlier(self) -> None:
        """The last row of each input counts. Raises StorageFull."""
        with as_storage_full(self._path):
            self._look.seek(0)
            batch: list[Known] = []
            at = 0
            for line in self._look:
                known = known_of(line, at)
                if known is not None:
                    batch.append(known)
                at += len(line)
                if len(batch) == SHARD:
                    self.index.keep_earlier(batch)
                    batch = []
            self.index.keep_earlier(batch)

    def line(self, at: int, length: int) -> bytes:
        if at + length > self._flushed:
            self._flush()
        self._look.seek(at)
        return self._look.read(length)

    def add(self, number: int, row: Json) -> bool:
        """False where line ``number`` has its row already. Raises StorageFull, StoreUnreachable, StoreRefused."""
        new = self.add_lines([(number, f"{json_line(row)}\n".encode(), equals_of(row))])
        with as_storage_full(self._path):
            self._flush()
        return new

    def add_lines(self, rows: Sequence[Written]) -> bool:
        """As ``add``, of rows in their order that may be lost again: they stand in the manifest of the run before."""
        at, kept = self._at, list[Kept]()
        for number, data, sha256 in rows:
            kept.append((number, at, len(data), sha256))
            at += len(data)
        try:
            if not self.index.keep(kept):
                return False
            self._file.write(b"".join(data for _, data, _ in rows))
        except (OSError, DiskError) as error:
            raise StorageFull(f"{self._path} cannot be written.") from error
        self._in_order, self._last = self._in_order and rows[0][0] > self._last, rows[-1][0]
        self._at = at
        self._unpushed += len(rows)
        if self._unpushed >= SHARD:
            self.push()
        return True

    def push(self) -> None:
        """Rows that are on this machine alone go to their store."""
        if isinstance(self._place, StorePlace) and self._at > self._pushed:
            self._flush()
            name = f"{SHARDS}/{self._run}-{self._pushed - self._start:014d}.jsonl"
            part = self._path.with_name("part.jsonl")
            with as_storage_full(part), part.open("wb") as file:
                _copy(self._look, self._pushed, self._at, file)
            self._place.store.put(name, str(part))
            self._parts.append(name)
        self._pushed, self._unpushed = self._at, 0

    def rows(self) -> Iterator[bytes]:
        """This run's, in the order of the input."""
        self._flush()
        for span in self.index.rows():
            self._look.seek(span.at)
            yield self._look.read(span.length)

    def finished(self) -> Iterator[bytes]:
        """The rows of the manifest, once it is finished."""
        with self._ready.open("rb") as file:
            yield from file

    def finish(self) -> None:
        """Leaves this run's rows alone, in the order of the input, in one step. Raises StorageFull, and a store's
        errors."""
        ready = self._ready = self._path.with_name(f".{NAME}.part")
        with as_storage_full(self._path):
            self._flush()
            with ready.open("wb") as own:
                if self._in_order:
                    _copy(self._look, self._start, self._at, own)
                else:
                    own.writelines(self.rows())
            if isinstance(self._place, StorePlace):
                self._place.store.put(NAME, str(ready))
            else:
                self._ready = ready.replace(self._path)
        self._pushed = self._at
        self._clear()

    def _flush(self) -> None:
        self._file.flush()
        self._flushed = self._at

    def _clear(self) -> None:
        if isinstance(self._place, StorePlace):
            for name in self._parts:
                with contextlib.suppress(FileMissing):
                    self._place.store.remove(name)

    def close(self) -> None:
        """Keeps what there is. Raises StorageFull, and a store's errors."""
        try:
            self.push()
        finally:
            self._file.close()
            self._look.close()


def _parts_of(place: Place) -> list[str]:
    if not isinstance(place, StorePlace):
        return []
    return [f"{SHARDS}/{name}" for name in place.store.names(SHARDS) if name.endswith(".jsonl")]


def _gather(place: StorePlace, path: Path) -> None:
    """The manifest of a store, and the shards of runs that were cut off, as one file here."""
    part = path.with_name("part.jsonl")
    with path.open("wb") as whole:
        for name in (NAME, *_parts_of(place)):
            with contextlib.suppress(FileMissing):
                place.store.get(name, str(part))
                with part.open("rb") as rows:
                    shutil.copyfileobj(rows, whole, 1 << 20)


def _copy(source: BinaryIO, start: int, end: int, target: BinaryIO) -> None:
    source.seek(start)
    while start < end:
        piece = source.read(min(1 << 20, end - start))
        target.write(piece)
        start += len(piece)


def _claim(file: BinaryIO, path: Path) -> None:
    """Two runs into one manifest would cut each other's rows to pieces. Held until the file is closed, or its process
    dies. Raises BadOutput; does nothing where the system has no such locks (Windows, some network file systems)."""
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise BadOutput(f"another run writes to {path}") from None
    except OSError:
        return


def _end_line(file: BinaryIO) -> None:
    """A run that was cut off may have left half a line."""
    if file.seek(0, os.SEEK_END):
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            file.write(b"\n")
            file.flush()


@contextlib.contextmanager
def as_storage_full(path: Path) -> Iterator[None]:
    try:
        with as_scratch_full():
            yield
    except OSError as error:
        raise StorageFull(f"{path} cannot be read or written ({error.strerror}).") from error


@contextlib.contextmanager
def as_scratch_full() -> Iterator[None]:
    """For what is only kept in the index."""
    try:
        yield
    except DiskError as error:
        raise StorageFull(f"The folder for temporary files cannot be written ({error}).") from error
