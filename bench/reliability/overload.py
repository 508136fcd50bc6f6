"""Ten times the capacity, and how much of the service's throughput is left. Run by ``bench.reliability.soak``.

The clients live in a process of their own and cost next to nothing: requests made beforehand, answers counted and
thrown away. Calm (as many clients as places, so that nobody is refused and no place is ever empty) and storm (ten times
as many, who wait as ``Retry-After`` asks) take turns of some seconds, so that whatever else the machine does meets both
alike. What the clients, the server and everything else took of the machine is measured and printed beside the rates.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import random
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

import psutil

from bench.started import Server

_HEAD = (
    b"POST /create_mask?expand_pixels=%d HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
    b"image/jpeg\r\nContent-Length: %d\r\n\r\n"
)


@dataclass
class Phase:
    """What clients saw, added up over turns. CPU times are in seconds of one core."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    served: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    clients_cpu: float = 0.0
    server_cpu: float = 0.0
    machine_cpu: float = 0.0

    @property
    def rate(self) -> float:
        """Masks a second."""
        return self.statuses[200] / self.seconds

    @property
    def per_mask(self) -> float:
        """The server's CPU seconds for each mask, refusals included: knows nothing of other work on the machine."""
        return self.server_cpu / max(1, self.statuses[200])

    def describe(self) -> str:
        other = (self.machine_cpu - self.server_cpu - self.clients_cpu) / self.seconds
        rates = f"{self.rate:.1f} masks/s, {self.statuses[503] / self.seconds:.0f} refusals/s"
        cores = (
            f"server {self.server_cpu / self.seconds:.2f}, clients {self.clients_cpu / self.seconds:.2f}, other "
            f"{other:.2f}"
        )
        return f"{rates}, {1000 * self.per_mask:.0f} ms CPU a mask; cores: {cores}"


def percentile(values: Sequence[float], share: int = 99) -> float:
    """Seconds; 0 for fewer than two values."""
    return statistics.quantiles(values, n=100)[share - 1] if len(values) > 1 else 0.0


def measure(
    server: Server, worker: psutil.Process, seconds: float, capacity: int, pictures: Sequence[bytes]
) -> tuple[Phase, Phase]:
    """(calm, storm), each of ``seconds`` in all, in turns of about ten."""
    calm, storm = Phase(), Phase()
    turns = max(2, round(seconds / 10))
    with ProcessPoolExecutor(1, get_context("spawn")) as apart:
        apart.submit(_clients, server.url, 1.0, capacity, pictures).result()
        for _ in range(turns):
            for phase, clients in ((calm, capacity), (storm, 10 * capacity)):
                _turn(phase, apart, server, worker, seconds / turns, clients, pictures)
    return calm, storm


def _turn(
    phase: Phase,
    apart: ProcessPoolExecutor,
    server: Server,
    worker: psutil.Process,
    seconds: float,
    clients: int,
    pictures: Sequence[bytes],
) -> None:
    before, machine = worker.cpu_times(), psutil.cpu_times()
    going = apart.submit(_clients, server.url, seconds, clients, pictures)
    phase.health += _health_until(server, going)
    answers, cpu = going.result()
    after, machine_after = worker.cpu_times(), psutil.cpu_times()
    phase.seconds += seconds
    phase.clients_cpu += cpu
    phase.server_cpu += after.user + after.system - before.user - before.system
    phase.machine_cpu += _busy(machine_after) - _busy(machine)
    phase.statuses.update(status for status, _ in answers)
    phase.served += [took for status, took in answers if status == 200]
    phase.refused += [took for status, took in answers if status == 503]


def _busy(times: Any) -> float:
    return float(times.user + times.nice + times.system)


def _clients(
    url: str, seconds: float, clients: int, pictures: Sequence[bytes]
) -> tuple[list[tuple[int, float]], float]:
    """(status, seconds) of every answer, and the CPU seconds that asking took. Runs in the clients' process."""
    host, port = url.removeprefix("http://").split(":")
    answers: list[tuple[int, float]] = []
    start = time.process_time()

    async def run() -> None:
        end = time.monotonic() + seconds
        await asyncio.gather(*(_client(host, int(port), end, number, pictures, answers) for number in range(clients)))

    asyncio.run(run())
    return answers, time.process_time() - start


async def _client(
    host: str, port: int, end: float, number: int, pictures: Sequence[bytes], answers: list[tuple[int, float]]
) -> None:
    line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    while time.monotonic() < end:
        number += 1
        start, wait = time.monotonic(), 0.0
        try:
            line = line or await asyncio.open_connection(host, port, limit=1 << 20)
            status, wait = await _ask(*line, pictures[number % len(pictures)], number % 251)
        except (OSError, EOFError):
            status, line = 0, None
        answers.append((status, time.monotonic() - start))
        await asyncio.sleep(wait * random.uniform(1.0, 1.25))  # noqa: S311 - as our own client spreads its tries
    if line is not None:
        line[1].close()
        with contextlib.suppress(OSError):
            await line[1].wait_closed()


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, picture: bytes, grow: int
) -> tuple[int, float]:
    """(status, seconds to wait before the next try)."""
    writer.write(_HEAD % (grow, len(picture)) + picture)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    await reader.readexactly(int(_value(head, b"content-length")))
    return int(head[9:12]), float(_value(head, b"retry-after") or 0)


def _value(head: bytes, name: bytes) -> bytes:
    _, found, rest = head.partition(b"\r\n" + name + b":")
    return rest.partition(b"\r\n")[0].strip() if found else b""


def _health_until(server: Server, going: Future[Any]) -> list[float]:
    """Seconds that each ``/health`` took meanwhile."""
    took: list[float] = []
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=30)
    with contextlib.closing(connection):
        while not going.done():
            start = time.monotonic()
            connection.request("GET", "/health")
            connection.getresponse().read()
            took.append(time.monotonic() - start)
            time.sleep(0.05)
    return took
