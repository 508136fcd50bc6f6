"""Uploads in this process's memory, for itself alone. Never on disk."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import ImageGone
from .store import OVERHEAD, name_of, new_id, weight_of


@dataclass(slots=True)
class _Entry:
    data: bytes
    expires: float


class MemoryStore:
    """An ``ImageStore``. ``bytes``: what it holds now."""

    def __init__(self, max_bytes: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.max_bytes, self.seconds, self.bytes = max_bytes, seconds, 0
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, data: bytes, owner: bytes) -> str:
        weight, image_id = weight_of(data, self.max_bytes), new_id()
        with self._lock:
            self._expire()
            self._entries[name_of(image_id, owner)] = _Entry(data, self._clock() + self.seconds)
            self.bytes += weight
            while self.bytes > self.max_bytes:
                self._drop(next(iter(self._entries)))
        return image_id

    def get(self, image_id: str, owner: bytes) -> bytes:
        name = name_of(image_id, owner)
        with self._lock:
            self._expire()
            if (entry := self._entries.get(name)) is None:
                raise ImageGone
            entry.expires = self._clock() + self.seconds
            self._entries.move_to_end(name)
            return entry.data

    def delete(self, image_id: str, owner: bytes) -> None:
        self.get(image_id, owner)
        with self._lock:
            self._drop(name_of(image_id, owner))

    def _expire(self) -> None:
        """Entries stand in the order of their last use, so the first that is still good ends the search."""
        now = self._clock()
        while self._entries:
            name, entry = next(iter(self._entries.items()))
            if entry.expires > now:
                return
            self._drop(name)

    def _drop(self, name: str) -> None:
        entry = self._entries.pop(name, None)
        if entry is not None:
            self.bytes -= len(entry.data) + OVERHEAD
