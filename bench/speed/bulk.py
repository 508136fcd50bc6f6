"""What bulk work costs: ``python -m bench.speed.bulk resume|plain|ray``.

``resume``: a second run over very many pictures that are done (drawn rows and empty files). ``plain``: pictures from a
folder to a folder, against the service's own rate on the same pictures in memory. ``ray``: one actor against one
process, and two actors against one (wants the extra ``ray``). SAM_ENGINE and SAM_MODEL choose the engine. All but
``resume`` take turns, and say the middle one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image
from skimage import data

from sam_mask_service.bulk.local import LocalRunner
from sam_mask_service.bulk.one import at_once
from sam_mask_service.bulk.places import FolderPlace
from sam_mask_service.bulk.ready import until_ready
from sam_mask_service.compose import build
from sam_mask_service.doors import tree
from sam_mask_service.service import Service
from sam_mask_service.wire import Json

from .bulk_cost import WANTED, Cost, middle, settings, worked


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("what", choices=["resume", "plain", "ray"])
    words.add_argument("--pictures", type=int)
    words.add_argument("--turns", type=int, default=3)
    words.add_argument("--stand-in", type=float, default=0.0, help="ray: a picture takes these seconds, and no core")
    given = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="bulk-") as name:
        folder = Path(name)
        if given.what == "resume":
            asyncio.run(resume(folder, given.pictures or 1_000_000))
            return
        draw(folder / "in", given.pictures or 200)
        if given.what == "plain":
            asyncio.run(plain(folder, given.turns))
        else:
            from .bulk_cluster import on_ray

            on_ray(folder, given.turns, given.stand_in)


def draw(folder: Path, count: int) -> None:
    """A face of 512 × 512, no two files of equal bytes."""
    folder.mkdir()
    for number in range(count):
        pixels = np.roll(data.astronaut(), number % 64, axis=1)
        Image.fromarray(pixels).save(folder / f"{number:05}.jpg", quality=92, comment=str(number))


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
            source, result = folder / "in" / f"{name}.jpg", folder / "out" / f"{name}.png"
            for path in (source, result):
                if not number % 1000:
                    path.parent.mkdir(parents=True, exist_ok=True)
                os.mknod(path)
            stamp = tree.entry_of(source).stamp
            row: Json = {"input": f"{name}.jpg", "output": [f"{name}.png"], "status": "ok", "error": None, "code": None}
            row |= {"stats": stats, "sha256": f"{number:064x}", "digests": [f"{number:064x}"], "stamp": stamp, **more}
            file.write(json.dumps(row) + "\n")


async def resume(folder: Path, count: int) -> None:
    drawn_rows(folder, count, "q")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cost = await worked(folder, "out", Asked("q"))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with (folder / "out/manifest.jsonl").open("rb") as rows:
        skipped = sum(b'"skipped"' in row for row in rows)
    more = (after - before) >> 10
    print(f"resume of {count} rows: {cost.wall:.1f} s ({cost.cores:.1f} s of CPU), {skipped} skipped, {more} MB more")


# --- one process ------------------------------------------------------------------------------------------------------


async def plain(folder: Path, turns: int) -> None:
    service = build(settings(), fetch_nets=False)
    try:
        await until_ready(service, "auto", print)
        pictures = [path.read_bytes() for path in sorted((folder / "in").iterdir())]
        await alone(service, pictures[:2])
        pairs = [await in_turn(folder / f"out{turn}", service, pictures, turn) for turn in range(turns)]
        name = service.engines.pick("auto").name
        print(f"{name}: alone {middle(own for own, _ in pairs).per(len(pictures))}")
        print(f"{name}: batch {middle(bulk for _, bulk in pairs).per(len(pictures))}")
        for what in Cost._fields:
            shares = [getattr(own, what) / getattr(bulk, what) for own, bulk in pairs]
            print(f"{name}: batch reaches {median(shares):.1%} of the engine's own rate by {what} ({turns} turns)")
    finally:
        service.close()


async def in_turn(output: Path, service: Service, pictures: list[bytes], turn: int) -> tuple[Cost, Cost]:
    """The service alone, and the batch: now the one is first, now the other."""
    runner = LocalRunner(service, FolderPlace(output), WANTED)
    if turn % 2:
        bulk = await worked(output.parent, output.name, runner)
        return await alone(service, pictures), bulk
    own = await alone(service, pictures)
    return own, await worked(output.parent, output.name, runner)


async def alone(service: Service, pictures: list[bytes]) -> Cost:
    """All of them, from memory to memory, as many at once as the service takes."""
    slots = asyncio.Semaphore(at_once(service.settings))

    async def one(picture: bytes) -> None:
        async with slots:
            await WANTED.action.make(service, picture, WANTED.params)

    start = Cost.now()
    await asyncio.gather(*map(one, pictures))
    return Cost.now().since(start)


if __name__ == "__main__":
    main()
