"""Is the simulation true? ``python -m bench.reliability.offered``: three real servers behind nginx as deploy/ has it,
asked at rates below, near and above what they can do, by clients that come when they come (Poisson) and never ask
twice; beside it what ``bench.speed.queueing`` says of the same arrivals.

The simulation is told two things, both measured here just before: the seconds of single requests, and how many a second
come out when there are always enough. Everything shares this machine's cores, clients and nginx too; on one that others
use as well, ``--stand-in 0.25`` has pictures that take so many seconds and no core, so that queues, balancer and
refusals alone are compared.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.reliability.overload import percentile
from bench.reliability.replicas import WORKERS, portrait, running
from bench.speed.queueing import Cluster, Outcome, poisson, simulate
from tests.support.nginx import balanced

_HEADERS = {"Content-Type": "image/jpeg", "Accept": "image/png"}
Answer = tuple[int, float]
"""Status and seconds; status 0: lost."""


@dataclass(frozen=True)
class Line:
    """One of the two, at one rate. Seconds, and the share of all that were refused."""

    p50: float
    p99: float
    refused: float
    lost: int = 0

    def __str__(self) -> str:
        lost = f", {self.lost} lost" if self.lost else ""
        return f"p50 {self.p50:6.2f} s  p99 {self.p99:6.2f} s  refused {100 * self.refused:5.1f} %{lost}"


def simulated(outcome: Outcome) -> Line:
    return Line(outcome.percentile(50), outcome.percentile(99), outcome.refusals)


def measured(answers: Sequence[Answer]) -> Line:
    seconds = [took for status, took in answers if status == 200]
    statuses = [status for status, _ in answers]
    p50, p99 = (percentile(seconds, share) for share in (50, 99))
    return Line(p50, p99, statuses.count(503) / len(answers), sum(status not in (200, 503) for status in statuses))


async def ask(client: httpx.AsyncClient, picture: bytes) -> Answer:
    start = time.perf_counter()
    try:
        status = (await client.post("/create_mask", content=picture, headers=_HEADERS)).status_code
    except httpx.HTTPError:
        status = 0
    return status, time.perf_counter() - start


def opened(url: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
    return httpx.AsyncClient(base_url=url, trust_env=False, timeout=120, limits=limits)


async def alone(url: str, picture: bytes, count: int) -> list[float]:
    """Seconds of requests that nobody else disturbs."""
    async with opened(url) as client:
        for _ in range(3):
            await ask(client, picture)
        return [(await ask(client, picture))[1] for _ in range(count)]


async def capacity(url: str, picture: bytes, clients: int, seconds: float) -> float:
    """Answers a second when there is always somebody who waits."""
    end, done = time.perf_counter() + seconds, 0

    async def one(client: httpx.AsyncClient) -> int:
        count = 0
        while time.perf_counter() < end:
            count += (await ask(client, picture))[0] == 200
        return count

    start = time.perf_counter()
    async with opened(url) as client:
        done = sum(await asyncio.gather(*(one(client) for _ in range(clients))))
    return done / (time.perf_counter() - start)


async def offer(url: str, picture: bytes, arrivals: Sequence[float]) -> list[Answer]:
    async def one(client: httpx.AsyncClient, when: float) -> Answer:
        await asyncio.sleep(max(0.0, start + when - time.perf_counter()))
        return await ask(client, picture)

    async with opened(url) as client:
        start = time.perf_counter()
        return await asyncio.gather(*(one(client, when) for when in arrivals))


def compare(url: str, picture: bytes, asked: argparse.Namespace) -> None:
    work = asyncio.run(alone(url, picture, 30))
    places = asked.replicas * (WORKERS + asked.queue)
    for load in asked.loads:
        rate = asyncio.run(capacity(url, picture, min(places, 3 * asked.replicas * WORKERS), asked.seconds / 3))
        cores = rate * sum(work) / len(work)
        arrivals = list(poisson(load * rate, asked.seconds, seed=round(100 * load)))
        cluster = Cluster(asked.replicas, WORKERS, asked.queue, cores, together=True)
        real, said = (
            measured(asyncio.run(offer(url, picture, arrivals))),
            simulated(simulate(cluster, iter(arrivals), work)),
        )
        print(f"{load:.0%} of {rate:.1f} a second ({len(arrivals)} requests)")
        print(f"  measured   {real}\n  simulated  {said}\n  {differences(real, said)}", flush=True)


def differences(real: Line, said: Line) -> str:
    p50, p99 = (said.p50 / real.p50 - 1, said.p99 / real.p99 - 1) if real.p50 else (math.nan, math.nan)
    points = 100 * (said.refused - real.refused)
    return f"simulated against measured: p50 {p50:+.0%}, p99 {p99:+.0%}, refused {points:+.1f} points"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    for name, value in (("replicas", 3), ("queue", 8), ("width", 200), ("seconds", 30)):
        options.add_argument(f"--{name}", type=int, default=value)
    options.add_argument("--stand-in", type=float, default=0.0)
    options.add_argument("--loads", type=float, nargs="+", default=[0.5, 0.9, 1.5], help="of what was measured")
    asked = options.parse_args()
    picture = portrait(asked.width)
    with (
        tempfile.TemporaryDirectory() as name,
        running(asked.replicas, Path(name), asked.queue, asked.stand_in) as replicas,
    ):
        ports = [each.port for each in replicas]
        with balanced(Path(name) / "nginx", ports, most=WORKERS + asked.queue) as url:
            compare(url, picture, asked)


if __name__ == "__main__":
    main()
