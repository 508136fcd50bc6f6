"""The bytes of a picture, whichever way it comes in: itself, base64, a URL, a path on the server, or the id of a kept
one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from . import base64_text
from .deadline import Deadline
from .doors import files
from .doors.dial import Line
from .doors.fetch import Fetcher
from .doors.netguard import UrlPolicy
from .errors import DeadlinePassed, TooLarge
from .gate import Slots
from .image import sniff
from .limits import FETCH
from .params import Source
from .sessions import ImageStore
from .settings import Settings

T = TypeVar("T")


class Reader:
    """At most ``max_bytes`` of each picture. ``slots``: how many may be fetched from URLs at once. The store of uploads
    may be far away: it is asked in threads of its own, as many at once as there are places.
    """

    def __init__(self, settings: Settings, images: ImageStore, fetcher: Fetcher | None = None) -> None:
        self.settings, self.images = settings, images
        self.slots = Slots(settings.url_slots)
        places = settings.workers + settings.queue
        self._asking, self._threads = Slots(places), ThreadPoolExecutor(places, thread_name_prefix="images")
        self._fetcher = fetcher or Fetcher(line_of(settings), max_bytes=settings.max_bytes)
        self._ways: dict[str, Callable[[Source, Deadline], Awaitable[bytes]]] = {
            "bytes": self._sent,
            "base64": self._decoded,
            "url": self._fetched,
            "path": self._from_disk,
            "kept": self._kept,
        }

    async def read(self, source: Source, deadline: Deadline) -> bytes:
        """Raises TooLarge, InvalidParameter, ImageGone, and what the doors raise."""
        return await self._ways[source.kind](source, deadline)

    async def _sent(self, source: Source, _: Deadline) -> bytes:
        return self._bounded(source.data)

    async def _decoded(self, source: Source, _: Deadline) -> bytes:
        if len(source.text) > self.settings.max_bytes * 4 // 3 + 1024 + len(source.text) // 32:
            raise TooLarge
        return self._bounded(await asyncio.to_thread(base64_text.read, source.text))

    async def _fetched(self, source: Source, deadline: Deadline) -> bytes:
        with self.slots.hold():
            try:
                data = await asyncio.wait_for(self._fetcher.fetch(source.text), deadline.timeout())
            except asyncio.TimeoutError:
                raise DeadlinePassed from None
        sniff(data)
        return data

    async def _from_disk(self, source: Source, _: Deadline) -> bytes:
        settings = self.settings
        return await asyncio.to_thread(files.read_inside, settings.image_root, source.text, settings.max_bytes)

    async def _kept(self, source: Source, _: Deadline) -> bytes:
        return await self._of_store(self.images.get, source.text, source.owner)

    async def forget(self, image_id: str, owner: bytes) -> None:
        """Frees an upload. Raises ImageGone, ImagesUnreachable, Busy."""
        await self._of_store(self.images.delete, image_id, owner)

    async def _of_store(self, ask: Callable[[str, bytes], T], image_id: str, owner: bytes) -> T:
        with self._asking.hold():
            return await asyncio.get_running_loop().run_in_executor(self._threads, ask, image_id, owner)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _bounded(self, data: bytes) -> bytes:
        if len(data) > self.settings.max_bytes:
            raise TooLarge
        return data


def line_of(settings: Settings) -> Line:
    """The way to callers' URLs, and what these may reach."""
    policy = UrlPolicy(settings.url_input, frozenset(settings.url_hosts), settings.networks)
    return Line(policy, replace(FETCH, seconds=settings.url_seconds))
