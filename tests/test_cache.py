from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sam_mask_service.cache import ByteCache


def test_the_least_recently_used_goes_first() -> None:
    cache: ByteCache[str] = ByteCache(10)
    cache.put("a", "A", 4)
    cache.put("b", "B", 4)
    assert cache.get("a") == "A"
    cache.put("c", "C", 4)
    assert cache.get("b") is None
    assert (cache.get("a"), cache.get("c")) == ("A", "C")
    assert (cache.hits, cache.misses, cache.bytes, len(cache)) == (3, 1, 8, 2)
    cache.clear()
    assert (cache.bytes, len(cache)) == (0, 0)


def test_a_value_over_the_bound_is_not_kept_and_drops_nothing() -> None:
    cache: ByteCache[int] = ByteCache(10)
    cache.put("a", 1, 10)
    cache.put("b", 2, 11)
    assert (cache.get("a"), cache.get("b")) == (1, None)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 12))), st.integers(0, 20))
def test_never_over_the_bound(puts: list[tuple[int, int]], bound: int) -> None:
    cache: ByteCache[int] = ByteCache(bound)
    for key, size in puts:
        cache.put(key, size, size)
        assert cache.bytes <= bound
    kept = [cache.get(k) for k in range(6)]
    assert sum(v for v in kept if v is not None) == cache.bytes
