"""Uploads over HTTP when they are kept outside the process: shared by processes, and when the store is gone."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from sam_mask_service.errors import ImageGone
from sam_mask_service.http import gunicorn

from ..support.redis_server import PROGRAM, redis_server
from ..support.scene import picture, service
from ..support.wire import Client, Server, closing, free_port, started

PHOTO = picture()
TYPE = {"Content-Type": "image/png"}


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Client]]:
    with closing(lambda **values: Client(service(tmp_path, **values))) as build:
        yield build


def upload(server: Any, **headers: str) -> str:
    answer: httpx.Response = server.post("/images", content=PHOTO, headers={**TYPE, **headers})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["image_id"])


def mask_of(server: Any, image_id: str, **headers: str) -> int:
    status: int = server.post(f"/images/{image_id}/masks", json={}, headers=headers).status_code
    return status


def test_two_services_with_one_folder(make: Callable[..., Client], tmp_path: Path) -> None:
    one, other = (make(images_url=f"file://{tmp_path}/kept") for _ in range(2))
    image_id = upload(one)
    assert [mask_of(one, image_id), mask_of(other, image_id)] == [200, 200]
    assert other.request("DELETE", f"/images/{image_id}").status_code == 204
    assert [mask_of(one, image_id), mask_of(other, image_id)] == [404, 404]


def test_a_store_that_is_gone_is_said_counted_and_harms_nothing_else(make: Callable[..., Client]) -> None:
    client = make(images_url=f"redis://:secret-word@127.0.0.1:{free_port()}/0")
    path = f"/images/{'a' * 22}"
    asked = (
        client.post("/images", content=PHOTO, headers=TYPE),
        client.post(f"{path}/masks", json={}),
        client.request("DELETE", path),
    )
    for answer in asked:
        assert (answer.status_code, answer.json()["code"]) == (503, "images_unreachable")
        assert int(answer.headers["retry-after"]) >= 5
        assert "secret-word" not in answer.text and "127.0.0.1" not in answer.text
    assert "sam_mask_images_failures_total 3.0" in client.get("/metrics").text
    assert client.post("/create_mask", content=PHOTO, headers=TYPE).status_code == 200
    assert client.get("/ready").status_code == 200


def test_a_slow_store_holds_up_those_alone_who_ask_it(make: Callable[..., Client]) -> None:
    client = make(workers=1, queue=1)

    def slow(image_id: str, owner: bytes) -> bytes:
        time.sleep(0.5)
        raise ImageGone

    client.service.images.get = slow  # type: ignore[method-assign]

    async def all_at_once() -> list[int]:
        kept = [client.ask("POST", "/images/x/masks", json={}) for _ in range(4)]
        answers = await asyncio.gather(*kept, client.ask("GET", "/health"), client.ask("POST", "/create_mask", json={}))
        return [answer.status_code for answer in answers]

    assert client.run(all_at_once()) == [404, 404, 503, 503, 200, 422]


@pytest.mark.server
@pytest.mark.skipif(not PROGRAM, reason="there is no redis-server here")
def test_two_processes_with_one_redis(tmp_path: Path) -> None:
    keys = {"X-API-Key": "sixteen-characters"}
    for name in ("redis", "a", "b"):
        (tmp_path / name).mkdir()
    with redis_server(tmp_path / "redis") as redis:
        shared: dict[str, Any] = {"images_url": redis.url, "api_key": keys["X-API-Key"]}
        with started("serve", tmp_path / "a", **shared) as one, started("gunicorn", tmp_path / "b", **shared) as other:
            image_id = upload(one, **keys)
            assert mask_of(other, image_id, **keys) == 200
            assert mask_of(other, image_id) == 401
            redis.process.kill()
            redis.process.wait()
            assert mask_of(other, image_id, **keys) == 503


def workers_of(server: Server) -> list[psutil.Process]:
    return psutil.Process(server.process.pid).children()


@pytest.mark.server
def test_workers_share_uploads_and_keep_them_when_they_die(tmp_path: Path) -> None:
    with started("gunicorn", tmp_path, processes=2, SAM_IMAGES_BYTES=10**6) as server:
        image_id = upload(server)
        assert [mask_of(server, image_id) for _ in range(12)] == [200] * 12
        for worker in workers_of(server):
            worker.kill()
        while "a new worker starts" not in server.logged() or not asks(server):
            time.sleep(0.05)
        assert mask_of(server, image_id) == 200
        assert "2 workers share the pictures" in server.logged() and "are lost" not in server.logged()
        [folder] = [word for word in server.logged().split() if "sam-mask-images-" in word]
        assert Path(folder).is_dir()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
        assert not Path(folder).exists()


def asks(server: Server) -> bool:
    try:
        return server.get().status_code == 200
    except httpx.TransportError:
        return False


class Master:
    """What gunicorn's hooks see of it."""

    def __init__(self, workers: int) -> None:
        self.cfg = self
        self.workers, self.pid = workers, 7
        self.log = self
        self.said: list[str] = []

    def warning(self, text: str, *words: object) -> None:
        self.said.append(text % words)

    info = warning


@pytest.mark.parametrize(
    ("workers", "settings", "shared"),
    [(1, {}, False), (2, {}, True), (2, {"SAM_IMAGES_BYTES": "0"}, False), (2, {"SAM_QUEUE": "no"}, False)],
)
def test_a_folder_is_made_when_it_is_wanted(
    workers: int, settings: dict[str, str], shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SAM_IMAGES_URL", raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(gunicorn, "_folders", [])
    gunicorn.on_starting(master := Master(workers))
    url = os.environ.pop("SAM_IMAGES_URL", "")
    gunicorn.on_exit(master)
    assert (url.startswith("file://"), bool(master.said)) == (shared, shared)
    assert not Path(url.removeprefix("file://") or "none").exists()


def test_a_store_of_ones_own_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAM_IMAGES_URL", "file:///srv/kept")
    gunicorn.on_starting(master := Master(4))
    gunicorn.child_exit(master, master)
    assert os.environ["SAM_IMAGES_URL"] == "file:///srv/kept"
    assert master.said == ["Worker 7 has ended: a new worker starts"]


def test_what_goes_with_a_worker_and_what_ttin_breaks_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SAM_IMAGES_URL", raising=False)
    gunicorn.child_exit(master := Master(1), Master(1))
    gunicorn.nworkers_changed(master, 1, None)
    gunicorn.nworkers_changed(master, 2, 1)
    assert ["are lost" in said or "known to one worker alone" in said for said in master.said] == [True, True]
