"""Pictures kept in memory between requests: bounded in bytes, for a limited time, each for its owner alone. Never on
disk.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from .errors import ImageGone, NotFound, TooLarge

_OVERHEAD = 512
"""Bytes counted for an entry besides its picture, so that many tiny ones are bounded too."""


@dataclass(slots=True)
class _Entry:
    data: bytes
    owner: bytes
    expires: float


class ImageStore:
    """Thread-safe. ``seconds`` count from the last use. When the bytes run out, what was unused for longest goes first.

    An id is 128 random bits: it cannot be guessed, and whoever has it still needs the owner's key.
    """

    def __init__(self, max_bytes: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.max_bytes, self.seconds, self.bytes = max_bytes, seconds, 0
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, data: bytes, owner: bytes) -> str:
        """A new id. Raises NotFound when uploads are off, TooLarge for a picture that the whole store could not
        hold.
        """
        if self.max_bytes <= 0:
            raise NotFound("Uploads are switched off on this service.")
        if len(data) + _OVERHEAD > self.max_bytes:
            raise TooLarge
        image_id = secrets.token_urlsafe(16)
        with self._lock:
            self._expire()
            self._entries[image_id] = _Entry(data, owner, self._clock() + self.seconds)
            self.bytes += len(data) + _OVERHEAD
            while self.bytes > self.max_bytes:
                self._drop(next(iter(self._entries)))
        return image_id

    def get(self, image_id: str, owner: bytes) -> bytes:
        """The picture, whose time begins anew. Raises ImageGone: unknown, expired, deleted and somebody else's look the
        same.
        """
        with self._lock:
            self._expire()
            entry = self._entries.get(image_id)
            if entry is None or not hmac.compare_digest(entry.owner, owner):
                raise ImageGone
            entry.expires = self._clock() + self.seconds
            self._entries.move_to_end(image_id)
            return entry.data

    def delete(self, image_id: str, owner: bytes) -> None:
        """Raises ImageGone as ``get`` does."""
        self.get(image_id, owner)
        with self._lock:
            self._drop(image_id)

    def _expire(self) -> None:
        """Entries stand in the order of their last use, so the first that is still good ends the search."""
        now = self._clock()
        while self._entries:
            image_id, entry = next(iter(self._entries.items()))
            if entry.expires > now:
                return
            self._drop(image_id)

    def _drop(self, image_id: str) -> None:
        entry = self._entries.pop(image_id, None)
        if entry is not None:
            self.bytes -= len(entry.data) + _OVERHEAD
