"""Whether a thread that is long at one step still computes, or waits for something that never comes."""

from __future__ import annotations

import threading
import time

_WORKS = 0.05
"""Share of the time that a thread computes which is no longer waiting."""
_AT_MOST = 10
"""So many times the limit is too long for any work, whatever it computes."""


class Pulse:
    """One piece of work in one thread. ``begin`` is called in that thread, ``still`` by whoever watches."""

    def __init__(self) -> None:
        self._began = self._seen_at = time.monotonic()
        self._clock: int | None = None
        self._computed = 0.0

    def begin(self) -> None:
        ask = getattr(
            time, "pthread_getcpuclockid", None
        )  # where it is not offered, all that is long counts as hanging
        self._clock = ask(threading.get_ident()) if ask else None
        self._computed = self._cpu()

    def still(self, seconds: float) -> bool:
        """Has it hung for ``seconds``: begun before, and hardly computed since it was last seen to compute?"""
        now = time.monotonic()
        if now - self._began <= seconds:
            return False
        computed = self._cpu()
        if computed - self._computed >= _WORKS * seconds:
            self._seen_at, self._computed = now, computed
        return now - max(self._began, self._seen_at) > seconds or now - self._began > _AT_MOST * seconds

    def _cpu(self) -> float:
        """Seconds that the thread has computed."""
        return 0.0 if self._clock is None else time.clock_gettime(self._clock)
