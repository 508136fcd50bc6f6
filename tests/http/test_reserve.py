"""Memory for bodies: who sends slowest gives way when it is used up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sam_mask_service.errors import Busy
from sam_mask_service.http import reserve
from sam_mask_service.http.body import chunks
from sam_mask_service.http.reserve import BodyReserve
from sam_mask_service.limits import BODY

Receive = Callable[[], Awaitable[dict[str, Any]]]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(reserve, "monotonic", lambda: now[0])
    return now


def sender(size: int, then: Receive | None = None) -> Receive:
    """One piece of ``size`` bytes, then what ``then`` gives; without it that was all."""
    left = [b"x" * size]

    async def receive() -> dict[str, Any]:
        if not left and then:
            return await then()
        return {"type": "http.request", "body": left.pop(), "more_body": then is not None}

    return receive


async def never() -> dict[str, Any]:
    await asyncio.sleep(3600)
    raise AssertionError


async def read(memory: BodyReserve, receive: Receive) -> int:
    with memory.share() as share:
        return sum(map(len, await chunks(receive, BODY, 100, share)))


def test_the_slowest_gives_way_to_one_that_is_faster(clock: list[float]) -> None:
    whole = BodyReserve(20)
    part = BodyReserve(10, within=whole)

    async def scene() -> None:
        slow = asyncio.create_task(read(part, sender(6, never)))
        await asyncio.sleep(0)
        clock[0] = 1.0
        better = asyncio.create_task(read(part, sender(4, never)))
        await asyncio.sleep(0)
        clock[0] = 1.5
        assert await read(part, sender(5)) == 5
        with pytest.raises(Busy):
            await slow
        assert (part.used, whole.used) == (4, 4), "the other one reads on"
        better.cancel()
        await asyncio.gather(better, return_exceptions=True)
        assert (part.used, whole.used, part.arriving, whole.arriving) == (0, 0, set(), set())

    asyncio.run(scene())


def test_who_sends_as_fast_or_has_sent_all_is_left_alone(clock: list[float]) -> None:
    memory = BodyReserve(10)

    async def scene() -> None:
        with memory.share() as worked_on:
            await chunks(sender(4), BODY, 100, worked_on)
            clock[0] = 1.0
            other = asyncio.create_task(read(memory, sender(6, never)))
            await asyncio.sleep(0)
            with pytest.raises(Busy):
                await read(memory, sender(5))
            assert memory.used == 10
            other.cancel()
            await asyncio.gather(other, return_exceptions=True)

    asyncio.run(scene())


def test_a_body_outside_a_part_pushes_out_those_within() -> None:
    whole = BodyReserve(10)
    part = BodyReserve(10, within=whole)

    async def scene() -> None:
        slow = asyncio.create_task(read(part, sender(10, never)))
        await asyncio.sleep(3 * reserve.FIRST)
        assert await read(whole, sender(8)) == 8
        with pytest.raises(Busy):
            await slow

    asyncio.run(scene())
