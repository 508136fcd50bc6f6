"""The service over HTTP on the card: one request after the other, then all clients at once; what a request costs the
CPU beside the card, step by step. Wants the service's own packages, and says which are missing.
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from typing import Any

from .drawn import MOBILE, Network, portraits
from .plan import Plan

NEEDED: tuple[str, ...] = (
    "fastapi",
    "uvicorn",
    "gunicorn",
    "uvicorn_worker",
    "openvino",
    "pydantic_settings",
    "prometheus_client",
)
NEEDED += ("httpx", "psutil", "multipart", "platformdirs", "pooch", "pi_heif", "flatbuffers", "typer")
HEAD = (
    "| model over HTTP | alone, p50 ms | clients | pictures/s | p50 ms | CPU-ms a picture | cores would do | memory |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
)
ALONE = 20
"""Requests of the latency."""


def missing() -> list[str]:
    return [name for name in NEEDED if importlib.util.find_spec(name) is None]


def http_rows(plan: Plan, network: Network, weights: Path | None) -> Iterator[str]:
    """``weights``: folder of the real MobileSAM; other networks are written down as a checkpoint first."""
    if lacking := missing():
        yield f"| {network.name} | not measured, not installed: {', '.join(lacking)} | | | | | | |"
        return
    if plan.over:
        yield f"| {network.name} | not begun: the time is over | | | | | | |"
        return
    with tempfile.TemporaryDirectory() as folder:
        yield from _served(plan, network, checkpoint(network, weights, Path(folder)))


def checkpoint(network: Network, weights: Path | None, folder: Path) -> Path:
    if weights is not None and network.name == MOBILE:
        return (weights / f"{MOBILE}.pt").resolve()
    from tests.support import torchzip

    return torchzip.write(folder / f"{network.kind}.pth", dict(network.state))


def _served(plan: Plan, network: Network, path: Path) -> Iterator[str]:
    from bench.started import started

    cores = len(os.sched_getaffinity(0))
    settings = {
        "device": plan.device,
        "checkpoint": str(path),
        "engine": "sam",
        "workers": str(cores),
        "queue": str(2 * plan.clients),
        "cache_bytes": "0",
    }
    before = _card_memory(plan)
    try:
        with started(**settings) as server:
            yield from _measured(plan, network.name, server, cores, before)
    except SystemExit as e:
        yield f"| {network.name} | not measured: {e} | | | | | | |"


def _measured(plan: Plan, name: str, server: Any, cores: int, before: int) -> Iterator[str]:
    pictures = portraits(plan.portrait, 8)
    alone, steps = latency(server.url, pictures, 4 if plan.tiny else ALONE)
    spent = server.cpu_seconds()
    count, times, seconds = crowd(server.url, pictures, plan.clients, plan.load_s)
    each = 1e3 * (server.cpu_seconds() - spent) / max(1, count)
    memory = f"{server.private() / 1e6:.0f} MB, card {(_card_memory(plan) - before) / 1e6:.0f} MB"
    yield (
        f"| {name} | {alone:.1f} | {plan.clients} | {count / seconds:.1f} | {1e3 * statistics.median(times):.0f} "
        f"| {each:.1f} | {1e3 * cores / each:.0f}/s of {cores} | {memory} |"
    )
    yield f"| its steps alone, ms | {', '.join(f'{key} {value:.1f}' for key, value in steps.items())} | | | | | | |"


def latency(url: str, pictures: list[bytes], count: int) -> tuple[float, dict[str, float]]:
    """Median milliseconds of a request, and of its steps as the answers say them."""
    import httpx

    times, steps = [], dict[str, list[float]]()
    with httpx.Client(base_url=url, timeout=60) as client:
        for number, picture in zip(range(count + 3), cycle(pictures), strict=False):
            start = time.perf_counter()
            answer = client.post("/create_mask", files={"image": ("p.jpg", picture)}).raise_for_status()
            if number >= 3:  # the first warm up
                times.append(1e3 * (time.perf_counter() - start))
                for step, value in answer.json()["timings"].items():
                    steps.setdefault(step, []).append(1e3 * value)
    return statistics.median(times), {step: statistics.median(values) for step, values in steps.items()}


def crowd(url: str, pictures: list[bytes], clients: int, seconds: float) -> tuple[int, list[float], float]:
    """``clients`` that ask one picture after the other: how many were answered, their times, and of all the wall."""
    import httpx

    begin = time.perf_counter()

    def one(number: int) -> list[float]:
        times: list[float] = []
        with httpx.Client(base_url=url, timeout=60) as client:
            while time.perf_counter() - begin < seconds or not times:
                start = time.perf_counter()
                picture = pictures[(number + len(times)) % len(pictures)]
                client.post("/create_mask", files={"image": ("p.jpg", picture)}).raise_for_status()
                times.append(time.perf_counter() - start)
        return times

    with ThreadPoolExecutor(clients) as pool:
        times = [value for found in pool.map(one, range(clients)) for value in found]
    return len(times), times, time.perf_counter() - begin


def _card_memory(plan: Plan) -> int:
    """Bytes of the card that all processes have taken."""
    import torch

    if not plan.device.startswith("cuda"):
        return 0
    free, total = torch.cuda.mem_get_info(plan.device)
    return int(total - free)
