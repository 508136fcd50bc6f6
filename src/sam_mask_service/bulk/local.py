"""The runner of one process: reading, computing and writing of several lines overlap, on one service."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator, Iterator

from ..service import Service
from ..wire import Json
from .doubles import LocalDoubles
from .ledger import Ledger
from .line import Line, Shard
from .one import Wanted, Worker, at_once
from .places import Place
from .question import Question

ROWS_AHEAD = 64
"""Rows that may wait for one that takes long."""


class LocalRunner:
    """``service``: ready for work."""

    def __init__(self, service: Service, place: Place, wanted: Wanted) -> None:
        self._service, self._place, self._wanted = service, place, wanted
        self._window = at_once(service.settings)

    async def question(self) -> str:
        wanted = self._wanted
        return Question(wanted.action, wanted.params, self._service.engines.pick(wanted.params.drawn_by)).digest

    async def rows(self, shards: Iterator[Shard], ledger: Ledger) -> AsyncIterator[tuple[int, Json]]:
        """In the order of the lines: rows wait for those before them."""
        doubles, slots = LocalDoubles(ledger), asyncio.Semaphore(self._window)
        worker = Worker(self._service, self._place, self._wanted, doubles)

        async def in_turn(line: Line) -> Json:
            async with slots:
                return await worker.row(line)

        waiting: deque[tuple[Line, asyncio.Task[Json]]] = deque()
        lines = itertools.chain.from_iterable(shards)
        try:
            while True:
                for line in itertools.islice(lines, ROWS_AHEAD - len(waiting)):
                    waiting.append((line, asyncio.ensure_future(in_turn(line))))
                if not waiting:
                    return
                line, task = waiting.popleft()
                row = await task
                yield line.number, row
                doubles.kept(row.get("sha256") or "")
        finally:
            for _, task in waiting:
                task.cancel()
