"""Cores, seconds and money: ``python -m bench.speed.costs``. A started server with always enough to do, for each
engine: pictures a second, the core-seconds that each took (the server's own CPU time, so that other work on the machine
counts for nothing), and what a million of them cost at the prices that are given. The prices are assumptions; the
defaults are round numbers of the size that clouds ask for. What a GPU gives must be said: ``bench.speed.gpu``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import psutil

from bench.speed.service import portrait
from bench.started import Server, started

ENGINES: dict[str, dict[str, str]] = {
    "mesh": {"engine": "mesh"},
    "mobile_sam": {"engine": "sam", "model": "mobile_sam"},
}


@dataclass(frozen=True)
class Figures:
    rate: float
    core_seconds: float

    @property
    def per_core(self) -> float:
        """Pictures that a core can do in a second, if it does nothing else."""
        return 1 / self.core_seconds


def cost(core_seconds: float, price: float, busy: float) -> float:
    """Of a million pictures. ``price``: of a core for an hour; ``busy``: the share of its time that a core works, since
    whoever answers at once keeps room.

    >>> round(cost(0.36, 0.05, 0.5), 2)
    10.0
    """
    return 1e6 * core_seconds / 3600 * price / busy


def cost_of_card(rate: float, price: float, busy: float) -> float:
    """Of a million pictures. ``price``: of the machine for an hour; ``rate``: pictures a second."""
    return 1e6 / rate / 3600 * price / busy


def cpu(server: Server) -> float:
    """Seconds of cores that the server has spent."""
    processes = [psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children(recursive=True)]
    return sum(each.cpu_times().user + each.cpu_times().system for each in processes)


def measure(server: Server, pictures: Sequence[bytes], clients: int) -> Figures:
    def ask(picture: bytes) -> None:
        with httpx.Client(base_url=server.url, timeout=120, trust_env=False) as client:
            client.post("/create_mask", content=picture, headers=HEADERS).raise_for_status()

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(ask, pictures[:clients]))
        spent, start = cpu(server), time.perf_counter()
        list(pool.map(ask, pictures))
        return Figures(len(pictures) / (time.perf_counter() - start), (cpu(server) - spent) / len(pictures))


HEADERS = {"Content-Type": "image/jpeg", "Accept": "image/png"}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    for name, count in (("count", 60), ("width", 1024), ("clients", 4)):
        options.add_argument(f"--{name}", type=int, default=count)
    options.add_argument("--core-price", type=float, default=0.04, help="of a core for an hour (assumed)")
    options.add_argument("--card-price", type=float, default=1.0, help="of a machine with a GPU for an hour (assumed)")
    options.add_argument("--card-rate", type=float, help="pictures a second on it, from bench.speed.gpu")
    options.add_argument("--busy", type=float, default=0.6, help="share of the time that what is paid for works")
    asked = options.parse_args()
    for engine in asked.engines:
        with started(**ENGINES[engine], queue="64", cache_bytes="0") as server:
            found = measure(server, portrait(asked.width, asked.width, asked.count), asked.clients)
        money = cost(found.core_seconds, asked.core_price, asked.busy)
        print(
            f"{engine}, {asked.width} px: {found.rate:.1f} pictures a second here, {found.core_seconds:.3f} "
            f"core-seconds each, {found.per_core:.1f} a second and core; a million: {money:.2f} at "
            f"{asked.core_price} a core and hour, {asked.busy:.0%} busy"
        )
    if asked.card_rate:
        print(f"GPU: a million: {cost_of_card(asked.card_rate, asked.card_price, asked.busy):.2f}")
    else:
        print("GPU: not measured; say --card-rate and --card-price")


if __name__ == "__main__":
    main()
