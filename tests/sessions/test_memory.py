"""Uploads in the process's own memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam_mask_service.errors import ImageGone
from sam_mask_service.sessions import MemoryStore


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_time_runs_from_the_last_use() -> None:
    clock = Clock()
    store = MemoryStore(10_000, 60, clock)
    image_id = store.put(b"x", b"")
    clock.now = 59
    store.get(image_id, b"")
    clock.now = 118
    store.get(image_id, b"")
    clock.now = 178.5
    with pytest.raises(ImageGone):
        store.get(image_id, b"")
    assert (len(store), store.bytes) == (0, 0)


@given(st.lists(st.integers(0, 4000), max_size=40), st.integers(600, 9000))
def test_never_more_bytes_than_allowed(sizes: list[int], bound: int) -> None:
    store = MemoryStore(bound, 60)
    for size in sizes:
        if size + 512 <= bound:
            assert store.get(store.put(bytes(size), b""), b"") == bytes(size)
        assert store.bytes <= bound
