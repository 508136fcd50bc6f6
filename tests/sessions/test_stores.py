"""What every store of uploads promises: bounded, for a while, each picture for its owner alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sam_mask_service.errors import ImageGone, NotFound, TooLarge
from sam_mask_service.sessions import FolderStore, ImageStore, MemoryStore, RedisStore, open_store

from ..support.redis_server import Running

ROOM = 512 + 1000
"""What a picture of 1000 bytes counts for."""
Build = Callable[[int, float], ImageStore]


@pytest.fixture(params=["memory", "folder", "redis"])
def build(request: pytest.FixtureRequest, redis: Running | None, tmp_path: Path) -> Build:
    """Opens the store: each call the same one where it is outside the process."""
    if request.param == "memory":
        return MemoryStore
    if request.param == "folder":
        return lambda most, seconds: FolderStore(tmp_path / "kept", most, seconds)
    if redis is None:
        pytest.skip("there is no redis-server here")
    RedisStore(redis.url, 1, 1)._redis.flushall()
    return lambda most, seconds: RedisStore(redis.url, most, seconds)


def gone(store: ImageStore, image_id: str, owner: bytes = b"") -> bool:
    try:
        store.get(image_id, owner)
    except ImageGone:
        return True
    return False


def test_what_is_put_is_got_by_its_owner_alone(build: Build) -> None:
    store = build(10_000, 60)
    image_id = store.put(b"\x00picture\r\n\xff", b"me")
    assert store.get(image_id, b"me") == b"\x00picture\r\n\xff"
    for owner in (b"you", b"", b"m"):
        assert gone(store, image_id, owner)
        with pytest.raises(ImageGone):
            store.delete(image_id, owner)
    assert store.get(image_id, b"me") == b"\x00picture\r\n\xff"


@pytest.mark.parametrize("image_id", ["", "x", "../../etc/passwd", ".lock", "\x00", "\ud800", "é" * 64, "a b*?[c"])
def test_what_is_no_id_is_gone(build: Build, image_id: str) -> None:
    store = build(10_000, 60)
    store.put(b"x", b"")
    assert gone(store, image_id)
    with pytest.raises(ImageGone):
        store.delete(image_id, b"")


def test_ids_are_long_and_differ(build: Build) -> None:
    store = build(10**6, 60)
    ids = {store.put(b"x", b"") for _ in range(100)}
    assert len(ids) == 100
    assert min(map(len, ids)) >= 22


def test_what_was_unused_for_longest_makes_room(build: Build) -> None:
    store = build(3 * ROOM, 60)
    first, second, third = (put_later(store) for _ in range(3))
    tick()
    store.get(first, b"")
    fourth = put_later(store)
    assert [gone(store, each) for each in (first, second, third, fourth)] == [False, True, False, False]
    large = store.put(bytes(3 * ROOM - 512), b"")
    assert [gone(store, each) for each in (first, third, fourth, large)] == [True, True, True, False]


def put_later(store: ImageStore) -> str:
    tick()
    return store.put(bytes(1000), b"")


def tick() -> None:
    """Stores count in milliseconds."""
    time.sleep(0.005)


def test_deleted_is_gone_and_its_room_free(build: Build) -> None:
    store = build(2 * ROOM, 60)
    kept, deleted = put_later(store), put_later(store)
    store.delete(deleted, b"")
    assert gone(store, deleted)
    with pytest.raises(ImageGone):
        store.delete(deleted, b"")
    put_later(store)
    assert not gone(store, kept)


def test_time_runs_out_and_frees_its_room(build: Build) -> None:
    store = build(2 * ROOM, 0.2)
    image_id = put_later(store)
    time.sleep(0.3)
    assert gone(store, image_id)
    with pytest.raises(ImageGone):
        store.delete(image_id, b"")
    first, second = put_later(store), put_later(store)
    assert store.get(first, b"") == store.get(second, b"") == bytes(1000)


def test_use_prolongs_the_time(build: Build) -> None:
    store = build(10_000, 2)
    image_id = store.put(b"x", b"")
    for _ in range(5):
        time.sleep(0.5)
        assert not gone(store, image_id)


def test_too_large_and_switched_off(build: Build) -> None:
    with pytest.raises(TooLarge):
        build(1000, 60).put(bytes(1000), b"")
    with pytest.raises(NotFound):
        build(0, 60).put(b"", b"")


def test_processes_share_what_is_outside_of_them(build: Build) -> None:
    one, other = build(10_000, 60), build(10_000, 60)
    if isinstance(one, MemoryStore):
        assert gone(other, one.put(b"x", b"me"), b"me")
        return
    image_id = one.put(b"x", b"me")
    assert other.get(image_id, b"me") == b"x" and gone(other, image_id, b"you")
    other.delete(image_id, b"me")
    assert gone(one, image_id, b"me")


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("", MemoryStore),
        ("file:///var/a%20b", FolderStore),
        ("redis://:pw@h:1/2", RedisStore),
        ("unix:///s", RedisStore),
    ],
)
def test_an_address_opens_its_kind_without_dialling(url: str, kind: type) -> None:
    store = open_store(url, 1000, 60)
    assert isinstance(store, kind) and store.seconds == 60
    assert not isinstance(store, FolderStore) or store.folder == Path("/var/a b")
