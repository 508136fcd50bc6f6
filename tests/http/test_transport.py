"""Who takes his answers fast enough, told by a clock that the test turns."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable

import pytest

from sam_mask_service.http.transport import WRITE_RATE, CountingTransport, _in_the_kernel

PATIENCE = 10.0
MB = 1 << 20


class Pipe:
    """A transport whose client takes as much as the test says."""

    name = "pipe"

    def __init__(self) -> None:
        self.waiting = 0

    def write(self, data: bytes) -> None:
        self.waiting += len(data)

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def get_extra_info(self, _: str) -> None:
        return None


def dropped_at(steps: Iterable[tuple[int, int]]) -> int | None:
    """Second in which a client is dropped who in each second is sent and takes so many bytes."""
    pipe = Pipe()
    counting = CountingTransport(pipe)  # type: ignore[arg-type]
    for second, (sent, taken) in enumerate(steps):
        counting.write(b"x" * sent)
        pipe.waiting = max(0, pipe.waiting - taken)
        if counting.overdue(float(second), PATIENCE):
            return second
    return None


STEADY = [(MB if i % 20 == 0 else 0, 2 * WRITE_RATE) for i in range(400)]
"""A line of 1 MiB every 20 s to one who takes 64 KiB/s: a long answer, never all taken, and never dropped."""


@pytest.mark.parametrize(
    ("steps", "second"),
    [
        ([(MB, 0)] + [(0, 0)] * 60, 11),
        ([(MB, 0)] + [(0, 1)] * 60, 11),
        ([(MB // 4, 0)] + [(0, WRITE_RATE // 2)] * 200, None),
        ([(4 * MB, 0)] + [(0, WRITE_RATE // 2)] * 200, 21),
        (STEADY, None),
        ([(100, 100)] * 1000, None),
        ([(MB, 0), *[(0, 0)] * 5, (0, MB), *[(0, 0)] * 100], None),
        ([(0, 0)] * 100, None),
    ],
    ids=[
        "nothing",
        "a byte a second",
        "little, soon done",
        "half the rate",
        "steady",
        "at once",
        "late",
        "nothing to take",
    ],
)
def test_dropped_at(steps: list[tuple[int, int]], second: int | None) -> None:
    assert dropped_at(steps) == second


def test_reading_to_the_end_of_each_line_and_then_stalling_earns_no_new_patience() -> None:
    """Many lines, each taken after nine seconds: ten of patience are for all of them together."""
    line = [(1000, 0), *[(0, 0)] * 8, (0, 1000)]
    assert (dropped_at(line * 10) or 999) < 20


def test_what_the_kernel_holds_was_not_taken() -> None:
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                here.send(b"x" * 4096)
        held = _in_the_kernel(here)
        assert held > 4096
        while _in_the_kernel(here):
            there.recv(1 << 20)
    assert _in_the_kernel(here) == 0, "a closed one cannot be asked"


def test_everything_else_is_passed_on() -> None:
    assert CountingTransport(Pipe()).name == "pipe"  # type: ignore[arg-type]
