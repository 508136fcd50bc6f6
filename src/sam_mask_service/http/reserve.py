"""Memory for bodies, shared by all requests of the process. When it is used up, who sends slowest gives way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import anyio

from ..errors import Busy

FASTER = 2.0
"""How many times as fast as another body one must come to push it out: equals do not push each other out in turn."""
FIRST = 0.05
"""Seconds that count at least as a body's time so far: its first piece says nothing of its pace."""


class BodyReserve:
    """A body is counted from its first byte until its request ends. One ``within`` another is a part of it: what some
    requests may take of what all may. Bytes."""

    def __init__(self, most: int, within: BodyReserve | None = None) -> None:
        self.most, self.within, self.used = most, within, 0
        self.arriving: set[Share] = set()

    @contextmanager
    def share(self) -> Iterator[Share]:
        share = Share(self)
        try:
            yield share
        finally:
            share.give_back()

    def levels(self) -> Iterator[BodyReserve]:
        """Itself, and those that it is a part of."""
        level: BodyReserve | None = self
        while level is not None:
            yield level
            level = level.within

    def make_room(self, share: Share, more: int) -> None:
        """``more`` bytes for ``share``, if need be of those who send much slower. Raises Busy without any."""
        while self.used + more > self.most:
            others = (each for each in self.arriving if each is not share and each.taken >= more)
            slowest = min(others, key=Share.pace, default=None)
            if slowest is None or FASTER * slowest.pace() > share.pace(more):
                raise Busy
            slowest.give_way()


class Share:
    """What one request took of the reserve. Of the event loop alone."""

    def __init__(self, reserve: BodyReserve) -> None:
        self._reserve, self.taken = reserve, 0
        self._began = monotonic()
        self._pause: anyio.CancelScope | None = None
        self._gave_way = False

    @contextmanager
    def arrives(self) -> Iterator[None]:
        """While the body is being read, it may have to give way to another."""
        self._began = monotonic()
        for level in self._reserve.levels():
            level.arriving.add(self)
        try:
            yield
        finally:
            self._leave()

    @contextmanager
    def waits(self, until: float) -> Iterator[anyio.CancelScope]:
        """For the next piece, until that time of the monotonic clock. Raises Busy when it had to give way meanwhile."""
        with anyio.move_on_after(max(0.0, until - monotonic())) as self._pause:
            yield self._pause
        if self._gave_way:
            raise Busy

    def grow_to(self, size: int) -> None:
        """Raises Busy when the reserve does not have as much."""
        more = size - self.taken
        if more > 0:
            for level in self._reserve.levels():
                level.make_room(self, more)
            self._take(more)

    def pace(self, more: int = 0) -> float:
        """Bytes a second so far, with ``more`` that have come just now."""
        return (self.taken + more) / max(FIRST, monotonic() - self._began)

    def give_way(self) -> None:
        """Ends the reading of this body, with 503 for who sends it."""
        self._gave_way = True
        self._leave()
        self.give_back()
        if self._pause is not None:
            self._pause.cancel()

    def give_back(self) -> None:
        self._take(-self.taken)

    def _take(self, more: int) -> None:
        self.taken += more
        for level in self._reserve.levels():
            level.used += more

    def _leave(self) -> None:
        for level in self._reserve.levels():
            level.arriving.discard(self)
