"""What bulk work costs: ``python -m bench.speed.bulk resume|plain|ray``.

``resume``: a second run over very many pictures that are done (drawn rows and empty files). ``plain``: pictures from a
folder to a folder, against the service's own rate on the same pictures in memory. ``ray``: one actor against one
process, and two actors against one (wants the extra ``ray``). SAM_ENGINE and SAM_MODEL choose the engine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from skimage import data

from sam_mask_service.bulk.action import ACTIONS
from sam_mask_service.bulk.cluster.actor import Kit, builder
from sam_mask_service.bulk.cluster.connect import Cluster, connect
from sam_mask_service.bulk.cluster.runner import RayRunner
from sam_mask_service.bulk.local import AHEAD, LocalRunner
from sam_mask_service.bulk.one import Wanted
from sam_mask_service.bulk.places import FolderPlace
from sam_mask_service.bulk.ready import until_ready
from sam_mask_service.bulk.run import Run, Runner
from sam_mask_service.bulk.sources.folder import Folder
from sam_mask_service.cli.run import command_settings
from sam_mask_service.compose import build
from sam_mask_service.doors import tree
from sam_mask_service.service import Service
from sam_mask_service.settings import Settings, load
from sam_mask_service.wire import Json

WANTED = Wanted(ACTIONS["mask"], ACTIONS["mask"].parse({"mode": "combined"}))


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("what", choices=["resume", "plain", "ray"])
    words.add_argument("--pictures", type=int)
    given = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="bulk-") as folder:
        if given.what == "resume":
            asyncio.run(resume(Path(folder), given.pictures or 1_000_000))
        elif given.what == "plain":
            draw(Path(folder, "in"), given.pictures or 200)
            asyncio.run(plain(Path(folder)))
        else:
            draw(Path(folder, "in"), given.pictures or 200)
            on_ray(Path(folder))


def draw(folder: Path, count: int) -> None:
    """A face of 512 × 512, each picture a little different."""
    folder.mkdir()
    for number in range(count):
        pixels = np.roll(data.astronaut(), number % 64, axis=1)
        pixels[0, :2, 0] = number >> 8, number & 255
        Image.fromarray(pixels).save(folder / f"{number:05}.jpg", quality=92)


def settings(**given: Any) -> Settings:
    return command_settings(load(cache_bytes=0, offline=True, **given), "auto")


@contextlib.contextmanager
def opened(folder: Path, output: str) -> Iterator[Run]:
    with (
        tempfile.TemporaryDirectory() as scratch,
        Run(Folder(folder / "in"), FolderPlace(folder / output), WANTED, Path(scratch)) as run,
    ):
        yield run


async def worked(folder: Path, output: str, runner: Runner) -> float:
    """Seconds, planning and the manifest included."""
    start = time.perf_counter()
    with opened(folder, output) as run:
        run.look()
        await run.work(runner, lambda _: None)
        run.finish()
    return time.perf_counter() - start


# --- resume -----------------------------------------------------------------------------------------------------------


class Asked:
    """A runner that knows the question and is never given work."""

    def __init__(self, question: str) -> None:
        self._question = question

    async def question(self) -> str:
        return self._question

    async def rows(self, shards: Any, _: Any) -> Any:
        for _ in shards:
            raise AssertionError("there is something to do")
            yield


def drawn_rows(folder: Path, count: int, question: str) -> None:
    stats = {"image_width": 512, "image_height": 512, "faces_detected": 1, "mode": "combined", "warnings": []}
    more = {"action": "mask", "params": {}, "engine": "mesh", "model": "m", "question": question, "faces": 1}
    (folder / "out").mkdir()
    with (folder / "out/manifest.jsonl").open("w") as file:
        for number in range(count):
            name = f"{number // 1000:04}/{number:07}"
            for path in (folder / "in" / f"{name}.jpg", folder / "out" / f"{name}.png"):
                if not number % 1000:
                    path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
            stamp = tree.entry_of(folder / "in" / f"{name}.jpg").stamp
            row: Json = {"input": f"{name}.jpg", "output": [f"{name}.png"], "status": "ok", "error": None, "code": None}
            row |= {"stats": stats, "sha256": f"{number:064x}", "digests": [f"{number:064x}"], "stamp": stamp, **more}
            file.write(json.dumps(row) + "\n")


async def resume(folder: Path, count: int) -> None:
    drawn_rows(folder, count, "q")
    before, cpu = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    seconds = await worked(folder, "out", Asked("q"))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with (folder / "out/manifest.jsonl").open("rb") as rows:
        skipped = sum(b'"skipped"' in row for row in rows)
    cpu = time.process_time() - cpu
    more = (after - before) >> 10
    print(f"resume of {count} rows: {seconds:.1f} s ({cpu:.1f} s of CPU), {skipped} skipped, {more} MB more")


# --- one process ------------------------------------------------------------------------------------------------------


async def plain(folder: Path) -> None:
    service = build(settings(), fetch_nets=False)
    try:
        await until_ready(service, "auto", print)
        pictures = [path.read_bytes() for path in sorted((folder / "in").iterdir())]
        await own_rate(service, pictures[:20])
        engine = service.engines.pick("auto").name
        shares = []
        for turn in range(3):
            alone = await own_rate(service, pictures)
            bulk = await worked(folder, f"out{turn}", LocalRunner(service, FolderPlace(folder / f"out{turn}"), WANTED))
            shares.append(alone / bulk)
            print(
                f"{engine}: alone {len(pictures) / alone:.1f}/s, batch {len(pictures) / bulk:.1f}/s, {shares[-1]:.1%}"
            )
        print(f"{engine}: batch reaches {sorted(shares)[1]:.1%} of the engine's own rate (median of three)")
    finally:
        service.close()


async def own_rate(service: Service, pictures: list[bytes]) -> float:
    """Seconds for all of them, from memory to memory, as many at once as the service takes."""
    slots = asyncio.Semaphore(service.settings.workers + AHEAD)

    async def one(picture: bytes) -> None:
        async with slots:
            await WANTED.action.make(service, picture, WANTED.params)

    start = time.perf_counter()
    await asyncio.gather(*map(one, pictures))
    return time.perf_counter() - start


# --- a cluster --------------------------------------------------------------------------------------------------------


def on_ray(folder: Path) -> None:
    count = len(list((folder / "in").iterdir()))
    alone = asyncio.run(one_process(folder))
    ray = connect(Cluster())
    seconds: dict[int, float] = {}
    for actors in (1, 2):
        cluster = Cluster(actors=actors)
        kit = Kit(builder(settings(), cluster.cpus), str(folder / f"ray{actors}"), WANTED)
        asyncio.run(timed(folder, f"ray{actors}", RayRunner(ray, cluster, kit), seconds, actors))
    ray.shutdown()
    print(f"one process {count / alone:.2f}/s; actors: " + ", ".join(f"{n}: {1 / s:.2f}/s" for n, s in seconds.items()))
    print(
        f"Ray costs {seconds[1] * count / alone - 1:.1%} a picture; two actors are {seconds[1] / seconds[2]:.2f} x one"
    )


async def one_process(folder: Path) -> float:
    service = build(settings(workers=1, threads=1), fetch_nets=False)
    try:
        await until_ready(service, "auto", print)
        return await worked(folder, "alone", LocalRunner(service, FolderPlace(folder / "alone"), WANTED))
    finally:
        service.close()


async def timed(folder: Path, output: str, runner: Runner, seconds: dict[int, float], actors: int) -> None:
    """Seconds a picture between the first rows and the last: after the start."""
    times: list[float] = []
    with opened(folder, output) as run:
        run.look()
        await run.work(runner, lambda _: times.append(time.perf_counter()))
        run.finish()
    skip = len(times) // 3
    seconds[actors] = (times[-1] - times[skip]) / (len(times) - skip - 1)


if __name__ == "__main__":
    main()
