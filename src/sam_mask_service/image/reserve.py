"""Memory that decoding may take: pictures that would take more together wait for one another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_ASK = 0.1
"""Seconds between two questions whether waiting still makes sense."""


class PictureReserve:
    """``most`` bytes for all holders together. One that asks for more than all of it gets it alone. Thread-safe."""

    def __init__(self, most: int) -> None:
        self._most, self._taken = most, 0
        self._freed = threading.Condition()

    @contextmanager
    def hold(self, size: int, check: Callable[[], None]) -> Iterator[None]:
        """``size`` bytes for as long as the block runs. ``check`` is called while it waits, and may raise to end
        that.
        """
        with self._freed:
            while self._taken and self._taken + size > self._most:
                check()
                self._freed.wait(_ASK)
            self._taken += size
        try:
            yield
        finally:
            with self._freed:
                self._taken -= size
                self._freed.notify_all()
