"""A picture's whole way in process, alone and in a crowd: bytes to mask but for faces and HTTP. The crowd goes through
the batches."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from PIL import Image

from sam_mask_service.runtime.torch_card import Card
from sam_mask_service.sam.batching import Batcher
from sam_mask_service.sam.card import CardSam
from sam_mask_service.sam.frame import Frame, upscale

from .drawn import Network, asked, jpeg, picture
from .plan import Plan, middle

LOW_LOAD = 8
"""Least runs of the comparison with and without batcher: what it shows is a difference of microseconds."""


def head(plan: Plan) -> tuple[str, str]:
    names = ("file to mask ms", "1 face ms", "10 faces ms", f"pictures/s of {plan.clients}", "batches", "memory")
    return f"| model | {' | '.join(names)} |", f"|{' --- |' * (len(names) + 1)}"


def whole(sam: CardSam, data: bytes) -> Any:
    """A file's bytes → one face's mask at the picture's size."""
    image = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    logits, predicted = sam.decode(sam.encode(image), asked(sam.image_size, 1))
    best = int(predicted[0, 1:].argmax()) + 1
    return upscale(logits[0, best], Frame(image.shape[1], image.shape[0], sam.image_size)) > 0


def path_rows(plan: Plan, card: Card, network: Network) -> Iterator[str]:
    """Latency, pictures a second, batches, the card's memory; then what the batcher costs who is alone."""
    sam = CardSam(network.state, network.architecture, plan.low, card)  # type: ignore[arg-type]
    files = [jpeg(picture(plan.size, seed)) for seed in range(4)]
    alone = middle(lambda: whole(sam, files[0]), card.wait, plan.runs)
    seen = sam.encode(picture(plan.size))
    one, ten = (middle(partial(sam.decode, seen, asked(sam.image_size, n)), card.wait, plan.runs) for n in (1, 10))
    rate = crowd_rate(plan, sam, files)
    batches, memory = dict(sorted(sam.batches.sizes.items())), card.memory()
    said = "" if memory is None else f"{memory / 1e6:.0f} MB"
    times = " | ".join(f"{1e3 * seconds:.1f}" for seconds in (alone, one, ten))
    yield f"| {network.name} | {times} | {rate:.1f} | {batches} | {said} |"


def crowd_rate(plan: Plan, sam: CardSam, files: list[bytes]) -> float:
    """Pictures a second of ``clients`` threads."""
    count = plan.clients * max(2, plan.runs)
    start = time.perf_counter()
    with ThreadPoolExecutor(plan.clients) as pool:
        list(pool.map(lambda i: whole(sam, files[i % len(files)]), range(count)))
    return count / (time.perf_counter() - start)


def low_load(plan: Plan, card: Card, network: Network, precision: str) -> str:
    """Who is alone: the encoder through the batcher and without it, turn by turn."""
    sam = CardSam(network.state, network.architecture, precision, card, largest=1)  # type: ignore[arg-type]
    taken, times = sam._taken(picture(plan.size)), {"through": list[float](), "without": list[float]()}
    for turn in range(2 * max(LOW_LOAD, plan.runs) + 2):
        way = ("through", "without")[turn % 2]
        start = time.perf_counter()
        _ = sam.batches(taken) if way == "through" else sam._encode([taken])
        times[way].append(time.perf_counter() - start)
    through, without = (1e3 * float(np.median(times[way][1:])) for way in ("through", "without"))
    return (
        f"{network.name} alone, {precision}: encoder {through:.3f} ms through the batcher, {without:.3f} ms without "
        f"(least {1e3 * min(times['through']):.3f} and {1e3 * min(times['without']):.3f}). "
        f"The batcher itself takes {1e6 * batcher_seconds():.1f} µs."
    )


def batcher_seconds(calls: int = 2000) -> float:
    """Of a call that waits for nobody and computes nothing; the least of five rounds."""
    batcher: Batcher[int, int] = Batcher(list, 32)
    rounds = []
    for _ in range(5):
        start = time.perf_counter()
        for item in range(calls):
            batcher(item)
        rounds.append((time.perf_counter() - start) / calls)
    return min(rounds)
