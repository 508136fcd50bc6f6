"""A network that exists in the test alone: names, peers by address, and a record of everything that was asked of
them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpcore
import pytest

from sam_mask_service.doors.dial import Line
from sam_mask_service.doors.fetch import Fetcher
from sam_mask_service.doors.netguard import FetchFailed, UrlPolicy
from sam_mask_service.doors.refusals import told
from sam_mask_service.errors import SourceUnavailable
from sam_mask_service.limits import FetchLimits

ANY = UrlPolicy()
PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 40
PUBLIC, OTHER = "8.8.8.8", "2606:4700::1"


def reply(body: bytes = PNG, status: str = "200 OK", **headers: str) -> bytes:
    lines = {"content-length": str(len(body)), "content-type": "image/png"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def moved(location: str, status: str = "302 Found") -> bytes:
    return reply(b"", status, location=location)


class Stream(httpcore.AsyncNetworkStream):
    """A peer that says its lines, in pieces, after the request has been written."""

    def __init__(self, pieces: Sequence[bytes], hang: bool = False) -> None:
        self.pieces, self.hang = list(pieces), hang
        self.written = b""
        self.closed = False

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self.pieces:
            await asyncio.sleep(0)
            piece = self.pieces.pop(0)
            if piece[max_bytes:]:
                self.pieces.insert(0, piece[max_bytes:])
            return piece[:max_bytes]
        if self.hang:
            await asyncio.sleep(3600)
        return b""

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.written += buffer

    async def aclose(self) -> None:
        self.closed = True


@dataclass
class World:
    """Names, peers by address, and everything that was asked of them."""

    names: dict[str, list[str] | Exception] = field(default_factory=lambda: {"pics.example": [PUBLIC]})
    peers: dict[str, list[Stream]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    dialled: list[tuple[str, int]] = field(default_factory=list)

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        found = self.names.get(host, OSError("no such name"))
        if isinstance(found, Exception):
            raise found
        return found

    async def dial(self, address: str, port: int) -> httpcore.AsyncNetworkStream:
        self.dialled.append((address, port))
        if not self.peers.get(address):
            raise httpcore.ConnectError("refused")
        return self.peers[address].pop(0)

    def say(self, *answers: bytes, address: str = PUBLIC, hang: bool = False) -> Stream:
        stream = Stream(answers, hang)
        self.peers.setdefault(address, []).append(stream)
        return stream

    def fetch(self, url: str, policy: UrlPolicy = ANY, seconds: float = 5.0, max_bytes: int = 1000) -> bytes:
        fetcher = Fetcher(
            Line(policy, limits=FetchLimits(seconds=seconds), resolver=self, dialler=self), max_bytes=max_bytes
        )
        return asyncio.run(fetcher.fetch(url))

    def reason(self, url: str = "http://pics.example/a", policy: UrlPolicy = ANY) -> str:
        """Why the fetch failed, after checking that the caller reads the fixed words for it."""
        with pytest.raises(SourceUnavailable) as caught:
            self.fetch(url, policy)
        assert isinstance(caught.value, FetchFailed)
        assert caught.value.detail == told(FetchFailed(caught.value.reason), policy).detail
        assert caught.value.__cause__ is None
        return caught.value.reason
