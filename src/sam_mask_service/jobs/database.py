"""The only file that opens SQLite: tables, and what is asked of a connection."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from ..errors import Busy, StorageFull

WAIT_S = 10.0
"""Seconds that a change waits for those of others."""
_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, owner BLOB NOT NULL, endpoint TEXT NOT NULL,
  vals TEXT NOT NULL, state TEXT NOT NULL, total INTEGER NOT NULL, answered INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL, created REAL NOT NULL, started REAL, finished REAL,
  hook_url TEXT NOT NULL, hook_state TEXT NOT NULL, hook_tries INTEGER NOT NULL DEFAULT 0,
  hook_due REAL NOT NULL DEFAULT 0, hook_said TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS pictures (
  job TEXT NOT NULL, idx INTEGER NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL, value BLOB NOT NULL, PRIMARY KEY (job, idx)
);
CREATE INDEX IF NOT EXISTS jobs_by_owner ON jobs (owner, state);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state);
CREATE INDEX IF NOT EXISTS pictures_by_state ON pictures (job, state, idx);
"""
_KEPT_LOG = 64 << 20
"""Bytes of the log of changes that stay allocated between two of them."""


class Database:
    """``path`` in a folder for this user alone, which is made. One connection for each use; one more stays open, so
    that the log of changes is not cleared after every use. Raises OSError where that cannot be.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self.path = path
        try:
            self._open = self._connected(f"PRAGMA journal_mode = WAL; {_TABLES}")
        except sqlite3.Error as error:
            raise OSError(str(error)) from None

    @contextlib.contextmanager
    def look(self) -> Iterator[sqlite3.Connection]:
        """To read."""
        with _told(), contextlib.closing(self._connected()) as connection:
            yield connection

    @contextlib.contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """To read and write: all of it or, when something is raised, nothing."""
        with self.look() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                if connection.in_transaction:  # a full disk has undone it already
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def close(self) -> None:
        self._open.close()

    def _connected(self, script: str = "") -> sqlite3.Connection:
        """Deleted pictures are overwritten. A change is on the disk when it is said to be done. ``script`` is run
        once."""
        made = sqlite3.connect(self.path, timeout=WAIT_S, isolation_level=None, check_same_thread=False)
        try:
            for pragma in ("secure_delete = ON", "synchronous = FULL", f"journal_size_limit = {_KEPT_LOG}"):
                made.execute(f"PRAGMA {pragma}").close()
            made.executescript(script).close()
        except BaseException:
            made.close()
            raise
        return made


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What SQLite raises under load, in our words; everything else is a fault of ours."""
    try:
        yield
    except sqlite3.OperationalError as error:
        words = str(error)
        if "full" in words:
            raise StorageFull from None
        if "locked" in words:
            raise Busy from None
        raise
