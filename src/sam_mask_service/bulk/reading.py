"""The bytes behind an address: a row per way. What comes from a store is asked for again when it fails; nothing else
is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from ..deadline import Deadline
from ..doors import files, members, stores, tree
from ..errors import Busy, ServiceError, SourceTimeout, SourceUnavailable, StoreUnreachable, TooLarge
from ..params import Source as Asked
from ..service import Service
from .kinds import HEAD
from .line import Address, Way

T = TypeVar("T")
Part = Callable[[Path, str, int], bytes]
WAITS = (0.5, 2.0)
"""Seconds before a fetch is tried once more."""


def _whole(part: Part, address: Address, max_bytes: int) -> bytes:
    data = part(Path(address.where), address.inner, max_bytes + 1)
    if len(data) > max_bytes:
        raise TooLarge
    return data


WAYS: dict[Way, Callable[[Address, int], bytes]] = {
    "file": lambda address, most: files.read_file(Path(address.where), most),
    "zip": partial(_whole, members.zip_part),
    "tar": partial(_whole, members.tar_part),
    "store": lambda address, most: tried(lambda: stores.read(address.where, most)),
}
_HEADS: dict[Way, Callable[[Address], bytes]] = {
    "file": lambda address: tree.head_of(Path(address.where), HEAD),
    "zip": lambda address: members.zip_part(Path(address.where), address.inner, HEAD),
    "tar": lambda address: members.tar_part(Path(address.where), address.inner, HEAD),
}


async def read(service: Service, address: Address) -> bytes:
    """At most ``SAM_MAX_BYTES``. Raises FileMissing, TooLarge, UnsupportedMedia, SourceUnavailable, SourceTimeout,
    StoreUnreachable, StoreRefused."""
    if address.way == "url":
        return await _url(service, address.where)
    return await asyncio.to_thread(WAYS[address.way], address, service.settings.max_bytes)


async def _url(service: Service, url: str) -> bytes:
    """By the one door that dials, with all its rules."""
    waits = iter(WAITS)
    while True:
        try:
            return await service.reader.read(Asked("url", url), Deadline())
        except Busy:  # noqa: PERF203 - as many are fetched at once as the settings allow
            await asyncio.sleep(0.05)
        except (SourceUnavailable, SourceTimeout):
            wait = next(waits, None)
            if wait is None:
                raise
            await asyncio.sleep(wait)


def tried(ask: Callable[[], T]) -> T:
    """``ask()``, once more after each of ``WAITS`` where the store does not answer."""
    for wait in WAITS:
        try:
            return ask()
        except StoreUnreachable:  # noqa: PERF203 - once a second at most
            time.sleep(wait)
    return ask()


def head(address: Address) -> bytes | None:
    """The first bytes; None where they are too dear to be looked at beforehand. Empty where they cannot be read."""
    if address.way not in _HEADS:
        return None
    try:
        return _HEADS[address.way](address)
    except ServiceError:
        return b""
