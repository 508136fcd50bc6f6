"""H: overload, and clients that leave. In one process with fakes that take a known time; counts are exact, nothing is
timed.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from sam_mask_service.engines import Engines
from sam_mask_service.errors import Busy
from sam_mask_service.geometry import RGB, Box, Face
from sam_mask_service.http.errors import render
from sam_mask_service.image import encode
from sam_mask_service.segment.fake import FakeSegmenter
from sam_mask_service.service import Service

from ..support.scene import Fixed, picture, service, settings
from ..support.wire import Client

TYPE = {"Content-Type": "image/png"}
Make = Callable[..., "Crowd"]


class Crowd:
    """An application whose pictures wait for ``release``, and many clients of it."""

    def __init__(self, folder: Path, workers: int = 2, queue: int = 3, **values: Any) -> None:
        self.release = threading.Event()
        segmenter = FakeSegmenter(fault=self._hold)
        self.client = Client(service(folder, segmenter=segmenter, workers=workers, queue=queue, **values))
        self.service = self.client.service

    def _hold(self) -> None:
        self.release.wait(20)

    def ask(self, **options: Any) -> asyncio.Task[httpx.Response]:
        content = options.pop("content", picture())
        return asyncio.ensure_future(self.client.ask("POST", "/create_mask", content=content, headers=TYPE, **options))

    async def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(1000):
            if condition():
                return
            await asyncio.sleep(0.01)
        raise AssertionError("it did not come to that")

    async def fill(self) -> list[asyncio.Task[httpx.Response]]:
        """As many requests as there are places, all taken."""
        gate = self.service.gate
        asks = [self.ask() for _ in range(gate.workers + gate.queue)]
        await self.until(lambda: gate.busy == gate.workers and gate.waiting == gate.queue)
        return asks


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Crowd]:
    made = Crowd(tmp_path)
    yield made
    made.release.set()
    made.client.run(made.service.gate.idle())
    made.client.close()


def codes(answers: list[httpx.Response]) -> Counter[tuple[int, str]]:
    return Counter((a.status_code, a.json().get("code", "")) for a in answers)


def test_h01_h02_places_are_filled_and_exactly_the_rest_is_turned_away(crowd: Crowd) -> None:
    async def run() -> tuple[list[httpx.Response], list[httpx.Response], httpx.Response, httpx.Response]:
        asks = await crowd.fill()
        turned = await asyncio.gather(*(crowd.ask() for _ in range(7)))
        health, ready = await crowd.client.ask("GET", "/health"), await crowd.client.ask("GET", "/ready")
        crowd.release.set()
        return turned, await asyncio.gather(*asks), health, ready

    turned, served, health, ready = crowd.client.run(run())
    assert codes(turned) == {(503, "busy"): 7}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in turned)
    assert codes(served) == {(200, ""): 5}
    assert health.status_code == 200, "H08: health while full"
    assert (ready.status_code, ready.json()) == (503, {"ready": False, "reason": "busy"}), "H08: ready stays truthful"
    assert crowd.client.get("/ready").status_code == 200


def test_h02_turned_away_before_the_body_is_read(crowd: Crowd) -> None:
    async def run() -> tuple[int, int]:
        await crowd.fill()
        read = 0

        async def body() -> Any:
            nonlocal read
            while True:
                read += 1
                yield b"x" * 1000

        answer = await crowd.ask(content=body())
        return answer.status_code, read

    assert crowd.client.run(run()) == (503, 0)


def test_h02_a_body_that_is_slow_holds_no_place(crowd: Crowd) -> None:
    """It was let in while there was room; when its end comes there is none, and it is told so."""

    async def run() -> tuple[httpx.Response, list[httpx.Response]]:
        begun, end, data = asyncio.Event(), asyncio.Event(), picture()

        async def body() -> Any:
            yield data[:100]
            begun.set()
            await end.wait()
            yield data[100:]

        slow = crowd.ask(content=body())
        await begun.wait()
        asks = await crowd.fill()
        end.set()
        answer = await slow
        crowd.release.set()
        return answer, await asyncio.gather(*asks)

    slow, served = crowd.client.run(run())
    assert codes([slow]) == {(503, "busy"): 1}
    assert codes(served) == {(200, ""): 5}


def test_h03_ten_times_the_capacity(tmp_path: Path) -> None:
    client = Client(service(tmp_path, segmenter=FakeSegmenter(seconds=0.05), workers=2, queue=4, cache_bytes=0))

    async def run() -> list[httpx.Response]:
        asks = [client.ask("POST", "/create_mask", content=picture(), headers=TYPE) for _ in range(60)]
        return await asyncio.gather(*asks)

    answers = client.run(run())
    assert set(codes(answers)) == {(200, ""), (503, "busy")}
    assert codes(answers)[(200, "")] >= 6
    assert (client.service.gate.busy, client.service.gate.waiting) == (0, 0)
    assert client.post("/create_mask", content=picture(), headers=TYPE).status_code == 200
    client.close()


def test_h04_wait_longer_than_its_limit_ends_before_any_work(tmp_path: Path) -> None:
    crowd = Crowd(tmp_path, workers=1, queue=1, deadline_seconds=0.2)
    detector: Any = crowd.service.detector

    async def run() -> httpx.Response:
        first = crowd.ask()
        await crowd.until(lambda: bool(detector.asked))
        seen = len(detector.asked)
        waited = await crowd.ask()
        assert len(detector.asked) == seen
        crowd.release.set()
        await first
        return waited

    assert codes([crowd.client.run(run())]) == {(503, "busy"): 1}
    crowd.client.close()


def test_h05_client_that_leaves_the_queue_makes_room(crowd: Crowd) -> None:
    async def run() -> list[httpx.Response]:
        asks = await crowd.fill()
        leaving = asks.pop()
        leaving.cancel()
        await crowd.until(lambda: crowd.service.gate.waiting == 2)
        asks.append(crowd.ask())
        await crowd.until(lambda: crowd.service.gate.waiting == 3)
        crowd.release.set()
        return await asyncio.gather(*asks)

    assert codes(crowd.client.run(run())) == {(200, ""): 5}


def disconnecting(leave: asyncio.Event, body: bytes) -> tuple[Any, Any, list[dict[str, Any]]]:
    """ASGI's two ends of a client that sends ``body`` and then goes when ``leave`` is set, and what was sent to it."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await leave.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    return receive, send, sent


SCOPE = {
    "type": "http", "method": "POST", "path": "/create_mask", "raw_path": b"/create_mask", "query_string": b"",
    "headers": [(b"host", b"localhost"), (b"content-type", b"image/png")], "client": ("127.0.0.1", 1), "scheme": "http",
    "root_path": "", "http_version": "1.1",
}  # fmt: skip


def test_h06_client_that_leaves_during_the_work_frees_its_slot(tmp_path: Path) -> None:
    client = Client(service(tmp_path, segmenter=FakeSegmenter(seconds=10), workers=1, queue=0))
    gate = client.service.gate

    async def run() -> list[dict[str, Any]]:
        leave = asyncio.Event()
        receive, send, sent = disconnecting(leave, picture())
        task = asyncio.ensure_future(client.app({**SCOPE, "state": {}}, receive, send))
        while not gate.busy:
            await asyncio.sleep(0.01)
        leave.set()
        await task
        await gate.idle()
        return sent

    assert client.run(run()) == [], "nothing is sent to nobody"
    text = client.get("/metrics").text
    assert 'sam_mask_requests_total{code="499",endpoint="/create_mask"} 1.0' in text
    client.close()


def test_h07_client_that_leaves_during_the_upload(crowd: Crowd) -> None:
    async def run() -> list[int]:
        sent: list[int] = []

        async def receive() -> dict[str, Any]:
            if not sent:
                sent.append(-1)
                return {"type": "http.request", "body": b"x" * 100, "more_body": True}
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message.get("status", 0))

        await crowd.client.app({**SCOPE, "state": {}}, receive, send)  # type: ignore[arg-type]
        return sent

    assert crowd.client.run(run()) == [-1]
    assert crowd.client.app.state.routes.reserve.used == 0


class SlowDetector(Fixed):
    def detect(self, image: RGB, options: Any = None, deadline: Any = None) -> list[Face]:
        end = threading.Event()
        while True:
            deadline.check()
            end.wait(0.01)


@pytest.mark.parametrize("step", ["detector", "segmenter"])
def test_h09_deadline_in_each_step(tmp_path: Path, step: str) -> None:
    detector = SlowDetector() if step == "detector" else Fixed()
    segmenter = FakeSegmenter(seconds=10 if step == "segmenter" else 0)
    client = Client(service(tmp_path, detector=detector, segmenter=segmenter, deadline_seconds=0.1))
    answer = client.post("/create_mask", content=picture(), headers=TYPE)
    assert (answer.status_code, answer.json()["code"]) == (503, "deadline")
    client.run(client.service.gate.idle())
    assert client.service.gate.busy == 0
    client.close()


def test_h11_retry_after_is_jittered() -> None:
    busy = Busy(retry_after=5)
    waits = {int(dict(render(busy, "x").headers)["Retry-After"]) for _ in range(200)}
    assert waits <= set(range(5, 11)) and len(waits) > 3


def test_h12_bodies_are_held_within_one_bound(tmp_path: Path) -> None:
    """However many upload at once: what all bodies together may hold is one number, and the next one is told busy."""
    client = Client(service(tmp_path, max_bytes=100_000))
    reserve = client.app.state.routes.reserve
    reserve.most = 250_000

    async def run() -> list[httpx.Response]:
        gate = asyncio.Event()

        async def body() -> Any:
            yield b"x" * 90_000
            await gate.wait()

        asks = [
            asyncio.ensure_future(client.ask("POST", "/create_mask", content=body(), headers=TYPE)) for _ in range(5)
        ]
        while sum(task.done() for task in asks) < 3:
            await asyncio.sleep(0.01)
        assert reserve.used <= reserve.most
        gate.set()
        return await asyncio.gather(*asks)

    answers = client.run(run())
    assert codes(answers) == {(503, "busy"): 3, (415, "unsupported_media"): 2}
    assert reserve.used == 0
    client.close()


class Painted:
    """Finds one face whose place the picture's first pixel tells: different pictures give different masks."""

    name = "painted"

    def detect(self, image: RGB, options: Any = None, deadline: Any = None) -> list[Face]:
        x = float(image[0, 0, 0]) / 4
        return [Face(Box(x, 20, 30, 40), 0.9)]


def painted(shade: int) -> bytes:
    return encode(np.full((100, 120, 3), shade, np.uint8))


def test_h13_a_thousand_in_parallel_give_the_masks_of_the_serial_run(tmp_path: Path) -> None:
    chosen = settings(tmp_path, workers=4, queue=1000, cache_bytes=0)
    client = Client(Service(chosen, Painted(), Engines("mesh", FakeSegmenter(), None)))
    pictures = {shade: painted(shade) for shade in (10, 200)}
    serial = {
        shade: client.post("/create_mask", content=data, headers=TYPE).json()["mask_base64"]
        for shade, data in pictures.items()
    }
    assert len(set(serial.values())) == 2

    async def run() -> list[tuple[int, str]]:
        async def one(i: int) -> tuple[int, str]:
            shade = (10, 200)[i % 2]
            answer = await client.ask("POST", "/create_mask", content=pictures[shade], headers=TYPE)
            return shade, answer.json()["mask_base64"]

        return await asyncio.gather(*(one(i) for i in range(1000)))

    assert all(text == serial[shade] for shade, text in client.run(run()))
    client.close()
