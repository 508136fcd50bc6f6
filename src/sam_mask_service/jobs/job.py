"""What a job is, apart from where it is kept and what runs it: values, and how they are told. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal

from ..params import Source
from ..wire import Json

State = Literal["queued", "running", "done", "failed"]
STATES: tuple[State, ...] = ("queued", "running", "done", "failed")
UNFINISHED: tuple[State, ...] = ("queued", "running")
Delivery = Literal["waiting", "pending", "delivered", "failed"]
DELIVERIES: tuple[Delivery, ...] = ("waiting", "pending", "delivered", "failed")
"""A webhook waits for its job's end, is pending until somebody takes it, and fails when nobody did so in time."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one caller: unfinished jobs, and bytes of pictures and results. ``seconds``: how long a finished job is
    kept.
    """

    jobs: int
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """A new job. ``values``: the parameters as the caller sent them; ``webhook``: its URL, empty for none."""

    owner: bytes
    endpoint: str
    values: Json
    webhook: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture of a new job: where it comes from, or the line that already stands for it. ``name`` is the caller's
    own ``id``.
    """

    source: Source | bytes
    name: str | int | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """One picture that is to be worked on. ``tries``: how often it was begun, this time among them."""

    job: str
    index: int
    name: str | int | None
    source: Source
    endpoint: str
    values: Json
    tries: int


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook. ``due``: when the next try is, in seconds since 1970; ``said``: what became of the last one."""

    url: str
    state: Delivery
    tries: int
    due: float
    said: str

    def json(self) -> Json:
        return {"state": self.state, "tries": self.tries, **({"last_answer": self.said} if self.said else {})}


@dataclass(frozen=True, slots=True)
class Job:
    """A kept job. Times are in seconds since 1970. ``answered`` and ``failed`` are pictures that have their line."""

    id: str
    endpoint: str
    state: State
    total: int
    answered: int
    failed: int
    created: float
    started: float | None
    finished: float | None
    hook: Hook | None

    def json(self) -> Json:
        """As ``GET /jobs/{id}`` tells it."""
        return {
            "success": True,
            "job_id": self.id,
            "state": self.state,
            "endpoint": self.endpoint,
            "pictures": {
                "total": self.total,
                "waiting": self.total - self.answered - self.failed,
                "answered": self.answered,
                "failed": self.failed,
            },
            "created": _told(self.created),
            "started": _told(self.started),
            "finished": _told(self.finished),
            **({"webhook": self.hook.json()} if self.hook else {}),
        }


def state_of(total: int, answered: int, failed: int, begun: bool) -> State:
    """By what became of its pictures; ``begun``: whether one of them was ever taken up.

    >>> state_of(2, 0, 0, False), state_of(2, 1, 0, True), state_of(2, 1, 1, True), state_of(2, 0, 2, True)
    ('queued', 'running', 'done', 'failed')
    """
    if answered + failed < total:
        return "running" if begun or answered or failed else "queued"
    return "done" if answered else "failed"


def _told(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
