"""A point in time: what is left of it, what a wait may take, and who is told."""

from __future__ import annotations

import math
import time

import pytest

from sam_mask_service.deadline import FOREVER, NO_DEADLINE, Deadline
from sam_mask_service.errors import ClientLeft, DeadlinePassed


def test_what_is_left() -> None:
    limit = Deadline.after(100)
    assert 99 < limit.remaining() <= 100
    assert 99.5 < limit.timeout(0.5) <= 100.5
    assert NO_DEADLINE.remaining() == math.inf


def test_a_wait_is_never_endless() -> None:
    """Event loops take no infinity."""
    assert NO_DEADLINE.timeout() == NO_DEADLINE.timeout(5) == FOREVER
    assert Deadline(time.monotonic() - 9).timeout() == 0
    assert Deadline(time.monotonic() - 9).timeout(0.5) == 0.5


def test_the_end() -> None:
    NO_DEADLINE.check()
    with pytest.raises(DeadlinePassed):
        Deadline(time.monotonic() - 1).check()
    left = Deadline.after(100)
    left.left.set()
    with pytest.raises(ClientLeft):
        left.check()
