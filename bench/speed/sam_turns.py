"""Processes with one SAM each that take turns on the machine: one is measured, the others are stopped (SIGSTOP)
meanwhile.

A turn counts when nothing else used the machine: what all other processes took of the cores is read off the kernel's
own clocks, and a turn over ``DISTURBED`` of them is repeated, up to ``TRIES`` times; the least disturbed one is kept
and says how much it was.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / ".venv-reference"
DISTURBED = 0.04
"""Share of all cores that others may use during a turn that counts."""
TRIES = 4
PAUSE_S = 1.0
"""Before a turn is tried again."""


@dataclass(frozen=True)
class Turn:
    """``seconds`` by the wall, ``cpu_seconds`` of the measured process alone (user and kernel, all threads),
    ``kernel_seconds`` of these, ``others``: the share of all cores that other processes used meanwhile."""

    seconds: float
    cpu_seconds: float
    kernel_seconds: float
    others: float


class Worker:
    """A process of sam_worker.py. ``load_s`` and ``precision`` are what it said about itself."""

    def __init__(self, command: list[str], isa: str | None = None) -> None:
        environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
        if isa:
            environment["ONEDNN_MAX_CPU_ISA"] = isa
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT
        )
        hello = self._read()
        self.load_s, self.precision = float(hello["load_s"]), str(hello["precision"])

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            sys.exit("a worker ended before it answered; see its message above")
        return dict(json.loads(line))

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self._read()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """No thread of the process runs meanwhile, not even one that waits for work by spinning."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def encode(self, picture: Path, save: Path | None = None) -> Turn:
        def once() -> float:
            return float(
                self.ask(do="encode", picture=str(picture), save=None if save is None else str(save))["seconds"]
            )

        return self._quietly(once)

    def decode(self, faces: int, runs: int) -> float:
        """Milliseconds, the median."""

        def all_runs() -> float:
            return statistics.median(float(self.ask(do="decode", faces=faces)["seconds"]) for _ in range(runs))

        self.ask(do="decode", faces=faces)
        return 1e3 * self._quietly(all_runs).seconds

    def _quietly(self, work: Callable[[], float]) -> Turn:
        tries: list[Turn] = []
        while len(tries) < TRIES and not any(turn.others <= DISTURBED for turn in tries):
            if tries:
                time.sleep(PAUSE_S)
            tries.append(self._turn(work))
        return min(tries, key=lambda turn: turn.others)

    def _turn(self, work: Callable[[], float]) -> Turn:
        own, machine, start = psutil.Process(self.process.pid), _busy(), time.perf_counter()
        before = own.cpu_times()
        seconds = work()
        wall, after = time.perf_counter() - start, own.cpu_times()
        kernel = after.system - before.system
        cpu = after.user - before.user + kernel
        others = max(0.0, _busy() - machine - cpu) / (wall * (psutil.cpu_count() or 1))
        return Turn(seconds, cpu, kernel, others)


def _busy() -> float:
    """Core-seconds that all processes have used since the machine started, and those that its host withheld."""
    times = psutil.cpu_times()
    return float(sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq", "steal")))


@contextmanager
def ours(checkpoint: Path, precision: str, threads: int, isa: str | None = None) -> Iterator[Worker]:
    command = [sys.executable, "-m", "bench.speed.sam_worker", "ours", str(checkpoint), precision, str(threads)]
    with _running(Worker(command, isa)) as worker:
        yield worker


@contextmanager
def reference(checkpoint: Path, threads: int) -> Iterator[Worker]:
    python = str(REFERENCE / "bin" / "python")
    command = [
        python,
        str(ROOT / "bench" / "speed" / "sam_worker.py"),
        "reference",
        str(checkpoint),
        "f32",
        str(threads),
    ]
    with _running(Worker(command)) as worker:
        yield worker


@contextmanager
def _running(worker: Worker) -> Iterator[Worker]:
    try:
        yield worker
    finally:
        assert worker.process.stdin is not None and worker.process.stdout is not None
        worker.process.stdin.close()
        worker.process.wait(timeout=60)
        worker.process.stdout.close()


def summary(turns: list[Turn]) -> dict[str, Any]:
    """The medians, and every turn."""
    middle = {
        f"{name}_median": statistics.median(getattr(t, name) for t in turns) for name in ("seconds", "cpu_seconds")
    }
    return {**middle, "turns": [{k: round(v, 4) for k, v in asdict(turn).items()} for turn in turns]}
