"""The bytes of a picture, whichever way it comes in: itself, base64, a URL, a path on the server, or the id of a kept one."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

from .deadline import Deadline
from .doors import files
from .doors.fetch import Fetcher
from .doors.netguard import UrlPolicy
from .errors import DeadlinePassed, InvalidParameter, TooLarge
from .gate import Slots
from .image import sniff
from .limits import FETCH
from .params import Source
from .sessions import ImageStore
from .settings import Settings

_DATA_PREFIX = re.compile(r"data:[^,]{0,200};base64,", re.ASCII | re.IGNORECASE)
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_ESCAPED = ((b"%2B", b"+"), (b"%2F", b"/"), (b"%3D", b"="), (b"%2b", b"+"), (b"%2f", b"/"), (b"%3d", b"="))
_NOT_BASE64 = (
    "image_base64: this is not base64. Send the file's bytes in base64, in the standard or the URL-safe alphabet, "
    "with or without padding, line breaks or a data: prefix."
)
_SPACE = b" \t\n\r\v\f"
"""What may stand between base64's characters. Deleted as bytes: splitting would make an object of every word."""


class Reader:
    """At most ``max_bytes`` of each picture. ``slots``: how many may be fetched from URLs at once."""

    def __init__(self, settings: Settings, images: ImageStore, fetcher: Fetcher | None = None) -> None:
        self.settings, self.images = settings, images
        self.slots = Slots(settings.url_slots)
        self._fetcher = fetcher or _fetcher(settings)
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
        return self._bounded(await asyncio.to_thread(_from_base64, source.text))

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
        return self.images.get(source.text, source.owner)

    def _bounded(self, data: bytes) -> bytes:
        if len(data) > self.settings.max_bytes:
            raise TooLarge
        return data


def _from_base64(text: str) -> bytes:
    bare = text.strip()
    bare = bare[found.end() :] if (found := _DATA_PREFIX.match(bare)) else bare
    try:
        return _unpack(_plain(bare.encode("ascii").translate(None, _SPACE)))
    except (binascii.Error, ValueError):
        raise InvalidParameter(_NOT_BASE64) from None


def _plain(packed: bytes) -> bytes:
    """The standard alphabet with padding, whichever of its spellings this is (RFC 4648 §4 and §5; ``%`` as in a data: URL). Raises
    ValueError for a mixture of alphabets."""
    if b"%" in packed:
        for escaped, sign in _ESCAPED:
            packed = packed.replace(escaped, sign)
    if b"-" in packed or b"_" in packed:
        if b"+" in packed or b"/" in packed:
            raise ValueError
        packed = packed.translate(_URL_SAFE)
    return packed if b"=" in packed[-2:] else packed + b"=" * (-len(packed) % 4)


def _unpack(packed: bytes) -> bytes:
    """Base64 to bytes, in slices: one call for 20 MB would hold the interpreter lock, and with it the event loop, for 80 ms.
    Raises ValueError, also for padding that Python overlooks (in the middle, or too much of it)."""
    if len(packed) % 4 or packed.find(b"=") not in (-1, len(packed) - 1, len(packed) - 2) or packed.endswith(b"==="):
        raise ValueError
    step = 1 << 20
    return b"".join(base64.b64decode(packed[at : at + step], validate=True) for at in range(0, len(packed), step))


def _fetcher(settings: Settings) -> Fetcher:
    policy = UrlPolicy(settings.url_input, frozenset(settings.url_hosts), settings.networks)
    return Fetcher(policy, max_bytes=settings.max_bytes, limits=replace(FETCH, seconds=settings.url_seconds))
