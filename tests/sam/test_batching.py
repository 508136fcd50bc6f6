"""Batches: who is alone waits for nobody, who waits goes together, answers and faults stay with whom they belong to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam_mask_service.deadline import Deadline
from sam_mask_service.errors import ClientLeft, DeadlinePassed, DeviceFull, DeviceLost
from sam_mask_service.sam.batching import Batcher, _Job, power_of_two


class Device:
    """Doubles numbers, those of a batch at once; its first batch waits until ``go``. ``fits``: so many at once."""

    def __init__(self, fits: int = 64, poison: int | None = None, error: Callable[[], Exception] = DeviceLost) -> None:
        self.fits, self.poison, self.error = fits, poison, error
        self.batches: list[list[int]] = []
        self.began, self.go = threading.Event(), threading.Event()

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        self.began.set()
        assert self.go.wait(20)
        if len(items) > self.fits:
            raise DeviceFull
        if self.poison in items:
            raise self.error()
        return [2 * item for item in items]


def crowd(
    device: Device, batcher: Batcher[int, int], items: Sequence[int], deadline: Deadline | None = None
) -> list[Future[int]]:
    """The first item is at work when the others come."""
    pool = ThreadPoolExecutor(len(items))
    first = pool.submit(batcher, items[0])
    assert device.began.wait(20)
    rest = [pool.submit(batcher, item, *([deadline] if deadline else [])) for item in items[1:]]
    end = time.monotonic() + 20
    while len(batcher._waiting) < len(rest) and time.monotonic() < end:
        time.sleep(0.001)
    pool.shutdown(wait=False)
    return [first, *rest]


def test_who_is_alone_waits_for_nobody() -> None:
    device = Device()
    device.go.set()
    batcher = Batcher(device, 8, window=1e6)
    assert [batcher(item) for item in range(5)] == [0, 2, 4, 6, 8]
    assert device.batches == [[0], [1], [2], [3], [4]] and batcher.sizes == {1: 5}


def test_who_waits_goes_together_in_turn_and_gets_the_own_answer() -> None:
    device = Device()
    batcher = Batcher(device, 4, window=0)
    futures = crowd(device, batcher, range(10))
    device.go.set()
    assert [future.result(20) for future in futures] == [2 * item for item in range(10)]
    assert [len(batch) for batch in device.batches] == [1, 4, 4, 1]
    assert batcher.sizes == {1: 2, 4: 2}


def test_a_batch_waits_a_moment_for_as_many_as_the_last_one_had() -> None:
    device = Device()
    batcher = Batcher(device, 4, window=20)
    futures = crowd(device, batcher, range(5))
    device.go.set()
    assert [future.result(20) for future in futures] == [0, 2, 4, 6, 8]
    with ThreadPoolExecutor(4) as pool:  # the first comes alone, and is not sent off alone
        late = [pool.submit(batcher, item) for item in range(4)]
        assert [future.result(20) for future in late] == [0, 2, 4, 6]
    assert sorted(device.batches[-1]) == [0, 1, 2, 3]


def test_too_large_a_batch_is_halved_and_stays_so() -> None:
    device = Device(fits=2)
    batcher = Batcher(device, 8, window=0)
    futures = crowd(device, batcher, range(9))
    device.go.set()
    assert [future.result(20) for future in futures] == [2 * item for item in range(9)]
    assert [len(batch) for batch in device.batches] == [1, 8, 4, 2, 2, 4, 2, 2]
    assert batcher.largest == 2 and batcher.sizes == {1: 1, 2: 4}


def test_no_room_for_one_alone_is_an_error_of_that_one() -> None:
    device = Device(fits=0)
    device.go.set()
    with pytest.raises(DeviceFull) as caught:
        Batcher(device, 8)(1)
    assert caught.value.status == 503 and caught.value.retry_after == 1


def test_one_requests_fault_is_never_anothers() -> None:
    device = Device(poison=3, error=lambda: ValueError("a bad picture"))
    batcher = Batcher(device, 8, window=0)
    futures = crowd(device, batcher, range(5))
    device.go.set()
    errors = [future.exception(20) for future in futures]
    assert [type(error) for error in errors] == [type(None), type(None), type(None), ValueError, type(None)]
    assert [futures[i].result() for i in (0, 1, 2, 4)] == [0, 2, 4, 8]


def test_a_lost_card_is_everybodys_and_is_not_asked_again_and_again() -> None:
    device = Device(poison=2)
    batcher = Batcher(device, 8, window=0)
    futures = crowd(device, batcher, range(5))
    device.go.set()
    assert futures[0].result(20) == 0
    assert all(isinstance(future.exception(20), DeviceLost) for future in futures[1:])
    assert len(device.batches) == 2


def test_a_deadline_ends_the_wait_and_only_the_wait() -> None:
    device = Device()
    batcher = Batcher(device, 8, window=0)
    late, *waiting = crowd(device, batcher, range(3), Deadline.after(0.3))
    assert all(isinstance(future.exception(20), DeadlinePassed) for future in waiting)
    device.go.set()
    assert late.result(20) == 0 and device.batches == [[0]]


def test_who_has_left_is_not_computed_for() -> None:
    device = Device()
    batcher = Batcher(device, 8, window=0)
    gone = Deadline.after(60)
    first, second = crowd(device, batcher, range(2), gone)
    gone.left.set()
    device.go.set()
    assert first.result(20) == 0 and isinstance(second.exception(20), ClientLeft)
    assert device.batches == [[0]]
    with pytest.raises(ClientLeft):
        batcher(7, gone)


def test_a_leader_leaves_out_who_has_left_and_not_yet_woken() -> None:
    batcher: Batcher[int, int] = Batcher(list, 8, window=0)
    gone, late = Deadline.after(60), Deadline.after(-1)
    gone.left.set()
    jobs: list[_Job[int, int]] = [_Job(1, gone), _Job(2, Deadline.after(60)), _Job(3, late)]
    batcher._waiting = list(jobs)
    with batcher._changed:
        assert batcher._gathered() == [jobs[1]]
    assert [type(job.error) for job in jobs] == [ClientLeft, type(None), DeadlinePassed]


def test_a_leader_that_is_broken_off_leaves_nobody_waiting() -> None:
    device = Device(poison=1, error=KeyboardInterrupt)  # type: ignore[arg-type]
    batcher = Batcher(device, 8, window=0)
    futures = crowd(device, batcher, range(3))
    device.go.set()
    assert futures[0].result(20) == 0
    assert all(isinstance(future.exception(20), KeyboardInterrupt) for future in futures[1:])
    assert batcher(5) == 10


@given(st.integers(1, 10_000))
def test_power_of_two(count: int) -> None:
    found = power_of_two(count)
    assert found <= count < 2 * found and found & (found - 1) == 0


def test_many_threads_never_mix() -> None:
    batcher: Batcher[int, int] = Batcher(lambda items: [item * item for item in items], 8)
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(batcher, range(500))) == [i * i for i in range(500)]
    assert sum(size * count for size, count in batcher.sizes.items()) == 500
