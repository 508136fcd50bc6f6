"""What a run has to remember of every line, on disk: the only file of bulk work that opens SQLite. Memory stays flat,
however many lines there are. The file is of this run alone and is thrown away with it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from .kinds import KINDS
from .line import SHARD, Address, Line
from .naming import further_names, place_of, written
from .row import Known

_TABLES = """
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16000; PRAGMA temp_store = FILE;
CREATE TABLE earlier (key TEXT PRIMARY KEY, stamp TEXT, kind TEXT, container TEXT, at INTEGER, length INTEGER)
  WITHOUT ROWID;
CREATE TABLE names (key TEXT PRIMARY KEY, times INTEGER) WITHOUT ROWID;
CREATE TABLE watched (name BLOB PRIMARY KEY, stamp TEXT, taken INTEGER) WITHOUT ROWID;
CREATE TABLE later (number INTEGER PRIMARY KEY, sha256 TEXT);
CREATE TABLE rows (number INTEGER PRIMARY KEY, at INTEGER, length INTEGER, sha256 TEXT);
CREATE TABLE lines (number INTEGER PRIMARY KEY, name BLOB, way TEXT, place_of_it BLOB, inner TEXT, kind TEXT,
  container TEXT, stamp TEXT, ending TEXT, target BLOB, place BLOB, at INTEGER, length INTEGER);
"""
_BY_PLACE = "CREATE INDEX IF NOT EXISTS by_place ON lines (place) WHERE place IS NOT NULL"
_BY_SHA256 = "CREATE INDEX IF NOT EXISTS by_sha256 ON rows (sha256) WHERE sha256 IS NOT NULL"
"""Made when they are first asked: one sort of very many rows is much cheaper than as many insertions."""
_MADE = "(SELECT MAX(number) FROM rows WHERE sha256 = later.sha256)"
_COLUMNS = "lines.number, name, way, place_of_it, inner, kind, container, stamp, target, lines.at, lines.length"
DiskError = sqlite3.Error


class Span(NamedTuple):
    """Where a row's line is in the file of rows. In bytes."""

    at: int
    length: int


Before = tuple[int, str, int, int]
"""Of a line that has an earlier row: number, stamp, and the row's span."""
Kept = tuple[int, int, int, str | None]
"""Of a row of this run: number, span, and the picture's SHA-256 where equal ones may take a copy of its result."""


class Planned(NamedTuple):
    """A line with its usual target, which another may want too. ``target`` None: not worked on."""

    line: Line
    ending: str
    known: Known | None


class Index:
    """Used by one thread. Raises DiskError where the disk is full."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.executescript(_TABLES).close()
        self._db.execute("BEGIN").close()
        self.lines = 0

    # --- rows of earlier runs -----------------------------------------------------------------------------------------

    def keep_earlier(self, rows: Sequence[Known]) -> None:
        """The last row of an input counts."""
        self._db.executemany("INSERT OR REPLACE INTO earlier VALUES (?, ?, ?, ?, ?, ?)", rows).close()

    def earlier(self, keys: Sequence[str]) -> dict[str, Known]:
        marks = ",".join("?" * len(keys))
        found = self._db.execute(f"SELECT * FROM earlier WHERE key IN ({marks})", keys)  # noqa: S608
        return {values[0]: Known(*values) for values in found}

    # --- what there is to do ------------------------------------------------------------------------------------------

    def times(self, name: str) -> int:
        """How often ``name`` has been named, this time included."""
        found = self._db.execute(
            "INSERT INTO names VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET times = times + 1 RETURNING times",
            (written(name),),
        )
        return int(found.fetchall()[0][0])

    def has_settled(self, name: str, stamp: str) -> bool:
        """Whether ``name`` is to be taken now: it was there at the last look as it is now, and has not been taken."""
        found = self._db.execute("SELECT stamp, taken FROM watched WHERE name = ?", (_bytes(name),)).fetchall()
        same = bool(found) and found[0][0] == stamp
        take = same and not found[0][1]
        if take or not same:
            self._db.execute("INSERT OR REPLACE INTO watched VALUES (?, ?, ?)", (_bytes(name), stamp, take)).close()
        return take

    def plan(self, planned: Iterable[Planned]) -> None:
        self._db.executemany(
            "INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (_values(each) for each in planned)
        ).close()
        self.lines = int(self._db.execute("SELECT COALESCE(MAX(number) + 1, 0) FROM lines").fetchone()[0])

    def settle_places(self, first: int) -> None:
        """Lines from number ``first`` on whose results would meet get names of their own."""
        self._db.execute(_BY_PLACE).close()
        meet = (
            "CREATE TEMP TABLE meet AS SELECT number, name, ending FROM lines WHERE number >= ? AND place IN "
            "(SELECT place FROM lines WHERE place IS NOT NULL GROUP BY place HAVING COUNT(*) > 1)"
        )
        self._db.execute(meet, (first,)).close()
        self._db.execute("UPDATE lines SET place = NULL WHERE number IN (SELECT number FROM meet)").close()
        for number, name, ending in self._db.execute("SELECT number, name, ending FROM meet ORDER BY number"):
            free = next(n for n in further_names(_text(name), ending) if not self._is_taken(n))
            change = "UPDATE lines SET target = ?, place = ? WHERE number = ?"
            self._db.execute(change, (_bytes(free), _bytes(place_of(free)), number)).close()
        self._db.execute("DROP TABLE meet").close()

    def _is_taken(self, name: str) -> bool:
        found = self._db.execute("SELECT 1 FROM lines WHERE place = ? LIMIT 1", (_bytes(place_of(name)),))
        return bool(found.fetchall())

    def any_work(self, first: int) -> bool:
        """Whether a line from number ``first`` on is a picture, or should be one."""
        wanted = [kind.words for kind in KINDS.values() if kind.work or kind.failed]
        marks = ",".join("?" * len(wanted))
        ask = f"SELECT 1 FROM lines WHERE number >= ? AND kind IN ({marks}) LIMIT 1"  # noqa: S608
        return bool(self._db.execute(ask, (first, *wanted)).fetchall())

    def shards(self, first: int = 0) -> Iterator[range]:
        """The numbers of the lines from number ``first`` on."""
        for start in range(first, self.lines, SHARD):
            yield range(start, min(start + SHARD, self.lines))

    def before(self, shard: range) -> list[Before]:
        """Those of a shard that have an earlier row."""
        ask = "SELECT number, stamp, at, length FROM lines WHERE number BETWEEN ? AND ? AND at IS NOT NULL"
        return self._db.execute(ask, (shard.start, shard.stop - 1)).fetchall()

    def open(self, shard: range) -> list[tuple[Line, Span | None]]:
        """Those of a shard that have no row yet, and where the earlier row of each is."""
        ask = (
            f"SELECT {_COLUMNS} FROM lines WHERE number BETWEEN ? AND ? AND NOT EXISTS "  # noqa: S608
            "(SELECT 1 FROM rows WHERE rows.number = lines.number) ORDER BY number"
        )
        found = self._db.execute(ask, (shard.start, shard.stop - 1))
        return [(_line(values), _span(*values[9:11])) for values in found]

    # --- what has been done -------------------------------------------------------------------------------------------

    def keep(self, rows: Sequence[Kept]) -> int:
        """How many are new: a line has one row."""
        return self._db.executemany("INSERT OR IGNORE INTO rows VALUES (?, ?, ?, ?)", rows).rowcount

    def rows(self) -> Iterator[Span]:
        """By number."""
        for at, length in self._db.execute("SELECT at, length FROM rows ORDER BY number"):
            yield Span(at, length)

    def made(self, sha256: str) -> Kept | None:
        """The row of an equal picture that has its result."""
        self._db.execute(_BY_SHA256).close()
        ask = "SELECT * FROM rows WHERE sha256 = ? ORDER BY number DESC LIMIT 1"
        found: Kept | None = self._db.execute(ask, (sha256,)).fetchone()
        return found

    def keep_later(self, number: int, sha256: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO later VALUES (?, ?)", (number, sha256)).close()

    def later(self) -> Iterator[list[tuple[Line, Span | None, Span | None]]]:
        """Lines that were put off, with the earlier row of each and that of its equal; a shard at a time."""
        self._db.execute(_BY_SHA256).close()
        ask = (
            f"SELECT {_COLUMNS}, made.at, made.length FROM lines JOIN later USING (number) "  # noqa: S608
            f"LEFT JOIN rows AS made ON made.number = {_MADE} WHERE lines.number > ? ORDER BY lines.number LIMIT ?"
        )
        last = -1
        while found := self._db.execute(ask, (last, SHARD)).fetchall():
            yield [(_line(values[:11]), _span(*values[9:11]), _span(*values[11:])) for values in found]
            last = found[-1][0]

    def close(self) -> None:
        self._db.close()


def _span(at: int | None, length: int | None) -> Span | None:
    return None if at is None or length is None else Span(at, length)


def _bytes(name: str) -> bytes:
    """SQLite's text cannot hold names that are not UTF-8."""
    return name.encode("utf-8", "surrogatepass")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogatepass")


def _values(planned: Planned) -> tuple[object, ...]:
    line, target = planned.line, planned.line.target
    way, where, inner = line.address
    named = (None, None) if target is None else (_bytes(target), _bytes(place_of(target)))
    return (
        *(line.number, _bytes(line.name), way, _bytes(where), _bytes(inner), line.kind.words, line.container),
        *(line.stamp, planned.ending, *named, *(planned.known[4:] if planned.known else (None, None))),
    )


def _line(values: tuple[object, ...]) -> Line:
    number, name, way, where, inner, kind, container, stamp, target, *_ = values
    address = Address(way, _text(where), _text(inner))  # type: ignore[arg-type]
    goal = None if target is None else _text(target)  # type: ignore[arg-type]
    return Line(number, _text(name), address, goal, KINDS[kind], container, stamp)  # type: ignore[arg-type,index]
