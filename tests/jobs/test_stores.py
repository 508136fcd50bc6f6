"""What every store of jobs promises: what is in it stays, once, for its owner alone."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sam_mask_service.errors import JobUnfinished, NotFound, TooManyJobs
from sam_mask_service.jobs.job import Entry, Job, Limits, Piece, Wanted, state_of
from sam_mask_service.jobs.redis_store import QUEUE, RedisStore
from sam_mask_service.jobs.sqlite_store import SqliteStore
from sam_mask_service.params import Source

from ..support.redis_server import PROGRAM, Running

LIMITS = Limits(jobs=3, bytes=1 << 20, seconds=100.0)
ME, OTHER = b"me", b"other"
WANTED = Wanted(ME, "create_mask", {"mode": "first"})
HOOKED = replace(WANTED, webhook="https://hooks.example/")
PNG = Entry(Source("bytes", b"picture"), "a")
Store = SqliteStore | RedisStore


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


class Open(Protocol):
    """Opens the store again, as another process does."""

    def __call__(self, limits: Limits = LIMITS) -> Store: ...


def in_redis(url: str, limits: Limits, clock: Callable[[], float]) -> RedisStore:
    """Messages are a job and an index, in JSON."""
    return RedisStore(url, limits, lambda *words: json.dumps(words).encode(), clock)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "redis"])
def reopen(request: pytest.FixtureRequest, redis: Running | None, tmp_path: Path, clock: Clock) -> Iterator[Open]:
    made: list[Store] = []

    def one(limits: Limits = LIMITS) -> Store:
        at = redis.url if redis and request.param == "redis" else None
        made.append(in_redis(at, limits, clock) if at else SqliteStore(tmp_path / "jobs", limits, clock))
        return made[-1]

    if request.param == "redis":
        if redis is None:
            pytest.skip("there is no redis-server here")
        in_redis(redis.url, LIMITS, clock)._redis.flushall()
    yield one
    for store in made:
        store.close()


@pytest.fixture
def store(reopen: Open) -> Store:
    return reopen()


def take(store: Store) -> Piece | None:
    """The next picture, as the store's queue takes it."""
    if isinstance(store, SqliteStore):
        return store.begin()
    while data := store._redis.rpop(QUEUE):
        if piece := store.begin(*json.loads(data)):  # type: ignore[arg-type]
            return piece
    return None


def recover(store: Store) -> None:
    """Whoever was at work is dead, and this is noticed."""
    if isinstance(store, SqliteStore):
        store.recover()
        return
    assert isinstance(store._clock, Clock)
    store._clock.now += store.lease
    data = store.next_message()
    store.announce_lost(json.loads(data)[0] if data else "")


def begin(store: Store) -> Piece:
    piece = take(store)
    assert piece is not None
    return piece


def work_off(store: Store, well: bool = True) -> None:
    while piece := take(store):
        assert store.end(piece, b"line %d\n" % piece.index, well)


def test_a_job_from_its_beginning_to_its_end(store: Store, clock: Clock) -> None:
    entries = [PNG, Entry(b"bad\n", 7), Entry(Source("url", "http://pics.example/ä.png"))]
    job = store.add(WANTED, entries)
    assert (job.state, job.total, job.failed, job.started) == ("queued", 3, 1, None)
    clock.now += 1
    first = begin(store)
    assert first == Piece(job.id, 0, "a", PNG.source, "create_mask", {"mode": "first"}, 1)  # type: ignore[arg-type]
    assert (store.get(job.id, ME).state, store.get(job.id, ME).started) == ("running", 1001.0)
    with pytest.raises(JobUnfinished):
        store.finished(job.id, ME)
    second = begin(store)
    assert (second.index, second.name, second.source.text) == (2, None, "http://pics.example/ä.png")
    assert take(store) is None, "what is at work is given to nobody else"
    assert store.end(second, b"two\n", True)
    clock.now += 1
    assert store.end(first, b"one\n", False)
    done = store.finished(job.id, ME)
    assert (done.state, done.answered, done.failed, done.finished) == ("done", 1, 2, 1002.0)
    assert [store.line(job.id, index) for index in range(3)] == [b"one\n", b"bad\n", b"two\n"]


def test_a_job_without_an_answer_has_failed(store: Store) -> None:
    job = store.add(WANTED, [PNG])
    work_off(store, well=False)
    assert store.get(job.id, ME).state == "failed"
    at_once = store.add(WANTED, [Entry(b"bad\n")])
    assert (at_once.state, store.line(at_once.id, 0)) == ("failed", b"bad\n")


def test_the_oldest_job_comes_first(store: Store) -> None:
    jobs = [store.add(WANTED, [PNG, PNG]) for _ in range(2)]
    order = [(begin(store).job, index % 2) for index in range(4)]
    assert order == [(job.id, index) for job in jobs for index in range(2)]


def test_another_callers_job_is_not_there(store: Store) -> None:
    job = store.add(WANTED, [PNG])
    for ask in (store.get, store.finished, store.delete):
        for job_id, owner in ((job.id, OTHER), ("unknown", ME), ("", ME), ("' OR 1 --", ME)):
            with pytest.raises(NotFound) as caught:
                ask(job_id, owner)
            assert (caught.value.code, job.id in caught.value.detail) == ("not_found", False)
    assert store.get(job.id, ME) == job


def test_jobs_and_bytes_of_a_caller_are_bounded(store: Store) -> None:
    for _ in range(3):
        store.add(WANTED, [PNG])
    with pytest.raises(TooManyJobs):
        store.add(WANTED, [PNG])
    store.add(replace(WANTED, owner=OTHER), [PNG])
    work_off(store)
    store.add(WANTED, [PNG])  # finished ones do not count
    with pytest.raises(TooManyJobs) as caught:
        store.add(WANTED, [Entry(Source("bytes", b"x" * (1 << 20)))])
    assert "SAM_JOBS_BYTES" in caught.value.detail


def test_a_result_without_room_is_not_taken_but_the_word_for_it_is(store: Store) -> None:
    job = store.add(WANTED, [PNG])
    piece = begin(store)
    assert not store.end(piece, b"x" * (1 << 20) + b"\n", True)
    assert store.get(job.id, ME).state == "running"
    assert store.end(piece, b"no room\n", False)
    assert store.line(job.id, 0) == b"no room\n"


def test_a_result_is_taken_once_and_none_after_the_job_is_deleted(store: Store) -> None:
    job = store.add(WANTED, [PNG, PNG])
    piece = begin(store)
    assert store.end(piece, b"first\n", True) and store.end(piece, b"second\n", True)
    assert (store.get(job.id, ME).answered, store.line(job.id, 0)) == (1, b"first\n")
    late = begin(store)
    store.delete(job.id, ME)
    assert store.end(late, b"late\n", True)
    store.put_back(late)
    assert take(store) is None
    with pytest.raises(NotFound):
        store.line(job.id, 0)


def test_what_is_put_back_comes_again(store: Store) -> None:
    store.add(WANTED, [PNG])
    store.put_back(begin(store))
    store.put_back(begin(store), counted=True)
    assert begin(store).tries == 2


def test_everything_survives_a_process_that_dies(reopen: Open) -> None:
    dead = reopen()
    job = dead.add(WANTED, [PNG, PNG, PNG])
    dead.end(begin(dead), b"one\n", True)
    begin(dead)
    dead.close()
    store = reopen()
    assert begin(store).index == 2, "another process may be at work on it"
    recover(store)
    assert {begin(store).index, begin(store).index} == {1, 2}
    recover(store)
    assert begin(store).tries == 3
    recover(store)
    work_off(store)
    assert [store.line(job.id, index) for index in range(3)] == [b"one\n", b"line 1\n", b"line 2\n"]


def test_finished_jobs_expire_but_not_before_their_webhook_is_settled(store: Store, clock: Clock) -> None:
    plain, hooked, waits = store.add(WANTED, [PNG]), store.add(HOOKED, [PNG]), None
    work_off(store)
    waits = store.add(WANTED, [PNG])
    clock.now += 100
    with pytest.raises(NotFound):
        store.get(plain.id, ME)
    assert store.forget_expired() == 1
    due = store.due()
    assert due is not None and due.id == hooked.id and due.hook is not None
    store.told(due.id, replace(due.hook, state="delivered"))
    assert (store.due(), store.forget_expired()) == (None, 1)
    assert store.get(waits.id, ME).state == "queued"


def test_a_webhook_is_due_when_its_job_has_ended_and_its_time_has_come(store: Store, clock: Clock) -> None:
    job = store.add(HOOKED, [PNG])
    assert job.hook is not None and job.hook.state == "waiting" and store.due() is None
    work_off(store)
    due = store.due()
    assert due is not None and due.hook is not None
    store.told(job.id, replace(due.hook, due=clock.now + 5, tries=1, said="answered 500"))
    assert store.due() is None
    clock.now += 5
    again = store.due()
    assert again is not None and again.hook is not None and again.hook.json() == {
        "state": "pending", "tries": 1, "last_answer": "answered 500",
    }  # fmt: skip
    assert (store.count_hooks("pending"), store.count_hooks("delivered")) == (1, 0)


class Life(RuleBasedStateMachine):
    """Whatever comes in whatever order: a job's figures are those of its pictures, none is lost, none is doubled."""

    url = ""
    """Of the Redis that the test has started."""

    @initialize(kind=st.sampled_from(["sqlite", "redis"] if PROGRAM else ["sqlite"]))
    def begin_life(self, kind: str) -> None:
        self.folder, self.clock, self.kind = tempfile.TemporaryDirectory(), Clock(), kind
        self.store = self._opened()
        if isinstance(self.store, RedisStore):
            self.store._redis.flushall()
        self.lines: dict[tuple[str, int], bytes] = {}
        self.jobs: dict[str, int] = {}
        self.well: dict[tuple[str, int], bool] = {}
        self.at_work: list[Piece] = []
        self.begun: set[str] = set()

    @rule(size=st.integers(1, 3))
    def add(self, size: int) -> None:
        try:
            job = self.store.add(WANTED, [PNG] * size)
        except TooManyJobs:
            assert sum(self._told(job_id).finished is None for job_id in self.jobs) == 4
        else:
            self.jobs[job.id] = size

    @rule()
    def begin(self) -> None:
        if piece := take(self.store):
            assert (piece.job, piece.index) not in self.lines
            self.at_work.append(piece)
            self.begun.add(piece.job)

    @precondition(lambda self: self.at_work)
    @rule(data=st.data(), well=st.booleans())
    def end(self, data: Any, well: bool) -> None:
        piece = self.at_work.pop(data.draw(st.integers(0, len(self.at_work) - 1)))
        line = f"{piece.job} {piece.index} {piece.tries}\n".encode()
        assert self.store.end(piece, line, well) and self.store.end(piece, b"doubled", not well)
        if piece.job in self.jobs:
            self.lines[piece.job, piece.index], self.well[piece.job, piece.index] = line, well

    @precondition(lambda self: self.at_work)
    @rule(counted=st.booleans())
    def put_back(self, counted: bool) -> None:
        self.store.put_back(self.at_work.pop(), counted=counted)

    @rule()
    def die(self) -> None:
        self.store.close()
        self.store = self._opened()
        recover(self.store)
        self.at_work.clear()

    def _opened(self) -> Store:
        limits = Limits(4, 1 << 20, 1e6)
        if self.kind == "redis":
            return in_redis(self.url, limits, self.clock)
        return SqliteStore(Path(self.folder.name), limits, self.clock)

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def delete(self, data: Any) -> None:
        job_id = data.draw(st.sampled_from(list(self.jobs)))  # in their order: ids are drawn anew at each replay
        self.store.delete(job_id, ME)
        del self.jobs[job_id]
        self.lines = {key: line for key, line in self.lines.items() if key[0] != job_id}
        self.well = {key: well for key, well in self.well.items() if key[0] != job_id}

    def _told(self, job_id: str) -> Job:
        return self.store.get(job_id, ME)

    @invariant()
    def figures_are_those_of_the_pictures(self) -> None:
        for job_id, total in getattr(self, "jobs", {}).items():
            told, well = self._told(job_id), [w for (job, _), w in self.well.items() if job == job_id]
            assert (told.answered, told.failed) == (well.count(True), well.count(False))
            assert told.state == state_of(total, told.answered, told.failed, job_id in self.begun)
        for (job_id, index), line in getattr(self, "lines", {}).items():
            assert self.store.line(job_id, index) == line

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()


def test_life(redis: Running | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if redis:
        monkeypatch.setattr(Life, "url", redis.url)
    run_state_machine_as_test(Life, settings=settings(max_examples=40, stateful_step_count=25, deadline=None))
