"""A point in monotonic time after which work is given up; asked between the steps of a request."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .errors import ClientLeft, DeadlinePassed

Check = Callable[[], None]
"""Asked within long work; raises when nobody needs its result any more."""


def unchecked() -> None:
    """Work that nobody watches."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """``at`` is in seconds of ``time.monotonic()``, so that a jump of the wall clock changes nothing.

    ``left`` is set when the client has gone: the work then ends at its next check too.
    """

    at: float = math.inf
    left: threading.Event = field(default_factory=threading.Event, compare=False)

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Seconds left, never negative; ``inf`` without a limit."""
        return max(0.0, self.at - time.monotonic())

    def timeout(self, slack: float = 0.0) -> float:
        """Seconds that a wait may take: what is left and ``slack``, or, without a limit, as many as every clock can
        wait.
        """
        return min(self.remaining() + slack, FOREVER)

    def check(self, needed: float = 0.0) -> None:
        """Raises DeadlinePassed when fewer seconds are left than ``needed``, or none, and ClientLeft when nobody waits
        any more.
        """
        if self.left.is_set():
            raise ClientLeft
        if time.monotonic() + needed >= self.at:
            raise DeadlinePassed


FOREVER = 1e6
"""Seconds, eleven days: event loops and locks take no infinity."""
HANGING = 0.5
"""Seconds after its deadline that a step has to notice it by itself."""
NO_DEADLINE = Deadline()
"""For work that nobody gives up: its flag is everybody's. A run of the service wants one of its own."""
