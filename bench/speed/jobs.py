"""What a job costs beside the same request at once: ``python -m bench.speed.jobs``. Pictures a second through
``/create_masks`` and through ``/jobs`` in each store, until the last line of results is there; the ways take turns, and
the median of the rounds is printed.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
from redis import Redis

from bench.speed.service import portrait
from bench.started import Server, started
from tests.support.redis_server import PROGRAM, redis_server

Way = Callable[[httpx.Client, list[dict[str, Any]]], float]
COMMON = {"engine": "mesh", "cache_bytes": "0", "queue": "64"}


def at_once(client: httpx.Client, images: list[dict[str, Any]]) -> float:
    """Seconds from the request to the last line."""
    start = time.perf_counter()
    answer = client.post("/create_masks", json={"images": images})
    _check(answer.raise_for_status().text, len(images))
    return time.perf_counter() - start


def as_job(client: httpx.Client, images: list[dict[str, Any]]) -> float:
    """The same, asked for every 20 ms whether it is done."""
    start = time.perf_counter()
    url = (
        client.post("/jobs", json={"endpoint": "create_mask", "images": images}).raise_for_status().headers["location"]
    )
    while client.get(url).json()["state"] in ("queued", "running"):
        time.sleep(0.02)
    _check(client.get(f"{url}/results").raise_for_status().text, len(images))
    took = time.perf_counter() - start
    client.delete(url).raise_for_status()
    return took


def _check(text: str, count: int) -> None:
    lines = text.splitlines()
    assert len(lines) == count and all('"success":true' in line.replace(" ", "") for line in lines), text[:300]


@contextlib.contextmanager
def store(folder: Path) -> Iterator[str]:
    """The address of a Redis that writes everything to the disk; empty where there is none."""
    if not PROGRAM:
        yield ""
        return
    with redis_server(folder, "--appendonly", "yes", "--appendfsync", "always") as running:
        yield running.url


def spent(url: str) -> float:
    """CPU seconds of that Redis."""
    if not url:
        return 0.0
    with Redis.from_url(url) as client:
        told: Any = client.info("cpu")
    return float(told["used_cpu_user"]) + float(told["used_cpu_sys"])


@contextlib.contextmanager
def servers(folder: Path, redis: str) -> Iterator[dict[str, tuple[Server, Way]]]:
    """Each way with a server of its own."""
    with contextlib.ExitStack() as stack:
        ways: dict[str, tuple[Server, Way]] = {"/create_masks": (stack.enter_context(started(**COMMON)), at_once)}
        settings = {"jobs_dir": str(folder / "jobs")}
        ways["/jobs, SQLite"] = (stack.enter_context(started(**COMMON, **settings)), as_job)
        if redis:
            ways["/jobs, Redis"] = (stack.enter_context(started(**COMMON, jobs_url=redis)), as_job)
        yield ways


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    for name, value in (("count", 60), ("width", 512), ("rounds", 5)):
        options.add_argument(f"--{name}", type=int, default=value)
    asked = options.parse_args()
    pictures = portrait(asked.width, asked.width, asked.count)
    images = [{"image_base64": base64.b64encode(each).decode()} for each in pictures]
    with tempfile.TemporaryDirectory() as name, store(Path(name)) as redis, servers(Path(name), redis) as ways:
        before = spent(redis)
        took: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(asked.rounds):
            for way, (server, ask) in ways.items():
                with httpx.Client(base_url=server.url, timeout=300, trust_env=False) as client:
                    ask(client, images[:2])  # wakes it up
                    took[way].append(ask(client, images))
        each = 1000 * (spent(redis) - before) / ((asked.count + 2) * asked.rounds)
    base = statistics.median(took["/create_masks"])
    for way, seconds in took.items():
        median = statistics.median(seconds)
        spread = f"{asked.count / max(seconds):.1f} to {asked.count / min(seconds):.1f}"
        print(
            f"{way:14} {asked.count / median:6.1f} pictures a second ({spread}), {base / median:.0%} of /create_masks"
        )
    if redis:
        print(f"Redis itself: {each:.2f} ms of CPU a picture")


if __name__ == "__main__":
    main()
