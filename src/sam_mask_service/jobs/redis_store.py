"""Jobs in Redis: any number of machines take them in, work on them and tell of them.

Redis says what is true of a picture: it waits, is at work for as long as somebody renews its lease, or has its line.
The queue (``taskiq_queue.py``) only carries the word that it waits.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..errors import Busy, JobsUnreachable, JobUnfinished, TooManyJobs
from ..params import Source
from ..sessions.redis_line import client_of, told
from . import scripts
from .job import UNFINISHED, Delivery, Entry, Hook, Job, Limits, Piece, State, Wanted
from .store import gone, too_many_bytes

log = logging.getLogger(__name__)
PREFIX = "{sam-mask-jobs}:"
"""Of every key; the braces keep them on one node of a cluster."""
QUEUE = PREFIX + "queue"
LEASE_S = 20.0
"""A picture whose worker was not heard of for so long is given to another."""
_HOOK_S = 90.0
"""The same of a webhook: longer than a try takes."""
_PARCEL = 4 << 20
"""Bytes of pictures that are sent to Redis at once, so that nobody waits long for his turn."""
_STAGED_S = 60
"""Seconds that pictures of a job lie there before the job is there; whoever brings them may die meanwhile."""
Message = Callable[[str, int], bytes]
"""The word that a picture, by its job and index, waits."""


class RedisStore:
    """A ``JobStore``. ``url``: as the library takes it, password among it; nothing is dialled yet."""

    def __init__(
        self,
        url: str,
        limits: Limits,
        message: Message,
        clock: Callable[[], float] | None = None,
        lease: float = LEASE_S,
    ) -> None:
        self.limits, self.lease = limits, lease
        self._message, self._clock = message, clock
        self._redis = client_of(url)

    def _ask(self, script: str, *words: str | bytes | float) -> Any:
        now = "" if self._clock is None else repr(self._clock())
        with told(unreachable):
            return self._redis.register_script(script)(keys=[PREFIX], args=[now, *words])

    # --- the caller's side --------------------------------------------------------------------------------------------

    def add(self, wanted: Wanted, entries: Sequence[Entry]) -> Job:
        job_id, owner = secrets.token_urlsafe(16), _name(wanted.owner)
        size = sum(len(_kept(entry)) for entry in entries)
        _check(self._ask(scripts.FULL, owner, self.limits.jobs, size, self.limits.bytes))
        self._stage(job_id, entries)
        ended = sum(isinstance(entry.source, bytes) for entry in entries)
        told_of = (len(entries), ended, wanted.endpoint, json.dumps(wanted.values), wanted.webhook)
        room = (self.limits.jobs, size, self.limits.bytes)
        _check(self._ask(scripts.OPEN, job_id, owner, *room, *told_of, *self._waiting(job_id, entries)))
        return self.get(job_id, wanted.owner)

    def _waiting(self, job_id: str, entries: Sequence[Entry]) -> Iterator[int | bytes]:
        for index, entry in enumerate(entries):
            if not isinstance(entry.source, bytes):
                yield from (index, self._message(job_id, index))

    def _stage(self, job_id: str, entries: Sequence[Entry]) -> None:
        key, parcel, size = f"{PREFIX}pics:{job_id}", dict[str, str | bytes](), 0
        for index, entry in enumerate(entries):
            parcel |= _fields(index, entry)
            size += len(_kept(entry))
            if size >= _PARCEL or index == len(entries) - 1:
                with told(unreachable), self._redis.pipeline() as pipe:
                    pipe.hset(key, mapping=parcel)  # type: ignore[arg-type]
                    pipe.expire(key, _STAGED_S)
                    pipe.execute()
                parcel, size = {}, 0

    def get(self, job_id: str, owner: bytes) -> Job:
        fields = self._ask(scripts.GET, _text(job_id), _name(owner), self.limits.seconds)
        if fields is None:
            raise gone()
        return _job(fields)

    def finished(self, job_id: str, owner: bytes) -> Job:
        job = self.get(job_id, owner)
        if job.state in UNFINISHED:
            raise JobUnfinished
        return job

    def line(self, job_id: str, index: int) -> bytes:
        with told(unreachable):
            line = self._redis.hget(f"{PREFIX}pics:{job_id}", f"{index}:value")
        if line is None:
            raise gone()
        return bytes(line)  # type: ignore[arg-type]

    def delete(self, job_id: str, owner: bytes) -> None:
        if not self._ask(scripts.DELETE, _text(job_id), _name(owner), self.limits.seconds):
            raise gone()

    # --- the worker's side --------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Says so where Redis throws out what it holds when it is full. Raises JobsUnreachable."""
        with told(unreachable):
            policy = str(self._redis.info("memory").get("maxmemory_policy", ""))
        if policy.startswith("allkeys"):
            log.error("the Redis of SAM_JOBS_URL may throw out jobs (maxmemory-policy %s); noeviction is due", policy)

    def begin(self, job_id: str, index: int) -> Piece | None:
        """The picture, which nobody else gets now; None when it does not wait: deleted, at work, ended."""
        found = self._ask(scripts.BEGIN, job_id, index, self.lease)
        if found is None:
            return None
        name, kind, value, endpoint, values, tries = found
        source = Source(kind.decode(), value)
        return Piece(job_id, index, json.loads(name), source, endpoint.decode(), json.loads(values), tries)

    def put_back(self, piece: Piece, *, counted: bool = False) -> None:
        message = self._message(piece.job, piece.index)
        self._ask(scripts.PUT_BACK, piece.job, piece.index, message, int(not counted))

    def end(self, piece: Piece, line: bytes, well: bool) -> bool:
        return bool(self._ask(scripts.END, piece.job, piece.index, line, int(well), self.limits.bytes))

    def due(self) -> Job | None:
        fields = self._ask(scripts.DUE, _HOOK_S)
        return None if fields is None else _job(fields)

    def told(self, job_id: str, hook: Hook) -> None:
        self._ask(scripts.TOLD, job_id, hook.state, hook.tries, repr(hook.due), hook.said)

    def forget_expired(self) -> int:
        return int(self._ask(scripts.FORGET, self.limits.seconds))

    def renew(self, pieces: Sequence[Piece]) -> None:
        """They are still at work."""
        self._ask(scripts.RENEW, self.lease, *(f"{piece.job}:{piece.index}" for piece in pieces))

    def next_message(self) -> bytes | None:
        """What the queue gives out next, which stays there."""
        with told(unreachable):
            return self._redis.lindex(QUEUE, -1)  # type: ignore[return-value]

    def announce_lost(self, next_job: str) -> int:
        """Puts pictures that wait without a message before all others, the oldest first, and says how many.
        ``next_job``: of the message that comes next; empty without one.
        """
        lost = [member.decode().rpartition(":") for member in self._ask(scripts.LOST, next_job)]
        if lost:
            messages = [self._message(job_id, int(index)) for job_id, _, index in reversed(lost)]
            with told(unreachable):
                self._redis.rpush(QUEUE, *messages)
        return len(lost)

    # --- figures ------------------------------------------------------------------------------------------------------

    def count(self, state: State) -> int:
        return self._count("states", state)

    def count_hooks(self, state: Delivery) -> int:
        return self._count("hook_states", state)

    def _count(self, counts: str, word: str) -> int:
        with told(unreachable):
            return int(self._redis.hget(PREFIX + counts, word) or 0)

    def close(self) -> None:
        self._redis.close()


def unreachable(error: Exception) -> JobsUnreachable:
    """What the caller reads; what the store said goes to the log alone."""
    log.warning("the store of jobs does not answer: %s: %s", type(error).__name__, error)
    return JobsUnreachable()


def _check(said: bytes | None) -> None:
    if said == b"jobs":
        raise TooManyJobs
    if said == b"bytes":
        raise too_many_bytes()
    if said == b"late":
        raise Busy


def _name(owner: bytes) -> str:
    """Whoever can list the store does not learn what the owner is known by."""
    return hashlib.sha256(owner).hexdigest()


def _text(job_id: str) -> bytes:
    return job_id.encode("utf-8", "surrogatepass")


def _kept(entry: Entry) -> bytes:
    return entry.source if isinstance(entry.source, bytes) else entry.source.data


def _fields(index: int, entry: Entry) -> dict[str, str | bytes]:
    kind = "" if isinstance(entry.source, bytes) else entry.source.kind
    return {f"{index}:name": json.dumps(entry.name), f"{index}:kind": kind, f"{index}:value": _kept(entry)}


def _job(fields: Sequence[bytes | None]) -> Job:
    told_of = [b"" if field is None else field for field in fields]
    words = dict(zip(scripts.FIELDS, (field.decode() for field in told_of), strict=True))
    state: Any = words["state"]
    total, answered, failed = (int(words[name]) for name in ("total", "answered", "failed"))
    started, finished = (float(words[name]) if words[name] else None for name in ("started", "finished"))
    created, hook = float(words["created"]), _hook(words) if words["hook_url"] else None
    return Job(words["id"], words["endpoint"], state, total, answered, failed, created, started, finished, hook)


def _hook(words: dict[str, str]) -> Hook:
    state: Any = words["hook_state"]
    return Hook(words["hook_url"], state, int(words["hook_tries"]), float(words["hook_due"]), words["hook_said"])
