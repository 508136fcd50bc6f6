"""The word that a picture waits, carried by Taskiq through Redis to one of the workers of any machine.

A broker forgets what it has handed out, and its worker may die with it. So each picture that is handed out has a lease
in the store, renewed while it is at work, and what waits without a message is announced anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from functools import partial
from typing import TYPE_CHECKING, Any

from ..sessions.redis_line import CONNECT_S, told
from .job import Limits, Piece
from .redis_store import QUEUE, RedisStore, unreachable

if TYPE_CHECKING:
    from taskiq_redis import ListQueueBroker

log = logging.getLogger(__name__)
TASK = "sam-mask:picture"
"""Name of the one task; its arguments are a job and an index."""
_SILENCE_S = 15.0
"""A connection that brought nothing for so long is made anew: the other end may be gone without a word."""


class TaskiqQueue:
    """A ``Queue``. One connection waits for messages, and one worker after the other gets one."""

    def __init__(self, broker: ListQueueBroker, store: RedisStore) -> None:
        self._broker, self._store = broker, store
        self._listening: AsyncGenerator[bytes, None] | None = None
        self._turn = asyncio.Lock()
        self._at_work: list[Piece] = []

    async def lead(self) -> bool:
        """Everybody works."""
        await asyncio.to_thread(self._store.check)
        return True

    async def next(self) -> Piece | None:
        while (data := await self._received()) is not None:
            if (piece := await self._begun(data)) is not None:
                self._at_work.append(piece)
                return piece
        return None

    async def _received(self) -> bytes | None:
        from redis.exceptions import TimeoutError as Silence

        async with self._turn:
            listening, self._listening = self._listening or self._broker.listen(), None
            with told(unreachable):
                try:
                    data = await anext(listening)
                except Silence:
                    return None
            self._listening = listening
            return data

    async def _begun(self, data: bytes) -> Piece | None:
        """What is no message of ours is passed over, and said."""
        try:
            job_id, index = addressed(self._broker, data)
        except ValueError as error:
            log.error("a message in the queue of jobs is not ours: %s", error)
            return None
        return await asyncio.to_thread(self._store.begin, job_id, index)

    def done(self, piece: Piece) -> None:
        self._at_work.remove(piece)

    async def keep(self) -> None:
        if self._at_work:
            await asyncio.to_thread(self._store.renew, tuple(self._at_work))
        if count := await asyncio.to_thread(self._announce_lost):
            log.warning("%s picture(s) of jobs were left by their workers and wait again", count)

    def _announce_lost(self) -> int:
        data = self._store.next_message()
        return self._store.announce_lost("" if data is None else addressed(self._broker, data)[0])

    async def close(self) -> None:
        await self._broker.shutdown()


def open_redis(url: str, limits: Limits) -> tuple[RedisStore, TaskiqQueue]:
    """Dials nothing yet."""
    broker = broker_of(url)
    store = RedisStore(url, limits, partial(message, broker))
    return store, TaskiqQueue(broker, store)


def broker_of(url: str) -> ListQueueBroker:
    from taskiq_redis import ListQueueBroker

    return ListQueueBroker(url, queue_name=QUEUE, socket_connect_timeout=CONNECT_S, socket_timeout=_SILENCE_S)


def message(broker: ListQueueBroker, job_id: str, index: int) -> bytes:
    """As Taskiq puts it into Redis. The store does so itself, in the script that takes the job in."""
    from taskiq.message import TaskiqMessage

    words: dict[str, Any] = {"labels": {}, "labels_types": {}, "kwargs": {}}
    told_of = TaskiqMessage(task_id=f"{job_id}:{index}", task_name=TASK, args=[job_id, index], **words)
    return broker.formatter.dumps(told_of).message


def addressed(broker: ListQueueBroker, data: bytes) -> tuple[str, int]:
    """Job and index of a message. Raises ValueError for one that is not ours."""
    found = broker.formatter.loads(data)
    if found.task_name != TASK or [type(word) for word in found.args] != [str, int]:
        raise ValueError(found.task_name)
    job_id, index = found.args
    return job_id, index
