"""Uploads in Redis: what stands in it, and what happens when it is not there, full, or wants another password."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sam_mask_service.errors import ImageGone, ImagesUnreachable, StorageFull
from sam_mask_service.sessions import RedisStore
from sam_mask_service.sessions.remote import PREFIX

from ..support.redis_server import PASSWORD, PROGRAM, Running, redis_server
from ..support.wire import free_port

pytestmark = pytest.mark.skipif(not PROGRAM, reason="there is no redis-server here")


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Running]:
    with redis_server(tmp_path) as running:
        yield running


def test_every_key_expires_and_none_tells_id_or_owner(redis: Running) -> None:
    store = RedisStore(redis.url, 10_000, 60)
    image_id = store.put(b"picture", b"me")
    client = store._redis
    keys: list[Any] = client.keys("*")
    assert len(keys) == 4 and all(key.startswith(PREFIX.encode()) for key in keys)
    assert all(0 < client.pttl(key) <= 120_000 for key in keys)
    assert not any(image_id.encode() in key for key in keys)
    names: list[Any] = client.hkeys(PREFIX + "sizes")
    assert image_id.encode() not in b"".join(names)


def test_what_expired_by_itself_counts_no_more(redis: Running) -> None:
    store = RedisStore(redis.url, 10_000, 0.1)
    for _ in range(5):
        store.put(bytes(1000), b"")
    time.sleep(0.2)
    RedisStore(redis.url, 10_000, 60).put(bytes(100), b"")
    assert (int(store._redis.get(PREFIX + "bytes") or 0), store._redis.hlen(PREFIX + "sizes")) == (612, 1)


def test_what_redis_threw_out_is_forgotten(redis: Running) -> None:
    store = RedisStore(redis.url, 10_000, 60)
    image_id = store.put(bytes(1000), b"")
    [key] = [key for key in store._redis.keys("*") if len(key) > 64]
    store._redis.delete(key)
    with pytest.raises(ImageGone):
        store.get(image_id, b"")
    assert int(store._redis.get(PREFIX + "bytes") or 0) == 0


def test_many_at_once_stay_within_the_bound(redis: Running) -> None:
    store = RedisStore(redis.url, 20 * 1512, 60)
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda n: store.put(bytes([n]) * 1000, b""), range(100)))
    assert len(set(ids)) == 100
    assert (store._redis.hlen(PREFIX + "sizes"), int(store._redis.get(PREFIX + "bytes") or 0)) == (20, 20 * 1512)


def test_nobody_there_and_back_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = RedisStore(f"redis://:{PASSWORD}@127.0.0.1:{free_port()}/0", 10_000, 60)
    with pytest.raises(ImagesUnreachable) as caught:
        store.put(b"x", b"")
    assert "127.0.0.1" not in caught.value.detail and PASSWORD not in caplog.text
    assert "ConnectionError" in caplog.text
    with redis_server(tmp_path) as running:
        there = RedisStore(running.url, 10_000, 60)
        there.put(b"x", b"")
        running.process.kill()
        running.process.wait()
        with pytest.raises(ImagesUnreachable):
            there.put(b"x", b"")


def test_a_wrong_password(redis: Running, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ImagesUnreachable):
        RedisStore(redis.url.replace(PASSWORD, "wrong-one"), 10_000, 60).put(b"x", b"")
    assert "Authentication" in caplog.text and "wrong-one" not in caplog.text


def test_a_full_redis(tmp_path: Path) -> None:
    with redis_server(tmp_path, "--maxmemory", "1mb", "--maxmemory-policy", "noeviction") as running:
        store = RedisStore(running.url, 10**8, 60)
        with pytest.raises(StorageFull):
            for _ in range(10):
                store.put(bytes(10**6), b"")
