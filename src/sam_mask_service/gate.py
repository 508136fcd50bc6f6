"""Admission: so many at work, so many waiting, the rest is told to come back. Compute runs in a small thread pool."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from .deadline import Deadline
from .errors import Busy, Draining
from .pulse import Pulse

T = TypeVar("T")


class Gate:
    """``workers`` at work and ``queue`` waiting, first come first served; all of it on one event loop.

    A slot is taken before work starts and given back when the work has really ended: a thread cannot be stopped, so a
    client that leaves sets its deadline's flag, the work ends at its next check, and only then is the slot free.
    ``draining``: no more work is let in.
    """

    def __init__(self, workers: int, queue: int, name: str = "compute") -> None:
        self.workers, self.queue = workers, queue
        self.waiting = 0
        self.busy = 0
        self.draining = False
        self._free = asyncio.Semaphore(workers)
        self._pulses: dict[Future[Any], Pulse] = {}
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix=name)

    async def run(self, work: Callable[[], T], deadline: Deadline) -> T:
        """``work()`` in a thread. Raises what ``check`` does at once, and Busy when the wait outlasts the deadline."""
        await self._enter(deadline)
        pulse = Pulse()
        try:
            future = self._pool.submit(_felt, pulse, work)
        except BaseException:
            self._leave()
            raise
        loop = asyncio.get_running_loop()
        self._pulses[future] = pulse
        future.add_done_callback(lambda done: self._done(done, loop))
        return await _await_thread(future)

    def check(self) -> None:
        """Raises Draining or Busy when ``run`` would."""
        if self.draining:
            raise Draining
        if self.full:
            raise Busy

    @property
    def full(self) -> bool:
        """Are all places taken? Counted by those let in, not by the semaphore: of many that arrive in one turn of the
        loop none has taken its slot yet."""
        return self.waiting + self.busy >= self.workers + self.queue

    @property
    def crowded(self) -> bool:
        """Is so much taken that work which can wait should leave the rest to others?"""
        return self.waiting + self.busy >= _patient_share(self.workers + self.queue)

    async def _enter(self, deadline: Deadline) -> None:
        self.check()
        self.waiting += 1
        try:
            await asyncio.wait_for(self._free.acquire(), deadline.timeout())
        except asyncio.TimeoutError:
            raise Busy from None
        finally:
            self.waiting -= 1
        self.busy += 1

    def _done(self, future: Future[Any], loop: asyncio.AbstractEventLoop) -> None:
        self._pulses.pop(future, None)
        _on_loop(loop, self._leave)

    def _leave(self) -> None:
        self.busy -= 1
        self._free.release()

    def hanging(self, seconds: float) -> bool:
        """Whether every slot is held by work that has hung for ``seconds``: nothing will ever be served again. Work
        that still computes is none of it: it asks its deadline at its next step."""
        return sum(pulse.still(seconds) for pulse in list(self._pulses.values())) >= self.workers

    async def idle(self) -> None:
        """Returns when nothing is at work or waiting."""
        while self.busy or self.waiting:
            await asyncio.sleep(0.02)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _felt(pulse: Pulse, work: Callable[[], T]) -> T:
    pulse.begin()
    return work()


async def _await_thread(future: Future[T]) -> T:
    return await asyncio.shield(asyncio.wrap_future(future))


def _on_loop(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(call)


class Slots:
    """A plain count of things that may happen at once; a further one is Busy at once (used for outbound fetches)."""

    def __init__(self, count: int) -> None:
        self.count, self.used = count, 0

    @property
    def crowded(self) -> bool:
        """As ``Gate.crowded``."""
        return self.used >= _patient_share(self.count)

    def check(self) -> None:
        """Raises Busy when ``hold`` would."""
        if self.used >= self.count:
            raise Busy

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        self.check()
        self.used += 1
        try:
            yield
        finally:
            self.used -= 1


def _patient_share(places: int) -> int:
    """Places that patient work may fill: a quarter, at least one, is left to those who would be turned away."""
    return max(1, places - max(1, places // 4))
