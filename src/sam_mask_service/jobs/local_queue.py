"""The pictures of an SQLite store: of the processes of a machine one works, who holds a lock that the system gives back
when it ends.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from filelock import FileLock, Timeout

from .job import Piece
from .sqlite_store import SqliteStore


class LocalQueue:
    """A ``Queue``. ``lock``: the file of that lock."""

    def __init__(self, store: SqliteStore, lock: Path) -> None:
        self._store, self._lock = store, FileLock(lock, thread_local=False)

    async def lead(self) -> bool:
        """What a leader before us has left waits again."""
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            return False
        await asyncio.to_thread(self._store.recover)
        return True

    async def next(self) -> Piece | None:
        return await asyncio.to_thread(self._store.begin)

    def done(self, piece: Piece) -> None:
        """The row says so already."""

    async def keep(self) -> None:
        """The lock says so for as long as this process lives."""

    async def close(self) -> None:
        self._lock.release(force=True)
