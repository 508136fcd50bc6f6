"""Uploads in memory: bounded, for a while, each for its owner alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam_mask_service.errors import ImageGone, NotFound, TooLarge
from sam_mask_service.sessions import ImageStore


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_is_put_is_got_by_its_owner_alone() -> None:
    store = ImageStore(10_000, 60)
    image_id = store.put(b"picture", b"me")
    assert store.get(image_id, b"me") == b"picture"
    for owner in (b"you", b"", b"m"):
        with pytest.raises(ImageGone):
            store.get(image_id, owner)
        with pytest.raises(ImageGone):
            store.delete(image_id, owner)
    assert store.get(image_id, b"me") == b"picture"


def test_ids_are_long_and_differ() -> None:
    store = ImageStore(10**6, 60)
    ids = {store.put(b"x", b"") for _ in range(100)}
    assert len(ids) == 100
    assert min(map(len, ids)) >= 22


def test_time_runs_from_the_last_use() -> None:
    clock = Clock()
    store = ImageStore(10_000, 60, clock)
    image_id = store.put(b"x", b"")
    clock.now = 59
    store.get(image_id, b"")
    clock.now = 118
    store.get(image_id, b"")
    clock.now = 178.5
    with pytest.raises(ImageGone):
        store.get(image_id, b"")
    assert (len(store), store.bytes) == (0, 0)


def test_what_was_unused_for_longest_makes_room() -> None:
    store = ImageStore(3 * (512 + 1000), 60)
    first, second, third = (store.put(bytes(1000), b"") for _ in range(3))
    store.get(first, b"")
    store.put(bytes(1000), b"")
    store.get(first, b"")
    store.get(third, b"")
    with pytest.raises(ImageGone):
        store.get(second, b"")


def test_deleted_is_gone() -> None:
    store = ImageStore(10_000, 60)
    image_id = store.put(b"x", b"")
    store.delete(image_id, b"")
    assert store.bytes == 0
    with pytest.raises(ImageGone):
        store.delete(image_id, b"")


def test_too_large_and_switched_off() -> None:
    with pytest.raises(TooLarge):
        ImageStore(1000, 60).put(bytes(1000), b"")
    with pytest.raises(NotFound):
        ImageStore(0, 60).put(b"", b"")


@given(st.lists(st.integers(0, 4000), max_size=40), st.integers(600, 9000))
def test_never_more_bytes_than_allowed(sizes: list[int], bound: int) -> None:
    store = ImageStore(bound, 60)
    for size in sizes:
        if size + 512 <= bound:
            assert store.get(store.put(bytes(size), b""), b"") == bytes(size)
        assert store.bytes <= bound
