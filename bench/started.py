"""A really started server for benchmarks: the documented gunicorn line on a free port, stopped at the end."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Server:
    url: str
    process: subprocess.Popen[bytes]
    ready_seconds: float

    def resident(self) -> int:
        """Bytes resident in the worker (the gunicorn master holds no model)."""
        return max(child.memory_info().rss for child in self._family())

    def private(self) -> int:
        """Bytes of anonymous memory in the worker: what the kernel cannot drop, unlike pages of files."""
        return max(_anonymous(child.pid) for child in self._family())

    def cpu_seconds(self) -> float:
        """Of all its processes so far, user and kernel."""
        return float(sum(sum(one.cpu_times()[:2]) for one in self._family()))

    def _family(self) -> list[psutil.Process]:
        master = psutil.Process(self.process.pid)
        return [*master.children(recursive=True), master]


def _anonymous(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextlib.contextmanager
def started(**settings: str) -> Iterator[Server]:
    """The service with ``SAM_*`` settings given as keywords without their prefix, in lower case."""
    port = free_port()
    environment = {
        **os.environ,
        "SAM_OFFLINE": "true",
        **{f"SAM_{name.upper()}": value for name, value in settings.items()},
    }
    line = ["--bind", f"127.0.0.1:{port}", "--workers", "1", "--timeout", "120", "sam_mask_service:app"]
    log = subprocess.DEVNULL if not os.environ.get("BENCH_LOG") else None
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *line], cwd=ROOT, env=environment, stdout=log, stderr=log
    )
    try:
        yield Server(f"http://127.0.0.1:{port}", process, _wait(f"http://127.0.0.1:{port}/ready", process, start))
    finally:
        process.terminate()
        process.wait(30)


def _wait(url: str, process: subprocess.Popen[bytes], start: float) -> float:
    while time.perf_counter() - start < 60:
        if process.poll() is not None:
            raise SystemExit(f"the server ended with {process.returncode}; BENCH_LOG=1 shows why")
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, timeout=1).status_code == 200:
                return time.perf_counter() - start
        time.sleep(0.02)
    raise SystemExit("the server did not get ready in 60 s; BENCH_LOG=1 shows why")
