"""Pictures kept between requests: bounded in bytes, for a limited time, each for its owner alone.

Where they are kept is a row of ``STORES``: in this process, in a folder that the processes of one machine share, or in
a Redis that any number of machines share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from .folder import FolderStore
from .memory import MemoryStore
from .remote import RedisStore
from .store import ImageStore

STORES: Mapping[str, Callable[[str, int, float], ImageStore]] = MappingProxyType(
    {
        "": lambda _, most, seconds: MemoryStore(most, seconds),
        "file": lambda url, most, seconds: FolderStore(unquote(urlsplit(url).path), most, seconds),
        "redis": RedisStore,
        "rediss": RedisStore,
        "unix": RedisStore,
    }
)
"""Scheme of SAM_IMAGES_URL → what it opens, of the URL, bytes and seconds."""
WITH_REDIS = frozenset(scheme for scheme, opened in STORES.items() if opened is RedisStore)
"""Schemes that want the extra ``redis``."""


def open_store(url: str, max_bytes: int, seconds: float) -> ImageStore:
    """The store behind ``url``, empty for this process's memory. Dials and writes nothing yet."""
    return STORES[urlsplit(url).scheme](url, max_bytes, seconds)


__all__ = ["STORES", "WITH_REDIS", "FolderStore", "ImageStore", "MemoryStore", "RedisStore", "open_store"]
