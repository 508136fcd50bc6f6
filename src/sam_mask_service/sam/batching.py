"""Requests that wait for one device, run together: the more wait, the larger the batch; who is alone waits for nobody.

Pure but for its lock: what a batch does is a function that is given. No thread of its own: one of those who wait runs
the batch for all, and the others are told.

An item's fault is its own. A batch that fails is run again item by item, and a batch for which memory does not suffice
in halves; batches stay that small from then on.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ..deadline import NO_DEADLINE, Deadline
from ..errors import DeviceFull, DeviceLost

log = logging.getLogger(__name__)

In = TypeVar("In")
Out = TypeVar("Out")
WINDOW_S = 0.003
"""How long a batch waits for as many as the last one had. Whoever comes to an idle device waits for nobody."""


@dataclass(slots=True, eq=False)
class _Job(Generic[In, Out]):
    item: In
    deadline: Deadline
    answer: list[Out] = field(default_factory=list)
    error: BaseException | None = None

    @property
    def done(self) -> bool:
        return bool(self.answer) or self.error is not None

    def wanted(self) -> bool:
        """False, with the error set, where nobody waits for the answer any more."""
        try:
            self.deadline.check()
        except Exception as e:
            self.error = e
        return self.error is None


def power_of_two(count: int) -> int:
    """The largest one that is not more than ``count``: few sizes, so that each can be prepared once."""
    return 1 << (max(1, count).bit_length() - 1)


class Batcher(Generic[In, Out]):
    """``run`` answers several items in their order. ``largest``: how many at once at most, halved where memory does not
    suffice. ``sizes`` counts the batches that were run, by their size. Thread-safe."""

    def __init__(self, run: Callable[[Sequence[In]], Sequence[Out]], largest: int, window: float = WINDOW_S) -> None:
        self.largest = power_of_two(largest)
        self.sizes: dict[int, int] = {}
        self._run = run
        self._window = window
        self._waiting: list[_Job[In, Out]] = []
        self._busy = False
        self._last = 1
        self._changed = threading.Condition()

    def __call__(self, item: In, deadline: Deadline = NO_DEADLINE) -> Out:
        """The answer for ``item``, whoever runs the batch that it is in. A batch that has begun is not broken off.

        Raises DeadlinePassed or ClientLeft while it waits, DeviceFull where the device has no room for it alone, and
        what ``run`` raises for it.
        """
        job: _Job[In, Out] = _Job(item, deadline)
        deadline.check()
        with self._changed:
            self._waiting.append(job)
            self._changed.notify_all()
            while not job.done:
                if self._busy:
                    self._wait(job)
                else:
                    self._lead()
        if job.error is not None:
            raise job.error
        return job.answer[0]

    def _wait(self, job: _Job[In, Out]) -> None:
        """Until the batch that runs is done, or ``job``'s time is over while it is in none."""
        in_time = self._changed.wait(job.deadline.timeout())
        if (not in_time or job.deadline.left.is_set()) and job in self._waiting and not job.wanted():
            self._waiting.remove(job)

    def _lead(self) -> None:
        """Runs one batch for all who are in it; the lock is free meanwhile."""
        self._busy = True
        try:
            batch = self._gathered()
            self._changed.release()
            try:
                self._answer(batch)
            except BaseException as e:
                self._fail([job for job in batch if not job.done], e)
                raise
            finally:
                self._changed.acquire()
        finally:
            self._busy = False
            self._changed.notify_all()

    def _gathered(self) -> list[_Job[In, Out]]:
        expected = min(self._last, self.largest)
        self._changed.wait_for(lambda: len(self._waiting) >= expected, self._window)
        self._last = len(self._waiting)
        self._waiting = [job for job in self._waiting if job.wanted()]
        taken = self._waiting[: power_of_two(min(len(self._waiting), self.largest))]
        del self._waiting[: len(taken)]
        return taken

    def _answer(self, batch: Sequence[_Job[In, Out]]) -> None:
        """Fills in every job's answer or error."""
        if not batch:
            return
        try:
            answers = self._run([job.item for job in batch])
        except DeviceFull as e:
            self._halved(batch, e)
        except DeviceLost as e:
            self._fail(batch, e)
        except Exception as e:
            self._alone(batch, e)
        else:
            self.sizes[len(batch)] = self.sizes.get(len(batch), 0) + 1
            for job, answer in zip(batch, answers, strict=True):
                job.answer.append(answer)

    def _halved(self, batch: Sequence[_Job[In, Out]], error: DeviceFull) -> None:
        if len(batch) == 1:
            self._fail(batch, error)
            return
        half = len(batch) // 2
        self.largest = min(self.largest, power_of_two(half))
        log.warning("no memory for %d pictures at once: %d from now on", len(batch), self.largest)
        self._answer(batch[:half])
        self._answer(batch[half:])

    def _alone(self, batch: Sequence[_Job[In, Out]], error: Exception) -> None:
        """One of them is at fault, and only that one shall hear of it."""
        if len(batch) == 1:
            self._fail(batch, error)
            return
        for job in batch:
            self._answer([job])

    @staticmethod
    def _fail(batch: Sequence[_Job[In, Out]], error: BaseException) -> None:
        for job in batch:
            job.error = error
