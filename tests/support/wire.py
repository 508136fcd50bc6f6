"""Talking to the HTTP shell: in this process, and to started servers, also byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import httpx
import psutil
from fastapi import FastAPI

from sam_mask_service.http.app import build_app
from sam_mask_service.service import Service

T = TypeVar("T")
REPO = Path(__file__).parents[2]
Kind = Literal["serve", "gunicorn"]
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody, for clients of http://: reading all authorities takes 20 ms of every client."""


class Client:
    """An application in this process, on an event loop of its own that lives as long as the client."""

    def __init__(self, service: Service, **options: Any) -> None:
        self.service = service
        self.app: FastAPI = build_app(service, **options)
        self.loop = asyncio.new_event_loop()
        self.base = "http://localhost"

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def open(self, address: str = "127.0.0.1") -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self.app, client=(address, 1), raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=self.base, trust_env=False)

    async def ask(self, method: str, path: str, *, address: str = "127.0.0.1", **options: Any) -> httpx.Response:
        async with self.open(address) as client:
            return await client.request(method, self.base + path, **options)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.run(self.ask(method, path, **options))

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def close(self) -> None:
        self.loop.run_until_complete(asyncio.sleep(0))
        self.service.close()
        self.loop.close()


@contextlib.contextmanager
def closing(build: Callable[..., Client]) -> Iterator[Callable[..., Client]]:
    """``build``, all of whose clients are closed in the end."""
    made: list[Client] = []

    def one(**values: Any) -> Client:
        made.append(build(**values))
        return made[-1]

    yield one
    for client in made:
        client.close()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@dataclass
class Server:
    """A started server process on the loopback."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str = "/health", **options: Any) -> httpx.Response:
        with httpx.Client(trust_env=False, timeout=20, verify=PLAIN) as client:
            return client.get(self.url + path, **options)

    def post(self, path: str = "/create_mask", **options: Any) -> httpx.Response:
        with httpx.Client(trust_env=False, timeout=30, verify=PLAIN) as client:
            return client.post(self.url + path, **options)

    def connect(self, timeout: float = 10.0) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def say(self, data: bytes, timeout: float = 10.0) -> bytes:
        """Everything that the server answers to ``data`` until it closes or falls silent."""
        with self.connect(timeout) as line:
            with contextlib.suppress(OSError):
                line.sendall(data)
            return listen(line)

    @property
    def worker(self) -> psutil.Process:
        """The process that serves: gunicorn's child, or the server itself."""
        main = psutil.Process(self.process.pid)
        children = main.children()
        return children[0] if children else main

    def logged(self) -> str:
        return self.log.read_text(errors="replace")


def listen(line: socket.socket) -> bytes:
    """What arrives until the other side closes or the socket's time is over."""
    got = b""
    with contextlib.suppress(OSError):
        while piece := line.recv(65536):
            got += piece
    return got


def status_of(answer: bytes) -> int:
    """The status of the last response head in ``answer``; 0 when there is none."""
    found = [part[9:12] for part in answer.split(b"\r\n") if part.startswith(b"HTTP/1.1 ")]
    return int(found[-1]) if found else 0


def command(kind: Kind, port: int, app: str, processes: int = 1) -> list[str]:
    if kind == "serve":
        return [sys.executable, "-m", "tests.support.fake_server", str(port)]
    options = ["--bind", f"127.0.0.1:{port}", "--workers", str(processes), "--timeout", "120"]
    return [sys.executable, "-m", "gunicorn", *options, app]


@contextlib.contextmanager
def started(
    kind: Kind, folder: Path, app: str = "tests.support.fake_server:app", *, processes: int = 1, **settings: Any
) -> Iterator[Server]:
    """A server of ``processes`` on fakes, or on ``app``, with ``settings`` as SAM_* variables; killed in the end
    when it still runs.
    """
    port, log = free_port(), folder / f"{kind}.log"
    env = {name: value for name, value in os.environ.items() if not name.startswith("SAM_")}
    env |= {"PYTHONPATH": f"{REPO / 'src'}:{REPO}", "SAM_ENGINE": "mesh"}
    env |= {"SAM_IMAGE_ROOT": str(folder), "SAM_OUTPUT_ROOT": str(folder / "output"), "SAM_MODELS_DIR": str(folder)}
    env |= {f"SAM_{name.upper()}" if name.islower() else name: str(value) for name, value in settings.items()}
    with log.open("wb") as output:
        process = subprocess.Popen(command(kind, port, app, processes), cwd=REPO, env=env, stdout=output, stderr=output)
    server = Server(port, process, log)
    try:
        _await_health(server)
        yield server
    finally:
        for each in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        process.kill()
        process.wait()


def _await_health(server: Server) -> None:
    end = time.monotonic() + 110
    while time.monotonic() < end and server.process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            server.get()
            return
        time.sleep(0.05)
    raise RuntimeError(f"the server did not start:\n{server.logged()}")
