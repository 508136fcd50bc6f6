"""Jobs in SQLite: what stands on the disk, and what happens when it is full, busy or no database."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sam_mask_service.errors import ServiceError, StorageFull
from sam_mask_service.jobs.database import _told
from sam_mask_service.jobs.job import Entry
from sam_mask_service.jobs.sqlite_store import SqliteStore
from sam_mask_service.params import Source

from .test_stores import LIMITS, ME, PNG, WANTED, Clock, take


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(tmp_path / "jobs", LIMITS, Clock())
    yield made
    made.close()


@pytest.mark.skipif(os.name == "nt", reason="no such modes there")
def test_the_folder_is_for_this_user_alone(store: SqliteStore, tmp_path: Path) -> None:
    store.add(WANTED, [PNG])
    assert (tmp_path / "jobs").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "jobs").iterdir()} == {0}


def test_a_deleted_picture_is_overwritten(store: SqliteStore, tmp_path: Path) -> None:
    secret = b"somebody's face" * 1000
    job = store.add(WANTED, [Entry(Source("bytes", secret))])
    store.delete(job.id, ME)
    path = tmp_path / "jobs" / "jobs.sqlite3"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert b"somebody's face" not in path.read_bytes()


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "jobs.sqlite3").write_bytes(b"no database" * 100)
    with pytest.raises(OSError, match="database"):
        SqliteStore(tmp_path, LIMITS)


@pytest.mark.parametrize(
    ("words", "code"), [("database or disk is full", "storage_full"), ("database is locked", "busy")]
)
def test_what_the_database_says_under_load(words: str, code: str) -> None:
    with pytest.raises(ServiceError) as caught, _told():
        raise sqlite3.OperationalError(words)
    assert caught.value.code == code
    with pytest.raises(sqlite3.OperationalError), _told():
        raise sqlite3.OperationalError("no such table")


def test_a_full_disk_undoes_the_whole_change(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    before = store._database._connected

    def small() -> sqlite3.Connection:
        connection = before()
        connection.execute("PRAGMA max_page_count = 16").close()
        return connection

    monkeypatch.setattr(store._database, "_connected", small)
    with pytest.raises(StorageFull):
        store.add(WANTED, [PNG, Entry(Source("bytes", b"x" * 500_000))])
    assert (store.count("queued"), take(store)) == (0, None)
