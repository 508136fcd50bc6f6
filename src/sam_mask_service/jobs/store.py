"""What every store of jobs promises, and every way in which the pictures that wait get to who works on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..errors import NotFound, TooManyJobs
from .job import Delivery, Entry, Hook, Job, Limits, Piece, State, Wanted


class JobStore(Protocol):
    """Thread-safe; all methods may block. A picture has one result or none, whoever dies when, and whoever ends it
    twice. Raises StorageFull, and JobsUnreachable when what it stands on does not answer.
    """

    limits: Limits

    # --- the caller's side

    def add(self, wanted: Wanted, entries: Sequence[Entry]) -> Job:
        """A new job: whole or not at all. Raises TooManyJobs when the caller has as many, or as much in the store, as
        one may have.
        """

    def get(self, job_id: str, owner: bytes) -> Job:
        """Raises NotFound: unknown, expired, deleted and somebody else's look the same."""

    def finished(self, job_id: str, owner: bytes) -> Job:
        """As ``get``, of a job whose results are all there. Raises JobUnfinished."""

    def line(self, job_id: str, index: int) -> bytes:
        """The result of one picture. Raises NotFound when the job is gone meanwhile."""

    def delete(self, job_id: str, owner: bytes) -> None:
        """Whatever its state; what is being worked on finds nothing to be put into. Raises NotFound."""

    # --- the worker's side

    def put_back(self, piece: Piece, *, counted: bool = False) -> None:
        """It waits again; unless ``counted``, as if it had not been begun."""

    def end(self, piece: Piece, line: bytes, well: bool) -> bool:
        """Puts the result in the picture's place, once. False, and nothing is changed, when the caller's jobs would
        then hold more bytes than they may.
        """

    def due(self) -> Job | None:
        """A finished job whose webhook is to be sent now."""

    def told(self, job_id: str, hook: Hook) -> None:
        """What became of a try to send it."""

    def forget_expired(self) -> int:
        """How many jobs were dropped. One whose webhook is still to be sent stays until that is settled."""

    # --- figures

    def count(self, state: State) -> int:
        """Jobs that are kept in this state."""

    def count_hooks(self, state: Delivery) -> int:
        """Webhooks in this state."""

    def close(self) -> None: ...


class Queue(Protocol):
    """Hands each picture that waits to one worker, the oldest job's first."""

    async def lead(self) -> bool:
        """Whether this process may work now; asked until it may."""

    async def next(self) -> Piece | None:
        """The next picture, which nobody else gets now; None when there is none, or none for a while."""

    def done(self, piece: Piece) -> None:
        """It has its result or was put back."""

    async def keep(self) -> None:
        """Asked every few seconds: what is at work here is not to be given to others; what others left is."""

    async def close(self) -> None:
        """Nothing is asked any more."""


def gone() -> NotFound:
    return NotFound("There is no job under this id: it was never given, has expired or was deleted.")


def too_many_bytes() -> TooManyJobs:
    return TooManyJobs(
        "With this one, your jobs would hold more bytes than they may (setting SAM_JOBS_BYTES); delete some."
    )
