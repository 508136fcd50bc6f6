"""Names to addresses, which are then judged before one of them is dialled (``netguard``)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Sequence
from typing import Protocol


class Resolver(Protocol):
    """Names to addresses."""

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """All addresses of ``host`` as text. Raises OSError when there is none."""
        ...


class SystemResolver:
    """``getaddrinfo`` in a thread of its own per question.

    Daemon threads rather than an executor: a resolver that hangs for minutes must neither hold up other users of the
    executor nor the end of the process. Their number is bounded by the fetch slots of the caller.
    """

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[str]] = loop.create_future()

        def settle(found: list[str] | None, error: OSError | None) -> None:
            if not answer.done():
                answer.set_exception(error) if error else answer.set_result(found or [])

        def ask() -> None:
            found, error = None, None
            try:
                rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                found = list(dict.fromkeys(str(row[4][0]) for row in rows))
            except OSError as exc:
                error = exc
            except (UnicodeError, ValueError):
                error = OSError("name cannot be resolved")
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle, found, error)

        threading.Thread(target=ask, name="resolve", daemon=True).start()
        return await answer
