"""One task for many pictures: an answer or an error for each, in their order, without taking the places of single
requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from .deadline import HANGING, Deadline
from .errors import Busy, DeadlinePassed, Internal, ServiceError, forget_tracebacks
from .params import Params, Source
from .service import Service
from .tasks import Answer, Task

log = logging.getLogger(__name__)
T = TypeVar("T")
_RETRY = 0.05
"""Seconds between two tries of a picture of several while there is no room for it."""


@dataclass(frozen=True, slots=True)
class Item:
    """One of many pictures: its source, or the error that stands in place of one. ``name`` is the caller's own
    ``id``.
    """

    source: Source | ServiceError
    name: str | int | None = None


async def run_many(
    service: Service, task: Task, items: Sequence[Item], params: Params, caller: bytes = b""
) -> AsyncGenerator[Answer | ServiceError, None]:
    """An answer or an error for every item. At most as many at work as the service has workers; each has its own
    deadline. ``caller``: whose cached results they may use."""
    ahead = service.settings.workers
    tasks: list[asyncio.Task[Answer | ServiceError]] = []
    try:
        for i in range(len(items)):
            while len(tasks) < min(len(items), i + ahead):
                tasks.append(asyncio.create_task(_one(service, task, items[len(tasks)], params, caller)))
            yield await tasks[i]
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _one(service: Service, task: Task, item: Item, params: Params, caller: bytes) -> Answer | ServiceError:
    if isinstance(item.source, ServiceError):
        return item.source
    deadline = service.deadline()
    return await outcome_of(_run(service, task, item.source, params, deadline, caller), deadline)


async def outcome_of(work: Awaitable[T], deadline: Deadline) -> T | ServiceError:
    """Its result, or what stands in its place: one picture of several stops none of the others."""
    try:
        return await asyncio.wait_for(work, deadline.timeout(HANGING))
    except asyncio.TimeoutError:
        return DeadlinePassed()
    except ServiceError as error:
        forget_tracebacks(error)
        return error
    except Exception:
        log.exception("one picture of several failed")
        return Internal()


async def _run(
    service: Service, task: Task, source: Source, params: Params, deadline: Deadline, caller: bytes
) -> Answer:
    """A full service makes an item of a batch wait, not fail; its URL is fetched once, however long it waits."""
    data = await _patiently(service, source, lambda: service.reader.read(source, deadline), deadline)
    bare = Source("bytes", data)
    return await _patiently(service, bare, lambda: service.run(task, bare, params, deadline, caller=caller), deadline)


async def _patiently(service: Service, source: Source, work: Callable[[], Awaitable[T]], deadline: Deadline) -> T:
    """``work()`` once there is room for it that nobody else needs. Raises Busy when there is none before the
    deadline.
    """
    while True:
        if not service.crowded(source):
            with contextlib.suppress(Busy):
                return await work()
        if deadline.remaining() <= _RETRY:
            raise Busy
        await asyncio.sleep(_RETRY)
