"""N09, N11: slots, descriptors, log lines, repeated terms."""

from __future__ import annotations

import asyncio
import logging
import resource
from typing import Any

import pytest

from sam_mask_service.http import descriptors
from sam_mask_service.http.logs import Seldom
from sam_mask_service.limits import WIRE
from sam_mask_service.segment.regions import parse_regions

from ..support.scene import picture
from ..support.wire import Client

SCOPE = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
         "path": "/create_masks", "raw_path": b"/create_masks", "query_string": b"", "client": ("127.0.0.1", 1),
         "server": ("localhost", 80), "root_path": "",
         "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")]}  # fmt: skip


def test_n09_slow_bodies_do_not_close_the_door_to_others(client: Client) -> None:
    """Ten connections that had sent one byte of a body held every place for as long as they liked."""

    async def scene() -> int:
        slow = [asyncio.create_task(client.app(dict(SCOPE), dripping(), ignore)) for _ in range(10)]
        await asyncio.sleep(0.05)
        answer = await client.ask("POST", "/create_masks", files=[("image", picture())])
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        return answer.status_code

    assert client.run(scene()) == 200
    assert client.service.batches.used == 0


def dripping() -> Any:
    sent = iter([b"{"])

    async def receive() -> dict[str, Any]:
        piece = next(sent, None)
        if piece is None:
            await asyncio.sleep(3600)
        return {"type": "http.request", "body": piece, "more_body": True}

    return receive


async def ignore(_: Any) -> None:
    """An answer that nobody reads."""


@pytest.mark.parametrize(
    ("soft", "hard", "asked", "given", "said"),
    [
        (1024, 1 << 20, 1000, 1000, False),
        (1 << 20, 1 << 20, 1000, 1000, False),
        (1024, 1024, 1000, 1024 - WIRE.backlog - descriptors._OWN, True),
        (64, 64, 1000, 1, True),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, 1000, 1000, False),
    ],
)
def test_n11_connections_fit_the_descriptors(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    soft: int,
    hard: int,
    asked: int,
    given: int,
    said: bool,
) -> None:
    limits = [soft, hard]
    monkeypatch.setattr(resource, "getrlimit", lambda _: tuple(limits))
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: limits.__setitem__(slice(None), list(new)))
    log = logging.getLogger("sam_mask_service.http.descriptors")
    log.addHandler(caplog.handler)
    try:
        assert descriptors.fitting(asked) == given
    finally:
        log.removeHandler(caplog.handler)
    assert bool(caplog.records) is said


def record(message: str, created: float) -> logging.LogRecord:
    made = logging.LogRecord("asyncio", logging.ERROR, "", 0, message, (), None)
    made.created = created
    return made


def test_n11_the_same_message_is_written_now_and_then() -> None:
    """asyncio says of every connection that it has no descriptor for it: 3,846 lines a second."""
    seldom = Seldom(10.0)
    passed = [seldom.filter(record(f"socket.accept() out of system resource\nsocket {n}", n / 100)) for n in range(999)]
    assert passed.count(True) == 1
    assert seldom.filter(record("something else", 5.0))
    later = record("socket.accept() out of system resource\nsocket x", 11.0)
    assert seldom.filter(later)
    assert "998 times more" in later.getMessage()


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("eyes,-brows,eyes,-brows,eyes", [(-1, "brows"), (1, "eyes")]),
        ("face,-lips,face", [(-1, "lips"), (1, "face")]),
        ("face,-lips", [(1, "face"), (-1, "lips")]),
        (",".join(["head"] * 16), [(1, "head")]),
    ],
)
def test_n12_repeated_terms_cost_nothing(text: str, terms: list[tuple[int, str]]) -> None:
    """SAM drew each of them anew: three times as long for 64 faces."""
    assert parse_regions(text) == terms
