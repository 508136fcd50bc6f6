"""Jobs in a Redis that several replicas share: over HTTP, in process, on fakes."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sam_mask_service.jobs import STORES, Entry, Wanted, runner, taskiq_queue
from sam_mask_service.jobs.redis_store import PREFIX, QUEUE, RedisStore
from sam_mask_service.params import Source
from sam_mask_service.sessions import WITH_REDIS
from sam_mask_service.settings import SettingsError, load

from ..support.redis_server import PASSWORD, PROGRAM, Running, redis_server
from ..support.scene import picture
from ..support.wire import free_port
from ..support.world import reply
from .test_jobs import ONE, PICTURE, TEXT, Held, Make, Office, asked, code_of, make, plain

__all__ = ["make"]
with_redis = pytest.mark.skipif(not PROGRAM, reason="there is no redis-server here")


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Running]:
    with redis_server(tmp_path) as running:
        yield running


@pytest.fixture
def two(make: Make, redis: Running) -> tuple[Office, Office]:
    """Replicas; the first one takes in, the second one works."""
    return make(jobs_dir=None, jobs_url=redis.url), make(jobs_dir=None, jobs_url=redis.url)


def store_of(office: Office) -> RedisStore:
    store = office.routes.jobs.store
    assert isinstance(store, RedisStore)
    return store


@with_redis
def test_one_replica_takes_in_another_works_and_each_tells(two: tuple[Office, Office]) -> None:
    first, second = two
    images: list[Any] = [{"image_base64": TEXT, "id": "a"}, {"image_base64": "bm8gcGljdHVyZQ=="}, 5]
    url = first.post({"endpoint": "create_mask", "images": images}).headers["location"]
    assert second.client.get(url).json()["state"] == "queued"
    told = second.finish(url)
    assert (told["state"], told["pictures"]["answered"], told["pictures"]["failed"]) == ("done", 1, 2)
    assert first.client.get(url).json() == told
    assert (len(asked(first)), len(asked(second))) == (0, 1)
    direct = first.client.post("/create_masks", json={"images": images}).text.splitlines()
    expected = [plain(json.loads(line)) for line in direct]
    assert [plain(line) for line in first.lines(url)] == expected
    assert first.client.request("DELETE", url).status_code == 204
    assert code_of(second.client.get(url)) == (404, "not_found")
    assert store_of(first)._redis.keys("*") == [(PREFIX + "states").encode()], "nothing of it is left"


@with_redis
def test_pictures_of_one_job_are_worked_on_by_both(two: tuple[Office, Office]) -> None:
    first, second = two
    images = [{"image_base64": base64.b64encode(picture(200 + size)).decode()} for size in range(20)]
    url = first.post({**ONE, "images": images}).headers["location"]

    async def run() -> Any:
        async with first.working(), second.working():
            return await second.until(url)

    assert first.client.run(run())["pictures"]["answered"] == 20
    counts = len(asked(first)), len(asked(second))
    assert sum(counts) == 20 and min(counts) > 0


@with_redis
def test_a_webhook_is_sent_once_whoever_sends_it(two: tuple[Office, Office]) -> None:
    first, second = two
    for office in two:
        office.world.say(reply(b"", "204 No Content"))
    url = first.post({**ONE, "images": [{"image_path": "missing"}], "webhook": "http://hooks.example/"}).headers[
        "location"
    ]

    async def run() -> Any:
        async with first.working(), second.working():
            return await first.until(url, webhook="delivered")

    assert first.client.run(run())["state"] == "failed"
    assert len(first.world.dialled) + len(second.world.dialled) == 1


@with_redis
def test_limits_of_a_key_hold_for_all_replicas(make: Make, redis: Running) -> None:
    first, second = (make(jobs_dir=None, jobs_url=redis.url, jobs_max=1) for _ in range(2))
    url = first.post(ONE).headers["location"]
    assert code_of(second.post(ONE)) == (429, "too_many_jobs")
    second.client.request("DELETE", url)
    assert second.post(ONE).status_code == 202


@with_redis
def test_a_full_replica_leaves_the_picture_to_another(make: Make, redis: Running) -> None:
    """Both wait for a picture; the one that is asked for a mask meanwhile gives it back."""
    held = Held()
    full, free = make(held, jobs_dir=None, jobs_url=redis.url, workers=1), make(jobs_dir=None, jobs_url=redis.url)

    async def run() -> None:
        async with full.working():
            await asyncio.sleep(0.3)
            request = asyncio.ensure_future(full.client.ask("POST", "/create_mask", files={"image": PICTURE}))
            while not full.client.service.gate.busy:
                await asyncio.sleep(0.01)
            url = (await full.client.ask("POST", "/jobs", json=ONE)).headers["location"]
            async with free.working():
                assert (await free.until(url))["pictures"]["answered"] == 1
            held.release.set()
            assert (await request).status_code == 200

    full.client.run(run())
    assert (len(asked(full)), len(asked(free))) == (1, 1)


@with_redis
def test_a_message_that_is_lost_and_one_that_is_not_ours(
    two: tuple[Office, Office], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runner, "_TIDY", 0.05)
    first, second = two
    url = first.post({**ONE, "images": ONE["images"] * 3}).headers["location"]
    client = store_of(first)._redis
    client.delete(QUEUE)
    foreign = {"task_id": "x", "task_name": "another", "labels": {}, "args": ["x", 0], "kwargs": {}}
    client.rpush(QUEUE, json.dumps(foreign), b"no message")
    assert second.finish(url)["pictures"]["answered"] == 3
    said = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert sum("is not ours" in each for each in said) >= 2
    assert any("wait again" in each for each in said)


@with_redis
@pytest.mark.parametrize("kept", [True, False])
def test_long_work_is_nobody_elses_while_it_is_kept(
    two: tuple[Office, Office], kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is not heard of (it hangs) loses its picture to another; its late answer changes nothing."""
    first, second = two
    monkeypatch.setattr(runner, "_TIDY", 0.05)
    for office in two:
        store_of(office).lease = 0.4
    if not kept:
        monkeypatch.setattr(store_of(first), "renew", lambda pieces: None)
    held = Held()
    first.client.service.tools = replace(first.client.service.tools, detector=held)
    url = first.post(ONE).headers["location"]

    async def run() -> Any:
        async with first.working():
            while not first.client.service.gate.busy:
                await asyncio.sleep(0.01)
            async with second.working():
                await asyncio.sleep(1.5)
                held.release.set()
                return await second.until(url)

    told = first.client.run(run())
    assert (told["pictures"]["answered"], told["pictures"]["failed"]) == (1, 0)
    assert len(asked(second)) == (0 if kept else 1)


@with_redis
def test_silence_ends_nothing(two: tuple[Office, Office], redis: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = taskiq_queue.broker_of(redis.url)
    broker.connection_pool.connection_kwargs["socket_timeout"] = 0.05
    store = store_of(two[0])
    queue = taskiq_queue.TaskiqQueue(broker, store)

    async def run() -> Any:
        assert await queue.next() is None
        store.add(Wanted(b"me", "create_mask", {}), [Entry(Source("url", "x"))])
        piece = await queue.next()
        await queue.close()
        return piece

    piece = asyncio.run(run())
    assert (piece.index, piece.tries) == (0, 1)


@with_redis
def test_a_store_that_goes_and_comes_back(
    two: tuple[Office, Office], redis: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for meanwhile: 503. What is being worked on is neither lost nor answered wrongly."""
    monkeypatch.setattr(runner, "_TROUBLE", 0.05)
    first, _ = two
    redis.process.kill()
    redis.process.wait()
    for method, path in (("POST", "/jobs"), ("GET", "/jobs/x"), ("GET", "/jobs/x/results"), ("DELETE", "/jobs/x")):
        answer = first.client.request(method, path, **({"json": ONE} if method == "POST" else {}))
        assert code_of(answer) == (503, "jobs_unreachable") and int(answer.headers["retry-after"]) > 0
        assert "127.0.0.1" not in answer.text
    text = first.client.get("/metrics").text
    assert "sam_mask_jobs_failures_total 4.0" in text and "sam_mask_jobs{" not in text
    assert first.client.post("/create_mask", files={"image": PICTURE}).status_code == 200

    async def run() -> Any:
        async with first.working():
            await asyncio.sleep(0.3)
            with redis_server(tmp_path, port=redis.port):
                url = (await first.client.ask("POST", "/jobs", json=ONE)).headers["location"]
                return await first.until(url)

    assert first.client.run(run())["state"] == "done"


@with_redis
def test_a_full_redis_takes_no_job_and_lets_others_be_deleted(two: tuple[Office, Office]) -> None:
    first, _ = two
    client = store_of(first)._redis
    url = first.post(ONE).headers["location"]
    client.config_set("maxmemory", "1")
    assert code_of(first.post(ONE)) == (503, "storage_full")
    assert first.client.get(url).json()["state"] == "queued"
    assert first.client.request("DELETE", url).status_code == 204
    client.config_set("maxmemory", "0")
    assert first.post(ONE).status_code == 202


@with_redis
def test_a_redis_that_throws_out_is_named(tmp_path: Path, make: Make, caplog: pytest.LogCaptureFixture) -> None:
    with redis_server(tmp_path, "--maxmemory-policy", "allkeys-lru") as running:
        office = make(jobs_dir=None, jobs_url=running.url)
        office.finish(office.post(ONE).headers["location"])
    assert "allkeys-lru" in caplog.text and PASSWORD not in caplog.text


def test_every_scheme_has_its_row() -> None:
    assert set(STORES) == {"", *WITH_REDIS}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"jobs_url": "http://:secret-word@store"}, "begins with redis://"),
        ({"jobs_url": "store"}, "begins with"),
        ({"jobs_url": "redis://:secret-word@store:no"}, "SAM_JOBS_URL"),
        ({"jobs_url": "redis://:secret-word@store", "jobs_dir": "/jobs"}, "unset SAM_JOBS_DIR"),
    ],
)
def test_a_wrong_address_stops_the_start(values: Any, words: str) -> None:
    with pytest.raises(SettingsError, match="SAM_JOBS_URL: ") as caught:
        load(**values)
    assert words in str(caught.value) and "secret-word" not in str(caught.value)


@pytest.mark.parametrize("missing", ["redis", "taskiq", "taskiq_redis"])
def test_a_missing_library_stops_the_start(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else there(name))
    with pytest.raises(SettingsError, match=r"sam-mask-api\[jobs\]"):
        load(jobs_url=f"redis://127.0.0.1:{free_port()}/0")
