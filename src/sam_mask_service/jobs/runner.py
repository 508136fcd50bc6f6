"""Works jobs off beside the requests of people who wait."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from ..doors.webhook import Unreached, Webhooks
from ..errors import Busy, Draining, Internal, ServiceError, StorageFull, Unavailable
from ..many import outcome_of
from ..params import Params, Source, parse
from ..service import Service
from ..tasks import Answer, Task
from . import delivery
from .job import Job, Piece
from .store import JobStore, Queue

log = logging.getLogger(__name__)
Render = Callable[[Answer | ServiceError, int, "str | int | None", str], Awaitable[bytes]]
"""A result as a line: outcome, index, the caller's own id, job."""
MOST_TRIES = 3
"""A picture that was begun so often, and whose process ended each time, is not begun again."""
_LOOK = 0.5
"""Seconds between two looks for work that another process may have brought, and for webhooks that are due."""
_ROOM = 0.05
"""Seconds between two looks for a free slot."""
_TIDY = 5.0
"""Seconds between two looks for jobs that have expired, and two words of what is at work here."""
_TROUBLE = 5.0
"""Seconds that are waited when the store fails: a full disk."""


class Runner:
    """Lives on the service's event loop. ``secret``: what webhooks are signed with."""

    def __init__(
        self,
        service: Service,
        tasks: Mapping[str, Task],
        store: JobStore,
        queue: Queue,
        webhooks: Webhooks,
        secret: str,
        render: Render,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.service, self.tasks, self.store, self.queue = service, tasks, store, queue
        self._webhooks, self._secret, self._render, self._clock = webhooks, secret, render, clock
        self._brought = asyncio.Event()
        self._all: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._all = asyncio.create_task(self._run())

    def wake(self) -> None:
        """There is new work."""
        self._brought.set()

    async def close(self) -> None:
        """Ends at once; what is at work waits for the next start."""
        if self._all is not None:
            self._all.cancel()
            await asyncio.gather(self._all, return_exceptions=True)
            self._all = None
        await self.queue.close()

    async def _run(self) -> None:
        while not await self._guarded(self.queue.lead):
            await asyncio.sleep(_LOOK)
        steps = [self._work] * self.service.settings.workers + [self._tell, self._tidy]
        loops = [asyncio.create_task(self._again(step)) for step in steps]
        try:
            await asyncio.gather(*loops)
        finally:
            for each in loops:
                each.cancel()
            await asyncio.gather(*loops, return_exceptions=True)

    async def _again(self, step: Callable[[], Awaitable[bool]]) -> None:
        """``step`` for ever, at once when it did something."""
        while True:
            await self._pause(await self._guarded(step))

    async def _guarded(self, step: Callable[[], Awaitable[bool]]) -> bool:
        """Whether ``step`` did something. Nothing that goes wrong ends the work on jobs."""
        try:
            return await step()
        except Unavailable as error:
            log.error("jobs wait: %s", error.detail)
        except Exception:
            log.exception("jobs wait: their store failed")
        await asyncio.sleep(_TROUBLE)
        return False

    async def _pause(self, did: bool) -> None:
        if not did:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._brought.wait(), _LOOK)
            self._brought.clear()

    # --- pictures -----------------------------------------------------------------------------------------------------

    async def _work(self) -> bool:
        """One picture; False when there is none, or no more are begun."""
        await self._room()
        piece = None if self.service.gate.draining else await self.queue.next()
        if piece is None:
            return False
        try:
            self._check_room()
            await self._end(piece, await self._outcome(piece))
        except (Busy, Draining):
            await asyncio.to_thread(self.store.put_back, piece)
            return False
        except asyncio.CancelledError:
            with contextlib.suppress(Exception):  # else the next start does so
                self.store.put_back(piece)  # here and now: after a cancellation nothing may be waited for
            raise
        except Exception:
            await asyncio.to_thread(self.store.put_back, piece, counted=True)
            raise
        finally:
            self.queue.done(piece)
        return True

    async def _end(self, piece: Piece, outcome: Answer | ServiceError) -> None:
        """Writes the outcome down; where the caller's jobs have no room for it, that."""
        for each in (outcome, StorageFull("Your jobs hold as many bytes as they may (setting SAM_JOBS_BYTES).")):
            line = await self._render(each, piece.index, piece.name, piece.job)
            if await self._written(piece, line, isinstance(each, Answer)):
                return

    async def _written(self, piece: Piece, line: bytes, well: bool) -> bool:
        """As ``JobStore.end``, however long the disk is full."""
        while (done := await self._try(piece, line, well)) is None:
            await asyncio.sleep(_TROUBLE)
        return done

    async def _try(self, piece: Piece, line: bytes, well: bool) -> bool | None:
        try:
            return await asyncio.to_thread(self.store.end, piece, line, well)
        except Unavailable as error:
            log.error("a job's result waits to be written: %s", error.detail)
            return None

    async def _outcome(self, piece: Piece) -> Answer | ServiceError:
        """Raises Busy and Draining: these say nothing of the picture."""
        if piece.tries > MOST_TRIES:
            return Internal(f"The service failed or ended {MOST_TRIES} times while this picture was at work.")
        try:
            task = self.tasks[piece.endpoint]
            params = parse(task.params, piece.values)
        except KeyError:
            return Internal("This version of the service no longer knows the endpoint.")
        except ServiceError as error:
            return error
        outcome = await self._answered(task, params, piece)
        if isinstance(outcome, (Busy, Draining)):
            raise outcome
        return outcome

    async def _answered(self, task: Task, params: Params, piece: Piece) -> Answer | ServiceError:
        """A picture is fetched first, with nobody's slot; its time limit begins when it gets one."""
        service, reading = self.service, self.service.deadline()
        data = await outcome_of(service.reader.read(piece.source, reading), reading)
        if isinstance(data, ServiceError):
            return data
        await self._room()
        if service.gate.draining:
            return Draining()
        limit = service.deadline()
        return await outcome_of(
            service.run(task, Source("bytes", data), params, limit, caller=piece.job.encode()), limit
        )

    async def _room(self) -> None:
        """Returns when there is a free slot that no request waits for, and at once when there will be none."""
        while not self._is_room() and not self.service.gate.draining:
            await asyncio.sleep(_ROOM)

    def _check_room(self) -> None:
        """The wait for a picture may have been long. Raises Busy: another process may have room."""
        if not self._is_room():
            raise Busy

    def _is_room(self) -> bool:
        gate = self.service.gate
        try:
            self.service.admit()
        except Unavailable:
            return False
        return not gate.waiting and gate.busy < gate.workers and not self.service.reader.slots.crowded

    # --- webhooks and time --------------------------------------------------------------------------------------------

    async def _tell(self) -> bool:
        """One webhook that is due; False when none is."""
        job = None if self.service.gate.draining else await asyncio.to_thread(self.store.due)
        if job is None or job.hook is None:
            return False
        hook = job.hook
        try:
            await self._send(job, hook.url)
        except Unreached as error:
            log.warning("a job's webhook was not taken: %s", error.said, extra={"fields": {"job": job.id}})
            after = delivery.refused(hook, error.said, self._clock())
        else:
            after = delivery.taken(hook)
        await asyncio.to_thread(self.store.told, job.id, after)
        return True

    async def _send(self, job: Job, url: str) -> None:
        body = delivery.message(job, self._clock())
        await self._webhooks.post(url, body, {delivery.SIGNATURE: delivery.signature(self._secret, body)})

    async def _tidy(self) -> bool:
        await asyncio.sleep(_TIDY)
        await self.queue.keep()
        if dropped := await asyncio.to_thread(self.store.forget_expired):
            log.info("%s expired job(s) are forgotten", dropped)
        return False
