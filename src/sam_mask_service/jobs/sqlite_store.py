"""Jobs in one SQLite file: what was taken in survives the end of the process, and is never there twice.

A picture and its result are one row, by the job and the index. The result takes the picture's place in one transaction,
so that whoever dies between leaves either the one or the other. Several processes of one machine may use the file.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..errors import JobUnfinished, TooManyJobs
from ..params import Source
from ..wire import Json
from .database import Database
from .job import UNFINISHED, Delivery, Entry, Hook, Job, Limits, Piece, State, Wanted, state_of
from .store import gone, too_many_bytes

_JOB = """SELECT id, endpoint, state, total, answered, failed, created, started, finished,
  hook_url, hook_state, hook_tries, hook_due, hook_said FROM jobs """
_HELD = "SELECT coalesce(sum(bytes), 0) FROM jobs WHERE owner = ?"
_NEXT = f"""SELECT p.job, p.idx, p.name, p.kind, p.value, j.endpoint, j.vals, p.tries + 1
  FROM jobs j CROSS JOIN pictures p ON p.job = j.id AND p.state = 'waiting'
  WHERE j.state IN {UNFINISHED} ORDER BY j.number, p.idx LIMIT 1"""  # noqa: S608 - fixed words
_BEGUN = """SELECT j.owner, p.bytes FROM pictures p JOIN jobs j ON j.id = p.job
  WHERE p.job = ? AND p.idx = ? AND p.state = 'begun'"""


class SqliteStore:
    """A ``JobStore``."""

    def __init__(self, folder: Path, limits: Limits, clock: Callable[[], float] = time.time) -> None:
        self.limits, self._clock = limits, clock
        self._database = Database(folder / "jobs.sqlite3")

    # --- the caller's side --------------------------------------------------------------------------------------------

    def add(self, wanted: Wanted, entries: Sequence[Entry]) -> Job:
        job_id, rows = secrets.token_urlsafe(16), [_row(i, entry) for i, entry in enumerate(entries)]
        failed = sum(isinstance(entry.source, bytes) for entry in entries)
        size, values = sum(row[-1] for row in rows), json.dumps(wanted.values)
        with self._database.change() as db:
            self._check_room(db, wanted.owner, size)
            db.execute(
                "INSERT INTO jobs (id, owner, endpoint, vals, total, failed, bytes, created, hook_url, hook_state, "
                "state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting', 'queued')",
                (job_id, wanted.owner, wanted.endpoint, values, len(rows), failed, size, self._clock(), wanted.webhook),
            )
            db.executemany(
                "INSERT INTO pictures (job, idx, name, kind, value, state, bytes) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(job_id, *row) for row in rows],
            )
            if failed == len(rows):
                self._settle(db, job_id)
            return _one(db, job_id)

    def _check_room(self, db: Any, owner: bytes, more: int) -> None:
        count = f"SELECT count(*) FROM jobs WHERE owner = ? AND state IN {UNFINISHED}"  # noqa: S608 - fixed words
        if db.execute(count, (owner,)).fetchone()[0] >= self.limits.jobs:
            raise TooManyJobs
        if db.execute(_HELD, (owner,)).fetchone()[0] + more > self.limits.bytes:
            raise too_many_bytes()

    def get(self, job_id: str, owner: bytes) -> Job:
        with self._database.look() as db:
            return self._own(db, job_id, owner)

    def finished(self, job_id: str, owner: bytes) -> Job:
        job = self.get(job_id, owner)
        if job.state in UNFINISHED:
            raise JobUnfinished
        return job

    def line(self, job_id: str, index: int) -> bytes:
        with self._database.look() as db:
            row = db.execute("SELECT value FROM pictures WHERE job = ? AND idx = ?", (job_id, index)).fetchone()
        if row is None:
            raise gone()
        return bytes(row[0])

    def delete(self, job_id: str, owner: bytes) -> None:
        with self._database.change() as db:
            self._own(db, job_id, owner)
            _drop(db, job_id)

    def _own(self, db: Any, job_id: str, owner: bytes) -> Job:
        row = db.execute(_JOB + "WHERE id = ? AND owner = ?", (job_id, owner)).fetchone()
        if row is None or self._expired(job := _job(row)):
            raise gone()
        return job

    def _expired(self, job: Job) -> bool:
        return job.finished is not None and job.finished + self.limits.seconds <= self._clock()

    # --- the worker's side --------------------------------------------------------------------------------------------

    def recover(self) -> None:
        """What a process that has ended was at work on waits again. For the one that alone works from now on."""
        with self._database.change() as db:
            db.execute("UPDATE pictures SET state = 'waiting' WHERE state = 'begun'")

    def begin(self) -> Piece | None:
        """The next picture that waits, the oldest job's first, which nobody else gets now; None when none waits."""
        with self._database.look() as db:
            if db.execute(_NEXT).fetchone() is None:
                return None  # without a change, which would keep others from theirs
        with self._database.change() as db:
            row = db.execute(_NEXT).fetchone()
            if row is None:
                return None
            job_id, index = row[:2]
            db.execute(
                "UPDATE pictures SET state = 'begun', tries = tries + 1 WHERE job = ? AND idx = ?", (job_id, index)
            )
            db.execute(
                "UPDATE jobs SET state = 'running', started = coalesce(started, ?) WHERE id = ?",
                (self._clock(), job_id),
            )
        return _piece(row)

    def put_back(self, piece: Piece, *, counted: bool = False) -> None:
        with self._database.change() as db:
            db.execute(
                "UPDATE pictures SET state = 'waiting', tries = tries - ? WHERE job = ? AND idx = ? "
                "AND state = 'begun'",
                (int(not counted), piece.job, piece.index),
            )

    def end(self, piece: Piece, line: bytes, well: bool) -> bool:
        with self._database.change() as db:
            row = db.execute(_BEGUN, (piece.job, piece.index)).fetchone()
            if row is None:
                return True  # deleted, or there already
            owner, more = row[0], len(line) - row[1]
            if well and db.execute(_HELD, (owner,)).fetchone()[0] + more > self.limits.bytes:
                return False
            db.execute(
                "UPDATE pictures SET state = 'ended', value = ?, bytes = ? WHERE job = ? AND idx = ?",
                (line, len(line), piece.job, piece.index),
            )
            db.execute(
                "UPDATE jobs SET answered = answered + ?, failed = failed + ?, bytes = bytes + ? WHERE id = ?",
                (int(well), int(not well), more, piece.job),
            )
            self._settle(db, piece.job)
        return True

    def _settle(self, db: Any, job_id: str) -> None:
        """Ends a job whose last picture has its line."""
        job, now = _one(db, job_id), self._clock()
        state = state_of(job.total, job.answered, job.failed, job.started is not None)
        if state in UNFINISHED:
            return
        db.execute(
            "UPDATE jobs SET state = ?, started = coalesce(started, ?), finished = ?, hook_due = ?, "
            "hook_state = 'pending' WHERE id = ?",
            (state, now, now, now, job_id),
        )

    def due(self) -> Job | None:
        with self._database.look() as db:
            row = db.execute(
                _JOB + "WHERE hook_url != '' AND hook_state = 'pending' AND hook_due <= ? ORDER BY hook_due LIMIT 1",
                (self._clock(),),
            ).fetchone()
        return _job(row) if row else None

    def told(self, job_id: str, hook: Hook) -> None:
        with self._database.change() as db:
            db.execute(
                "UPDATE jobs SET hook_state = ?, hook_tries = ?, hook_due = ?, hook_said = ? WHERE id = ?",
                (hook.state, hook.tries, hook.due, hook.said, job_id),
            )

    def forget_expired(self) -> int:
        with self._database.change() as db:
            rows = db.execute(
                "SELECT id FROM jobs WHERE finished <= ? AND (hook_url = '' OR hook_state != 'pending')",
                (self._clock() - self.limits.seconds,),
            ).fetchall()
            for (job_id,) in rows:
                _drop(db, job_id)
        return len(rows)

    # --- figures ------------------------------------------------------------------------------------------------------

    def count(self, state: State) -> int:
        return self._count("SELECT count(*) FROM jobs WHERE state = ?", state)

    def count_hooks(self, state: Delivery) -> int:
        return self._count("SELECT count(*) FROM jobs WHERE hook_url != '' AND hook_state = ?", state)

    def _count(self, question: str, word: str) -> int:
        with self._database.look() as db:
            return int(db.execute(question, (word,)).fetchone()[0])

    def close(self) -> None:
        self._database.close()


def _row(index: int, entry: Entry) -> tuple[int, str, str, bytes, str, int]:
    """Index, name, kind, value, state, bytes."""
    name = json.dumps(entry.name)
    if isinstance(entry.source, bytes):
        return index, name, "", entry.source, "ended", len(entry.source)
    value = entry.source.data
    return index, name, entry.source.kind, value, "waiting", len(value)


def _piece(row: Sequence[Any]) -> Piece:
    job_id, index, name, kind, value, endpoint, values, tries = row
    parameters: Json = json.loads(values)
    return Piece(job_id, index, json.loads(name), Source(kind, bytes(value)), endpoint, parameters, tries)


def _one(db: Any, job_id: str) -> Job:
    return _job(db.execute(_JOB + "WHERE id = ?", (job_id,)).fetchone())


def _job(row: Sequence[Any]) -> Job:
    url, *rest = row[9:]
    fields = [*row[:9], Hook(url, *rest) if url else None]
    return Job(*fields)


def _drop(db: Any, job_id: str) -> None:
    db.execute("DELETE FROM pictures WHERE job = ?", (job_id,))
    db.execute("DELETE FROM jobs WHERE id = ?", (job_id,))
