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
