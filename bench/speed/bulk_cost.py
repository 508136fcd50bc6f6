"""What the parts of ``bench.speed.bulk`` share: a run, and what it cost."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from sam_mask_service.bulk.action import ACTIONS
from sam_mask_service.bulk.one import Wanted
from sam_mask_service.bulk.outcome import Tally
from sam_mask_service.bulk.places import FolderPlace
from sam_mask_service.bulk.run import Run, Runner
from sam_mask_service.bulk.sources.folder import Folder
from sam_mask_service.cli.run import command_settings
from sam_mask_service.settings import Settings, load

WANTED = Wanted(ACTIONS["mask"], ACTIONS["mask"].parse({"mode": "combined"}))


def settings(**given: Any) -> Settings:
    return command_settings(load(cache_bytes=0, offline=True, **given), "auto")


@contextlib.contextmanager
def opened(folder: Path, output: str) -> Iterator[Run]:
    with (
        tempfile.TemporaryDirectory() as scratch,
        Run(Folder(folder / "in"), FolderPlace(folder / output), WANTED, Path(scratch)) as run,
    ):
        yield run


class Cost(NamedTuple):
    """``cores``: seconds of CPU, which others' work on the machine hardly changes; ``wall``: seconds by the clock."""

    cores: float
    wall: float

    @classmethod
    def now(cls) -> Cost:
        """Of this process, threads included."""
        return cls(time.process_time(), time.perf_counter())

    def since(self, before: Cost) -> Cost:
        return Cost(self.cores - before.cores, self.wall - before.wall)

    def per(self, count: int) -> str:
        return f"{self.cores / count:.4f} core-seconds a picture, {count / self.wall:.2f} a second"


async def worked(folder: Path, output: str, runner: Runner) -> Cost:
    """Planning and the manifest included."""
    start = Cost.now()
    with opened(folder, output) as run:
        run.look()
        await run.work(runner, Tally().add)
        run.finish()
    return Cost.now().since(start)


def middle(costs: Iterable[Cost]) -> Cost:
    return Cost(*map(median, zip(*costs, strict=True)))
