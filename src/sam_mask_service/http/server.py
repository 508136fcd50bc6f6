"""A server process from start to end: limits on the wire, and a stop that finishes what was accepted."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, cast

import uvicorn
from fastapi import FastAPI

from ..limits import WIRE
from ..service import Service
from ..settings import Settings
from .descriptors import fitting
from .protocol import GuardedProtocol, guarded

log = logging.getLogger(__name__)
_ALONE = "--workers: gunicorn, which keeps several processes, is not here. One process uses all cores already.\n"
FORCED = 1
"""Exit code after a second signal."""
HUNG = 5
"""Exit code of a process that can serve no more."""
_SILENT = 120
"""Seconds without a sign of life after which gunicorn ends a worker."""
_CLOSING = 0.5
"""Seconds kept of the grace time for answers to be written and connections to be closed."""


def wire_options(settings: Settings) -> dict[str, Any]:
    """uvicorn's options for the operator's limits."""
    most = fitting(settings.max_connections)
    limits = replace(
        WIRE,
        head_seconds=settings.head_seconds,
        idle_seconds=min(WIRE.idle_seconds, settings.head_seconds),
        write_seconds=settings.write_seconds,
        connections=most,
        connections_per_client=max(1, most // 2),
    )
    return {
        "http": guarded(limits),
        "ws": "none",
        "loop": "asyncio",
        "lifespan": "on",
        "timeout_keep_alive": limits.idle_seconds,
        "backlog": limits.backlog,
        "server_header": False,
        "access_log": False,
        "log_config": None,
        "proxy_headers": False,  # the application's own, which has to know the proxy itself as well (forwarded.py)
    }


class GracefulServer(uvicorn.Server):
    """On the first signal ``/ready`` turns false and new work gets 503 while accepted work goes on, for
    ``grace_seconds`` at most; then connections are closed. A second signal ends the process at once."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self.service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        del sig, frame
        if self.should_exit:
            os._exit(FORCED)
        self.service.gate.draining = True
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """As uvicorn's, but a stop that was asked for is a success: the signal is not raised again."""
        before = {sig: signal.signal(sig, self.handle_exit) for sig in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for sig, handler in before.items():
                signal.signal(sig, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # what is loaded stays; to look through it again would now and then hold every thread for a tenth of a second
        gc.freeze()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        end = time.monotonic() + self.service.settings.grace_seconds
        self._protocol.leaving = True
        try:
            await asyncio.wait_for(self.service.drain(), max(0.0, end - time.monotonic() - _CLOSING))
        except asyncio.TimeoutError:
            log.warning("work still under way after the grace time; it is cut off")
        self.config.timeout_graceful_shutdown = max(_CLOSING, end - time.monotonic())  # type: ignore[assignment]
        if self.service.gate.busy:
            self.config.timeout_graceful_shutdown = _CLOSING  # type: ignore[assignment]
        await self._close_doors()
        await super().shutdown(sockets)
        if self.server_state.tasks:  # cut off just now: each still says so to its client
            await asyncio.wait(self.server_state.tasks, timeout=_CLOSING)

    async def _close_doors(self) -> None:
        """Takes no more connections. Closing resets those that the kernel has made for us and nobody has taken: they
        are taken first, so that only one that is made within these microseconds is lost, before anything of its request
        was read. (Windows' own loop takes them itself, and has nothing to be removed.)"""
        loop = asyncio.get_running_loop()
        for server in self.servers:
            for door in server.sockets:
                with suppress(NotImplementedError):
                    loop.remove_reader(door)
        await asyncio.sleep(0)  # what was taken a moment ago gets its protocol, which a closed server would deny it
        waiting: list[socket.socket] = []
        for server in self.servers:
            for door in server.sockets:
                waiting += _accept_all(door)
            server.close()
        for connection in waiting:
            await loop.connect_accepted_socket(self._connected, connection, ssl=self.config.ssl)

    @property
    def _protocol(self) -> type[GuardedProtocol]:
        """The class of this server's connections (``wire_options``)."""
        return cast(type[GuardedProtocol], self.config.http_protocol_class)

    def _connected(self) -> GuardedProtocol:
        return self._protocol(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

    async def on_tick(self, counter: int) -> bool:
        settings = self.service.settings
        if self.service.gate.hanging(settings.deadline_seconds + settings.grace_seconds):
            log.critical("every picture at work hangs: the process ends, so that its supervisor starts a new one")
            logging.shutdown()
            os._exit(HUNG)
        return await super().on_tick(counter)

    def leave(self) -> None:
        """Ends the process when a worker thread is still at it: a thread cannot be stopped, and the grace time is
        over.
        """
        if self.service.gate.busy:
            logging.shutdown()
            sys.stdout.flush()
            os._exit(0)


def _accept_all(door: socket.socket) -> Iterator[socket.socket]:
    """The connections that wait at a listening socket."""
    with door.dup() as own, suppress(OSError):
        while True:
            yield own.accept()[0]


def serve(host: str = "0.0.0.0", port: int = 8739, workers: int = 1) -> None:  # noqa: S104 - the documented default
    """Serves until told to stop, under gunicorn, which starts a new worker when one crashes; this call then does not
    return. Where there is no gunicorn, this process serves alone; ``workers`` over 1 then end it with one line.
    """
    if hasattr(os, "fork") and importlib.util.find_spec("gunicorn"):
        _exec_gunicorn(host, port, workers)
    if workers > 1:
        sys.stderr.write(_ALONE)
        raise SystemExit(2)
    from .. import app  # built on demand by the package itself, which adds the web page

    log.warning("no gunicorn here to supervise: a crash ends the service")
    serve_app(app, host, port)


def serve_app(app: FastAPI, host: str, port: int) -> None:
    """Serves ``app`` (of ``build_app``) in this process until told to stop."""
    service: Service = app.state.service
    config = uvicorn.Config(app, host=host, port=port, **wire_options(service.settings))
    server = GracefulServer(config, service)
    server.run()
    server.leave()


def _exec_gunicorn(host: str, port: int, workers: int) -> None:
    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    own = ["-c", f"python:{__package__}.gunicorn"]
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        *own,
        "--bind",
        bind,
        "--workers",
        str(workers),
        "--timeout",
        str(_SILENT),
        "sam_mask_service:app",
    ]
    os.execv(Path(sys.executable), command)  # noqa: S606 - fixed words and two numbers, no shell
