"""Admission: exact counts, no leaked slot."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from sam_mask_service.deadline import NO_DEADLINE, Deadline
from sam_mask_service.errors import Busy, ClientLeft, DeadlinePassed, Draining
from sam_mask_service.gate import Gate, Slots


def test_of_eight_with_two_at_work_and_three_waiting_exactly_three_are_turned_away() -> None:
    async def scene() -> list[object]:
        gate, go = Gate(2, 3), threading.Event()
        tasks = [asyncio.create_task(gate.run(lambda: go.wait(10), NO_DEADLINE)) for _ in range(8)]
        await asyncio.sleep(0.05)
        assert (gate.busy, gate.waiting, gate.full) == (2, 3, True)
        go.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await gate.idle()
        assert (gate.busy, gate.waiting) == (0, 0)
        gate.close()
        return list(results)

    results = asyncio.run(scene())
    assert sum(isinstance(r, Busy) for r in results) == 3
    assert results.count(True) == 5


def test_a_gate_that_drains_ends_what_it_let_in_and_lets_no_more_in() -> None:
    async def scene() -> None:
        gate, go = Gate(1, 1), threading.Event()
        accepted = asyncio.create_task(gate.run(lambda: go.wait(10), NO_DEADLINE))
        await asyncio.sleep(0.02)
        gate.check()
        gate.draining = True
        with pytest.raises(Draining):
            gate.check()
        with pytest.raises(Draining):
            await gate.run(lambda: None, NO_DEADLINE)
        go.set()
        assert await accepted
        await gate.idle()
        gate.close()

    asyncio.run(scene())


def test_a_failing_job_gives_its_slot_back() -> None:
    def fail() -> None:
        raise ValueError("boom")

    async def scene() -> None:
        gate = Gate(1, 0)
        for _ in range(3):
            with pytest.raises(ValueError, match="boom"):
                await gate.run(fail, NO_DEADLINE)
            await gate.idle()
        gate.close()

    asyncio.run(scene())


def test_waiting_longer_than_the_deadline_is_busy_and_starts_no_work() -> None:
    async def scene() -> None:
        gate, go, ran = Gate(1, 4), threading.Event(), list[int]()
        first = asyncio.create_task(gate.run(lambda: go.wait(10), NO_DEADLINE))
        await asyncio.sleep(0.02)
        with pytest.raises(Busy):
            await gate.run(lambda: ran.append(1), Deadline.after(0.05))
        assert gate.waiting == 0
        go.set()
        assert await first
        await gate.idle()
        assert not ran
        gate.close()

    asyncio.run(scene())


def test_a_client_that_leaves_the_queue_frees_its_place() -> None:
    async def scene() -> None:
        gate, go = Gate(1, 1), threading.Event()
        first = asyncio.create_task(gate.run(lambda: go.wait(10), NO_DEADLINE))
        await asyncio.sleep(0.02)
        second = asyncio.create_task(gate.run(lambda: None, NO_DEADLINE))
        await asyncio.sleep(0.02)
        assert gate.full
        second.cancel()
        await asyncio.sleep(0.02)
        assert not gate.full
        go.set()
        await first
        await gate.idle()
        gate.close()

    asyncio.run(scene())


def test_a_slot_is_free_only_when_the_thread_has_ended() -> None:
    async def scene() -> None:
        gate, deadline, ended = Gate(1, 0), Deadline(), threading.Event()

        def work() -> None:
            try:
                while True:
                    deadline.check()
                    time.sleep(0.002)
            finally:
                ended.set()

        task = asyncio.create_task(gate.run(work, deadline))
        await asyncio.sleep(0.03)
        task.cancel()
        await asyncio.sleep(0.03)
        assert gate.busy == 1
        deadline.left.set()
        await gate.idle()
        assert ended.is_set()
        gate.close()

    asyncio.run(scene())


def test_slots_count() -> None:
    async def scene() -> None:
        slots = Slots(1)
        with slots.hold(), pytest.raises(Busy), slots.hold():
            pass
        with slots.hold():
            assert slots.used == 1
        assert slots.used == 0

    asyncio.run(scene())


def test_deadline() -> None:
    assert NO_DEADLINE.remaining() == float("inf")
    NO_DEADLINE.check()
    late = Deadline.after(-1)
    assert late.remaining() == 0
    with pytest.raises(DeadlinePassed):
        late.check()
    gone = Deadline()
    gone.left.set()
    with pytest.raises(ClientLeft):
        gone.check()
