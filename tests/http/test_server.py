"""What a server process does beside serving."""

from __future__ import annotations

import asyncio
import gc
import socket
from pathlib import Path

import uvicorn

from sam_mask_service.http.app import build_app
from sam_mask_service.http.server import GracefulServer, wire_options

from ..support.scene import service


def test_what_was_loaded_is_never_looked_through_again(tmp_path: Path) -> None:
    scene = service(tmp_path)
    server = GracefulServer(uvicorn.Config(build_app(scene), **wire_options(scene.settings)), scene)

    async def run() -> int:
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        with socket.create_server(("127.0.0.1", 0)) as door:
            await server.startup([door])
            frozen = gc.get_freeze_count()
            await server.shutdown([door])
        return frozen

    try:
        assert asyncio.run(run()) > 10_000
    finally:
        gc.unfreeze()


def test_a_connection_that_nobody_has_taken_yet_is_answered_before_the_doors_close(tmp_path: Path) -> None:
    assert asyncio.run(_leave(tmp_path, early=True)).startswith(b"HTTP/1.1 503 ")


def test_a_client_that_has_just_connected_is_heard_before_its_connection_is_closed(tmp_path: Path) -> None:
    answer = asyncio.run(_leave(tmp_path, early=False))
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"draining" in answer
    assert b"connection: close" in answer


async def _leave(folder: Path, early: bool) -> bytes:
    """What a client gets that connects in the moment in which the server stops, and that sends at once or a little later."""
    scene = service(folder)
    server = GracefulServer(uvicorn.Config(build_app(scene), **wire_options(scene.settings)), scene)
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    request = (
        b"POST /create_mask HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 3\r\n\r\nabc"
    )
    with socket.create_server(("127.0.0.1", 0)) as door:
        await server.startup([door])
        gc.unfreeze()
        with socket.create_connection(door.getsockname()) as client:  # made by the kernel: the loop has had no turn
            client.setblocking(False)
            if early:
                client.send(request)
            stopped = asyncio.create_task(server.shutdown([door]))
            if not early:
                await asyncio.sleep(0.15)
                client.send(request)
            answer = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 65536), 5)
            await stopped
    return answer
