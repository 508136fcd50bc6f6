"""What one run of the card's figures measures, and how long it may take. Pure but for the clock."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

GFLOP = {"vit_b": 972.0, "vit_h": 5466.0}
"""Of an encoder at 1024 pixels: two for each product of numbers, in linear layers and attention."""


@dataclass(frozen=True)
class Plan:
    """``size``: sides of the picture that is masked; ``batches``: of the encoder; ``clients``: at once, in process and
    over HTTP; ``runs``: of each timing; ``load_s``: seconds of each load over HTTP; ``until``: when nothing new is
    begun, on the clock of ``time.perf_counter``; ``portrait``: side of the pictures over HTTP. ``tiny``: drawn networks
    of a few cells."""

    device: str
    size: tuple[int, int] = (1024, 768)
    batches: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    clients: int = 32
    runs: int = 10
    load_s: float = 10.0
    until: float = float("inf")
    portrait: int = 1024
    tiny: bool = False

    @property
    def low(self) -> str:
        """The precision that the device is for; torch's CPU takes many minutes for others."""
        return {"mps": "f16", "torch-cpu": "f32"}.get(self.device, "bf16")

    @property
    def over(self) -> bool:
        return time.perf_counter() > self.until


def full(device: str, seconds: float) -> Plan:
    return Plan(device, until=time.perf_counter() + seconds)


def tiny(device: str, seconds: float) -> Plan:
    return replace(
        full(device, seconds), size=(128, 96), batches=(1, 2), clients=4, runs=2, load_s=2, portrait=256, tiny=True
    )


def middle(run: Callable[[], object], wait: Callable[[], None], runs: int) -> float:
    """Median seconds of ``run`` until the device is done; the first runs warm up."""
    return statistics.median(wall for wall, _ in timed(run, wait, runs, 3))


def least_by_turns(
    one: Callable[[], object], other: Callable[[], object], wait: Callable[[], None], runs: int
) -> list[tuple[float, float]]:
    """Of each of two, by the wall and of all cores, the least of its ``runs`` and one more: what other programs disturb
    least. They take turns, and each is as often the first as the second: one, other, other, one."""
    found: list[list[tuple[float, float]]] = [[], []]
    for turn in range(runs + 1):
        for which in (0, 1) if turn % 2 == 0 else (1, 0):
            found[which] += timed((one, other)[which], wait, 1, 0)
    return [(min(wall for wall, _ in each), min(cores for _, cores in each)) for each in found]


def timed(run: Callable[[], object], wait: Callable[[], None], runs: int, warm: int) -> list[tuple[float, float]]:
    """Of each run after the first ``warm``: seconds by the wall, and of this process on all cores."""
    found = []
    for _ in range(runs + warm):
        wait()
        start, cores = time.perf_counter(), time.process_time()
        run()
        wait()
        found.append((time.perf_counter() - start, time.process_time() - cores))
    return found[warm:]
