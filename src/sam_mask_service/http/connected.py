"""Work for a client that may leave."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request

from ..deadline import HANGING, Deadline
from ..errors import ClientLeft, DeadlinePassed

T = TypeVar("T")


async def while_connected(request: Request, work: Coroutine[Any, Any, T], deadline: Deadline) -> T:
    """``work``'s result. When the client leaves first, the work is told to end at its next step, and ClientLeft is
    raised; when a step hangs beyond the deadline, its client is told so while the step goes on."""
    task = asyncio.ensure_future(work)
    watch = asyncio.ensure_future(_left(request))
    try:
        done, _ = await asyncio.wait(
            {task, watch}, timeout=deadline.timeout(HANGING), return_when=asyncio.FIRST_COMPLETED
        )
        if task in done:
            return task.result()
        raise ClientLeft if watch in done else DeadlinePassed
    finally:
        for each in (task, watch):
            each.cancel()
        if not task.done():
            deadline.left.set()
        await asyncio.gather(task, watch, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
