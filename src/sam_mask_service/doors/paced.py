"""A stranger's connection that cannot hold up everybody else: its parser is fed in small bites, with a turn for others
between.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import httpcore

from .netguard import FetchFailed

_BITE = 2048
"""Bytes of a head that are parsed in one turn of the event loop: 100 of the shortest interim answers."""
_MOST_HEAD = 64 * 1024
"""Bytes up to the end of the head, those of all interim answers with it."""
_CHUNKS, _BYTES_A_CHUNK = 2000, 1024
"""A body may come in so many chunks, and in one more for each so many bytes."""
_TURN = 32
"""Chunks that are taken in one turn of the event loop."""


class Paced(httpcore.AsyncNetworkStream):
    """``stream`` read in bites until ``in_body`` is set. Raises FetchFailed for a head without end."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream, self._head, self.in_body = stream, 0, False

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self.in_body:
            return await self._stream.read(max_bytes, timeout)
        await asyncio.sleep(0)
        data = await self._stream.read(min(max_bytes, _BITE), timeout)
        self._head += len(data)
        if self._head > _MOST_HEAD:
            raise FetchFailed("protocol")
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        self._stream = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        return self

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class Pace:
    """Of one body. ``take`` is called for each chunk."""

    def __init__(self) -> None:
        self._chunks = 0

    async def take(self, size: int) -> None:
        """``size``: bytes of the body until now. Raises FetchFailed when it comes in far too many chunks."""
        self._chunks += 1
        if self._chunks > _CHUNKS + size // _BYTES_A_CHUNK:
            raise FetchFailed("protocol")
        if self._chunks % _TURN == 0:
            await asyncio.sleep(0)
