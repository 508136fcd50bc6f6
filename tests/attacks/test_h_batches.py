"""H: requests with many pictures beside requests with one. In one process, with fakes that wait for a word; nothing is
timed.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sam_mask_service.errors import Busy
from sam_mask_service.http.batch import batch_limits
from sam_mask_service.http.request import limits_of
from sam_mask_service.http.reserve import BodyReserve

from ..support.scene import picture
from .test_h_overload import SCOPE, TYPE, Crowd, disconnecting

MANY = {"images": [{"image_path": "a.png"}] * 40}


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Crowd]:
    made = Crowd(tmp_path, workers=2, queue=6)
    (tmp_path / "images" / "a.png").write_bytes(picture())
    yield made
    made.release.set()
    made.client.run(made.service.gate.idle())
    made.client.close()


def ask_many(crowd: Crowd, **body: Any) -> asyncio.Task[httpx.Response]:
    return asyncio.ensure_future(crowd.client.ask("POST", "/create_masks", json={**MANY, **body}))


async def turns(count: int = 20) -> None:
    """Time for everybody who waits for room to ask again."""
    for _ in range(count):
        await asyncio.sleep(0.01)


def test_batches_leave_places_to_single_requests(crowd: Crowd) -> None:
    """Five batches of forty could fill every place for as long as they last; single requests would be told busy all the
    time.
    """
    gate = crowd.service.gate

    async def run() -> tuple[int, httpx.Response]:
        batches = [ask_many(crowd) for _ in range(5)]
        await crowd.until(lambda: gate.busy == 2)
        await turns()
        taken = gate.busy + gate.waiting
        single = crowd.ask()
        await crowd.until(lambda: gate.busy + gate.waiting == taken + 1)
        crowd.release.set()
        for answer in await asyncio.gather(*batches):
            assert [json.loads(line)["success"] for line in answer.text.splitlines()] == [True] * 40
        return taken, await single

    taken, single = crowd.client.run(run())
    assert taken == 6, "of eight places"
    assert single.status_code == 200


def test_batches_are_counted_and_one_too_many_is_turned_away_before_its_body(crowd: Crowd) -> None:
    places = crowd.service.gate.workers + crowd.service.gate.queue

    async def run() -> httpx.Response:
        batches = [ask_many(crowd) for _ in range(places)]
        await turns()
        more = await ask_many(crowd)
        crowd.release.set()
        await asyncio.gather(*batches)
        return more

    more = crowd.client.run(run())
    assert (more.status_code, more.json()["code"]) == (503, "busy")
    assert crowd.client.app.state.routes.reserve.used == 0


def test_a_url_is_fetched_once_however_long_its_picture_waits(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was fetched anew at every try: a busy service would have turned one request into a flood at somebody
    else's.
    """
    fetched: list[str] = []

    async def fetch(url: str) -> bytes:
        fetched.append(url)
        while not crowd.service.gate.full:
            await asyncio.sleep(0.005)  # others take all the places meanwhile
        return picture()

    monkeypatch.setattr(crowd.service.reader._fetcher, "fetch", fetch)

    async def run() -> httpx.Response:
        batch = ask_many(crowd, images=[{"image_url": "http://pictures.example/a.png"}])
        await turns(3)
        singles = await crowd.fill()
        await turns()
        crowd.release.set()
        await asyncio.gather(*singles)
        return await batch

    answer = crowd.client.run(run())
    assert json.loads(answer.text)["success"] is True
    assert fetched == ["http://pictures.example/a.png"]


def test_a_client_that_leaves_in_the_middle_frees_everything(crowd: Crowd) -> None:
    service = crowd.service

    async def run() -> list[dict[str, Any]]:
        leave = asyncio.Event()
        receive, send, sent = disconnecting(leave, json.dumps(MANY).encode())
        headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
        scope = {**SCOPE, "path": "/create_masks", "raw_path": b"/create_masks", "headers": headers, "state": {}}
        task = asyncio.ensure_future(crowd.client.app(scope, receive, send))
        await crowd.until(lambda: service.gate.busy == 2)
        leave.set()
        await task
        crowd.release.set()
        await service.gate.idle()
        return sent

    assert not any(message.get("body") for message in crowd.client.run(run())), "no line was done"
    assert crowd.client.app.state.routes.reserve.used == 0
    answers = [crowd.client.post("/create_mask", content=picture(), headers=TYPE).status_code for _ in range(9)]
    assert set(answers) == {200}


def test_each_picture_has_its_own_deadline(tmp_path: Path) -> None:
    """The first hangs in a step and is given up; the second waited for its place and is told so; the answer ends."""
    crowd = Crowd(tmp_path, workers=1, queue=1, deadline_seconds=0.3)
    (tmp_path / "images" / "a.png").write_bytes(picture())

    async def run() -> list[dict[str, Any]]:
        answer = await ask_many(crowd, images=[{"image_path": "a.png"}] * 2)
        crowd.release.set()
        return [json.loads(line) for line in answer.text.splitlines()]

    assert [row["code"] for row in crowd.client.run(run())] == ["deadline", "busy"]
    crowd.client.run(crowd.service.gate.idle())
    assert crowd.client.post("/create_masks", json={"images": [{"image_path": "a.png"}]}).json()["success"] is True
    crowd.client.close()


def test_a_part_of_the_memory_is_a_part() -> None:
    whole = BodyReserve(10)
    part = BodyReserve(5, within=whole)
    with part.share() as one, whole.share() as other:
        one.grow_to(4)
        other.grow_to(6)
        assert (part.used, whole.used) == (4, 10)
        for share, size in ((one, 5), (one, 6), (other, 7)):
            with pytest.raises(Busy):
                share.grow_to(size)
        assert (part.used, whole.used) == (4, 10)
    assert (part.used, whole.used) == (0, 0)


@pytest.mark.parametrize("most", [1024, 20 << 20, 1 << 31])
def test_a_batch_that_the_memory_can_never_hold_is_told_so(most: int) -> None:
    limits = batch_limits(limits_of(most, 1))
    whole: Callable[[str], int] = limits.whole
    assert whole("json") <= limits.in_flight // 2


@pytest.mark.parametrize("name", ["\ud800", "x" * 201, 2**63, 1.5, True, [1], {"a": 1}], ids=repr)
def test_an_id_that_could_not_be_given_back_is_its_own_line(crowd: Crowd, name: Any) -> None:
    """Half of a surrogate pair broke the whole answer off."""
    crowd.release.set()
    images = [
        {"image_path": "a.png", "id": "first"},
        {"image_path": "a.png", "id": name},
        {"image_path": "a.png", "id": -7},
    ]
    sent = json.dumps({"images": images}).encode()
    answer = crowd.client.post("/create_masks", content=sent, headers={"Content-Type": "application/json"})
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert [(row["success"], row.get("id")) for row in rows] == [(True, "first"), (False, None), (True, -7)]
    assert rows[1]["code"] == "invalid_parameter"


class OneByOne(Crowd):
    """Each ``go.release()`` lets one piece of work go on, in the order in which they came."""

    def __init__(self, folder: Path) -> None:
        self.go, self.held = threading.Semaphore(0), 0
        super().__init__(folder, workers=2, queue=6, cache_bytes=0)

    def _hold(self) -> None:
        self.held += 1
        self.go.acquire(timeout=20)


def test_n12_a_single_request_waits_for_one_picture_of_a_batch_not_for_all(tmp_path: Path) -> None:
    """One request with many pictures held both slots for 100 × 60 s."""
    crowd = OneByOne(tmp_path)
    (tmp_path / "images" / "a.png").write_bytes(picture())

    async def run() -> tuple[int, httpx.Response]:
        batch, gate = ask_many(crowd), crowd.service.gate
        await crowd.until(lambda: crowd.held == 2)
        single = crowd.ask()
        await crowd.until(lambda: gate.waiting == 1)
        while not single.done():
            seen = crowd.held
            crowd.go.release()
            await crowd.until(lambda seen=seen: crowd.held > seen or single.done())  # type: ignore[misc]
        held = crowd.held
        crowd.go.release(100)
        await batch
        return held, await single

    held, answer = crowd.client.run(run())
    crowd.client.close()
    assert answer.status_code == 200
    assert held <= 6, "of 41"
