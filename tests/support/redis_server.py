"""A Redis of our own for tests: on the loopback, in a folder that goes away, with a password, on no disk."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .wire import free_port

PROGRAM = shutil.which("redis-server")
PASSWORD = "only-for-tests"


@dataclass(frozen=True)
class Running:
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"


@contextlib.contextmanager
def redis_server(folder: Path, *options: str, port: int = 0) -> Iterator[Running]:
    """Killed in the end when it still runs. ``port``: a free one when none is named."""
    port = port or free_port()
    where = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--requirepass", PASSWORD]
    line = [str(PROGRAM), *where, "--save", "", "--appendonly", "no", *options]
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await(running := Running(port, process))
        yield running
    finally:
        process.kill()
        process.wait()


def _await(running: Running) -> None:
    from redis import Redis
    from redis.exceptions import ConnectionError as Lost

    end = time.monotonic() + 20
    while time.monotonic() < end and running.process.poll() is None:
        with contextlib.suppress(Lost), Redis.from_url(running.url) as client:
            client.ping()
            return
        time.sleep(0.02)
    raise RuntimeError("redis-server did not start")
