"""Other programs as processes on the loopback: started, waited for, ended with all that they started."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

SECONDS = 180


@dataclass(frozen=True)
class Program:
    """A program that answers at ``url`` and writes to ``log``."""

    url: str
    log: Path

    def open(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, trust_env=False, timeout=120)


@contextlib.contextmanager
def running(
    command: Sequence[str], url: str, ready: str, folder: Path, environment: Mapping[str, str], cwd: Path
) -> Iterator[Program]:
    """``command`` until the block ends; entered when ``url + ready`` answers 200. Raises AssertionError with the log's
    end.
    """
    log = folder / "program.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=cwd, env=surroundings(environment), stdout=output, stderr=output)
    try:
        _await(url + ready, process, log)
        yield Program(url, log)
    finally:
        _end(process)


def surroundings(more: Mapping[str, str]) -> dict[str, str]:
    """This environment without the service's settings and without proxies, and ``more``."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(("SAM_", "HTTP", "N8N_"))}
    path = os.pathsep.join(part for part in (more.get("PATH"), os.environ["PATH"]) if part)
    return {**kept, **more, "PATH": path}


def _await(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(address, trust_env=False, timeout=5).status_code == 200:
                return
        time.sleep(0.5)
    raise AssertionError(f"did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        main = psutil.Process(process.pid)
        family = [*main.children(recursive=True), main]
        for each in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.terminate()
        for each in psutil.wait_procs(family, timeout=10)[1]:
            each.kill()
    process.wait()
