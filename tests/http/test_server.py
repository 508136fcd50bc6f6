"""What a server process does beside serving: its start, its end, and what a request leaves behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn

from sam_mask_service.http.app import build_app
from sam_mask_service.http.server import GracefulServer, wire_options

from ..support.scene import service

HEAD = b"POST /create_mask HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n"
REFUSED = HEAD % 3 + b"abc"


@contextlib.asynccontextmanager
async def listening(folder: Path) -> AsyncIterator[tuple[GracefulServer, socket.socket]]:
    """A server on fakes in this process, and the socket at which it listens."""
    scene = service(folder)
    server = GracefulServer(uvicorn.Config(build_app(scene), **wire_options(scene.settings)), scene)
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    with socket.create_server(("127.0.0.1", 0)) as door:
        await server.startup([door])
        try:
            yield server, door
        finally:
            gc.unfreeze()
            if not scene.gate.draining:
                await server.shutdown([door])


async def hear(client: socket.socket) -> bytes:
    return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 65536), 30)


def connect(door: socket.socket) -> socket.socket:
    """Made by the kernel: the server's loop has had no turn."""
    client = socket.create_connection(door.getsockname())
    client.setblocking(False)
    return client


def test_what_was_loaded_is_never_looked_through_again(tmp_path: Path) -> None:
    async def run() -> int:
        async with listening(tmp_path):
            return gc.get_freeze_count()

    assert asyncio.run(run()) > 10_000


@pytest.mark.parametrize("early", [True, False], ids=["not-taken-yet", "silent-yet"])
def test_a_client_that_connects_at_the_last_moment_is_answered(tmp_path: Path, early: bool) -> None:
    """Its connection waits at the door, or it has just been made and its request comes a little later."""

    async def run() -> bytes:
        async with listening(tmp_path) as (server, door):
            with connect(door) as client:
                if early:
                    client.send(REFUSED)
                stopped = asyncio.create_task(server.shutdown([door]))
                if not early:
                    await asyncio.sleep(0.15)
                    client.send(REFUSED)
                answer = await hear(client)
                await stopped
        return answer

    answer = asyncio.run(run())
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"draining" in answer and b"connection: close" in answer


GONE = HEAD % 5000 + b"x" * 100
ITEMS = b'{"images": [{"image_base64": "YWJj"}, {"image_base64": "YWJjZA=="}, {"image_base64": "YQ=="}]}'
BATCH = HEAD.replace(b"create_mask", b"create_masks").replace(b"image/png", b"application/json") % len(ITEMS) + ITEMS


@pytest.mark.parametrize("sent", [REFUSED, HEAD % 999_999_999, GONE, BATCH], ids=["bad", "long", "gone", "batch"])
def test_a_request_that_fails_leaves_next_to_nothing_to_the_garbage_collector(tmp_path: Path, sent: bytes) -> None:
    """Rings of tracebacks and frames, two hundred objects a request, once made it stop everything for a tenth of a
    second.
    """
    count = 20

    async def some(door: socket.socket) -> None:
        for _ in range(count):
            with connect(door) as client:
                client.send(sent)
                if sent != GONE:
                    assert (await hear(client)).startswith(b"HTTP/1.1 200 " if sent == BATCH else b"HTTP/1.1 4")
                    await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)

    async def run() -> int:
        async with listening(tmp_path) as (_, door):
            await some(door)
            gc.collect()
            gc.disable()
            try:
                await some(door)
                return gc.collect()
            finally:
                gc.enable()

    assert asyncio.run(run()) < 20 * count
