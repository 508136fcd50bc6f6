"""Bulk work that dies: ``python -m bench.reliability.bulk``. Very many small drawn pictures through ``sam-mask batch``
on the fake engine, killed (-9) five times on the way and started again. Prints the memory at each tenth of the work;
ends with 1 when a picture is lost, a row doubled, a file left over, or the memory grows with the number of pictures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import psutil

from bench.started import ROOT
from sam_mask_service.bulk.action import ACTIONS
from sam_mask_service.bulk.one import Wanted
from sam_mask_service.cli.batch import Batch, run_batch
from sam_mask_service.geometry import Box, Face
from tests.support.scene import Fixed, service

KILLS = 5
MAY_GROW = 1.15
"""The memory in the last tenth, over that in the second."""


def main() -> int:
    words = argparse.ArgumentParser()
    words.add_argument("--pictures", type=int, default=100_000)
    words.add_argument("--work", nargs=2, type=Path, help=argparse.SUPPRESS)
    given = words.parse_args()
    if given.work:
        return work(*given.work)
    with tempfile.TemporaryDirectory(prefix="bulk-") as folder:
        return proved(Path(folder), given.pictures)


def work(source: Path, output: Path) -> int:
    """One run, in a process of its own."""
    small = Fixed((Face(Box(10, 10, 20, 24), 0.9),))
    wanted = Wanted(ACTIONS["mask"], ACTIONS["mask"].parse({}))
    with tempfile.TemporaryDirectory() as folder:
        batch = Batch(str(source), str(output), wanted)
        return int(bool(asyncio.run(run_batch(batch, lambda: service(Path(folder), small))).amiss))


def draw(folder: Path, count: int) -> None:
    """Pictures of 48 × 40, each different, a thousand to a folder."""
    pixels = np.full((40, 48, 3), 90, np.uint8)
    for number in range(count):
        pixels[0, :4, 0] = number >> 24 & 255, number >> 16 & 255, number >> 8 & 255, number & 255
        where = folder / f"{number // 1000:04}"
        where.mkdir(parents=True, exist_ok=True)
        (where / f"{number:07}.png").write_bytes(cv2.imencode(".png", pixels)[1].tobytes())


def proved(folder: Path, count: int) -> int:
    source, output = folder / "in", folder / "out"
    draw(source, count)
    start, kills = time.perf_counter(), 0
    memory: dict[int, int] = {}
    for least in (*(count * (i + 1) // (KILLS + 1) for i in range(KILLS)), None):
        kills += run(source, output, least, count, memory)
    seconds = time.perf_counter() - start
    print(f"{count} pictures in {seconds:.0f} s with {kills} kills; MB by tenth: {dict(sorted(memory.items()))}")
    return told(count, list(faults(output, count, kills)), memory)


def run(source: Path, output: Path, least: int | None, count: int, memory: dict[int, int]) -> int:
    """One process until ``least`` pictures are made, then killed; None: to its end. Whether it was killed."""
    log = (output.parent / "log").open("ab")
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.reliability.bulk", "--work", str(source), str(output)], cwd=ROOT, stderr=log
    )
    log.close()
    seen = psutil.Process(process.pid)
    while process.poll() is None:
        done = made(output)
        if done:
            memory[done * 10 // count] = max(memory.get(done * 10 // count, 0), resident(seen) >> 20)
        if least is not None and done >= least:
            process.kill()
        time.sleep(0.2)
    return int(process.wait() < 0)


def made(output: Path) -> int:
    """Results so far, roughly: whole folders count full."""
    folders = sorted(path for path in output.iterdir() if path.is_dir()) if output.is_dir() else []
    return sum(len(list(path.iterdir())) for path in folders[-2:]) + 1000 * max(0, len(folders) - 2)


def resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def faults(output: Path, count: int, kills: int) -> Iterator[str]:
    rows = [json.loads(line) for line in (output / "manifest.jsonl").open("rb")]
    names = {row["input"] for row in rows}
    if len(rows) != len(names):
        yield f"{len(rows) - len(names)} rows doubled"
    if len(names) != count or any(row["status"] not in ("ok", "skipped") for row in rows):
        yield "pictures lost"
    there = {str(path.relative_to(output)) for path in output.rglob("*.png")}
    if there != names:
        yield f"{len(names - there)} results missing, {len(there - names)} too many"
    left = [path for path in output.rglob("*") if path.is_file() and path.suffix == ".part"]
    if len(left) > kills * 8:
        yield f"{len(left)} halves left"
    if kills != KILLS:
        yield f"killed {kills} times"


def told(count: int, found: list[str], memory: dict[int, int]) -> int:
    if count >= 10_000 and memory[max(memory)] > memory[1] * MAY_GROW:
        found.append("memory grows")
    print("; ".join(found) or f"0 of {count} lost, 0 doubled, memory flat")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
