"""What a request costs the CPU besides the card, step by step: core-milliseconds of the whole process, one request at a
time, so that neither other programs nor its own threads change them much.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from .drawn import Network, portraits
from .http import checkpoint, missing
from .plan import Plan

CORES = 16
"""Of the machine that the figures are aimed at."""
WARM = 2
CARD = "on the card"
SLOWEST = 600.0
"""Seconds of a request, beside other programs on a CPU too."""


def step_rows(plan: Plan, network: Network, weights: Path | None) -> Iterator[str]:
    """``weights``: folder of the real MobileSAM, whose masks are drawn on as in earnest."""
    if lacking := missing():
        yield f"The CPU's part is not measured, not installed: {', '.join(lacking)}"
        return
    with tempfile.TemporaryDirectory() as folder:
        path = checkpoint(network, weights, Path(folder))
        costs = asyncio.run(_costs(plan, path, portraits(plan.portrait, plan.runs + WARM)))
    middle = {name: statistics.median(each[name] for each in costs) for name in costs[0]}
    sam = middle.pop(CARD)
    left = sum(middle.values()) - sam
    said = ", ".join(f"{name} {value:.1f}" for name, value in middle.items())
    yield f"{network.name}, {plan.portrait} pixels, core-milliseconds a picture: {said};"
    rate = 1e3 * CORES / left
    yield f"{sam:.1f} of them SAM's own, a card's part. Left {left:.1f}: {CORES} cores do {rate:.0f} a second."


async def _costs(plan: Plan, path: Path, pictures: list[bytes]) -> list[dict[str, float]]:
    from sam_mask_service.bulk.ready import until_ready
    from sam_mask_service.compose import build
    from sam_mask_service.params import MaskParams, Source, parse
    from sam_mask_service.settings import load
    from sam_mask_service.tasks import MASK

    settings = load(device=plan.device, checkpoint=path, engine="sam", cache_bytes=0, deadline_seconds=SLOWEST)
    service = build(settings, fetch_nets=False)
    await until_ready(service, "sam", print)
    found = []
    with core_seconds_in_steps(), core_seconds_of_sam() as spent:
        for picture in pictures:
            spent[0] = 0.0
            answer = await service.run(MASK, Source("bytes", picture), parse(MaskParams, {}))
            steps = {name: 1e3 * seconds for name, seconds in answer.body["timings"].items()}
            found.append({**steps, CARD: 1e3 * spent[0]})
    service.close()
    return found[WARM:]


@contextmanager
def core_seconds_in_steps() -> Iterator[None]:
    """Steps are timed by what all threads of the process computed."""
    from sam_mask_service.tasks import steps

    with patch.object(steps, "time", SimpleNamespace(perf_counter=time.process_time)):
        yield


@contextmanager
def core_seconds_of_sam() -> Iterator[list[float]]:
    """A list of one number, to which encoder and decoder add what they compute."""
    from sam_mask_service.sam.card import CardSam

    spent = [0.0]

    def counted(run: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any, **named: Any) -> Any:
            start = time.process_time()
            try:
                return run(*given, **named)
            finally:
                spent[0] += time.process_time() - start

        return timed

    with (
        patch.object(CardSam, "encode", counted(CardSam.encode)),
        patch.object(CardSam, "decode", counted(CardSam.decode)),
    ):
        yield spent
