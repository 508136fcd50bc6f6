"""Bulk work on Ray against bulk work in one process: the part ``ray`` of ``bench.speed.bulk``."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from bench.started import ROOT
from sam_mask_service.bulk.cluster.actor import Kit, builder
from sam_mask_service.bulk.cluster.connect import Cluster, connect
from sam_mask_service.bulk.cluster.runner import RayRunner
from sam_mask_service.bulk.local import LocalRunner
from sam_mask_service.bulk.places import FolderPlace
from sam_mask_service.bulk.ready import until_ready
from sam_mask_service.bulk.run import Runner
from sam_mask_service.geometry import Face
from sam_mask_service.service import Service
from sam_mask_service.wire import Json
from tests.support.scene import Fixed
from tests.support.scene import service as stand_in

from .bulk_cost import WANTED, Cost, middle, opened, settings

APART_S = 1.0
"""Seconds from one look at what was spent to the next."""


class Slow(Fixed):
    """Takes its time, and no core."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def detect(self, *_: Any) -> list[Face]:
        time.sleep(self._seconds)
        return list(self.faces)


def slow(folder: Path, seconds: float) -> Service:
    folder.mkdir(exist_ok=True)
    return stand_in(folder, Slow(seconds), workers=1, threads=1)


def on_ray(folder: Path, turns: int, seconds: float) -> None:
    """``seconds``: what a picture takes on a stand-in; 0: the engine."""
    os.environ["PYTHONPATH"] = str(ROOT)
    build_one = partial(slow, folder / "roots", seconds) if seconds else builder(settings(), 1.0)
    ray, costs = connect(Cluster()), dict[int, list[Cost]]()
    for turn in range(turns):
        costs.setdefault(0, []).append(asyncio.run(one_process(folder, f"alone{turn}", build_one)))
        for actors in (1, 2):
            output, cluster = f"ray{turn}{actors}", Cluster(actors=actors)
            runner = RayRunner(ray, cluster, Kit(build_one, str(folder / output), WANTED))
            costs.setdefault(actors, []).append(asyncio.run(after_start(folder, output, runner)))
    ray.shutdown()
    told({actors: middle(those) for actors, those in costs.items()})


def told(costs: dict[int, Cost]) -> None:
    for actors, cost in costs.items():
        print(f"{'one process' if not actors else f'Ray, {actors} actor(s)'}: {cost.per(1)}")
    for what in Cost._fields:
        print(f"Ray costs {getattr(costs[1], what) / getattr(costs[0], what) - 1:.1%} a picture by {what}")
    print(f"two actors are {costs[1].wall / costs[2].wall:.2f} x one by the clock; each of their pictures takes")
    print(f"{costs[2].cores / costs[1].cores:.3f} x the core-seconds: {2 * costs[1].cores / costs[2].cores:.2f} x one")


async def one_process(folder: Path, output: str, build_one: Callable[[], Service]) -> Cost:
    service = build_one()
    try:
        await until_ready(service, "auto", print)
        return await after_start(folder, output, LocalRunner(service, FolderPlace(folder / output), WANTED))
    finally:
        service.close()


async def after_start(folder: Path, output: str, runner: Runner) -> Cost:
    """A picture, once the first third is done: the slope of what was spent over what was done, since rows of an actor
    come many at once."""
    done, spent = itertools.count(), [(0, Cost(0, 0))]
    processes: dict[int, float] = {}

    def each(_: Json) -> None:
        number = next(done)
        if time.perf_counter() - spent[-1][1].wall >= APART_S:
            spent.append((number, Cost(ours(processes), time.perf_counter())))

    with opened(folder, output) as run:
        run.look()
        await run.work(runner, each)
        run.finish()
        steady = [(number, cost) for number, cost in spent[1:] if number >= run.lines // 3]
    numbers, costs = zip(*steady, strict=True)
    return Cost(*(float(np.polyfit(numbers, values, 1)[0]) for values in zip(*costs, strict=True)))


def ours(spent: dict[int, float]) -> float:
    """Core-seconds of this process and all below it. ``spent``: by process, those that have ended with what they had
    when they were seen last."""
    for process in (me := psutil.Process(), *me.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            spent[process.pid] = sum(process.cpu_times()[:2])
    return sum(spent.values())
