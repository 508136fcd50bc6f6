"""Encoders alone: each form of attention and batch, against the rate at which the card multiplies matrices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from sam_mask_service.runtime.torch_card import Card
from sam_mask_service.sam.card import CardSam

from .drawn import Network, asked, picture
from .plan import GFLOP, Plan, middle

HEAD = (
    "| model | precision | attention | batch | encoder ms | pictures/s | of the matrix rate |",
    "| --- | --- | --- | --- | --- | --- | --- |",
)


def matrix_rate(card: Card, side: int) -> float:
    """TFLOP/s of bf16 products of squares."""
    a, b = (torch.ones((side, side), dtype=torch.bfloat16, device=card.device) / side for _ in range(2))
    return float(2 * side**3 / middle(lambda: a @ b, card.wait, 5) / 1e12)


def encoder_rows(plan: Plan, card: Card, network: Network, rate: float) -> Iterator[str]:
    forms = ("folded", "bias", "apart") if network.kind.startswith("vit") else ("folded",)
    for form in forms:
        yield from _rows_of_form(plan, card, network, form, rate)


def _rows_of_form(plan: Plan, card: Card, network: Network, form: str, rate: float) -> Iterator[str]:
    sam = CardSam(network.state, network.architecture, plan.low, card, form=form, largest=1)  # type: ignore[arg-type]
    one = sam._taken(picture(plan.size))
    for batch in plan.batches:
        start = f"| {network.name} | {plan.low} | {form} | {batch} |"
        if plan.over:
            yield f"{start} not begun: the time is over | | |"
            return
        try:
            seconds = _seconds(plan, card, sam, torch.cat([one] * batch))
        except Exception as e:
            yield f"{start} {type(e).__name__} | | |"
            return
        share = GFLOP.get(network.name, 0) * batch / seconds / 1e3 / rate if card.cuda else 0
        said = f"{100 * share:.0f} %" if share else ""
        yield f"{start} {1e3 * seconds:.2f} | {batch / seconds:.1f} | {said} |"


def _seconds(plan: Plan, card: Card, sam: CardSam, pictures: Any) -> float:
    return middle(lambda: sam._encoder(pictures), card.wait, plan.runs)


def agreement(plan: Plan, card: Card, network: Network) -> str:
    """Masks in lower precision, and as CUDA graphs, against f32."""
    image, found = picture(plan.size), {}
    for precision in ("f32", "bf16", "f16"):
        sam = CardSam(network.state, network.architecture, precision, card, largest=1)
        found[precision] = sam.decode(sam.encode(image), asked(sam.image_size, 3))[0][:, 1:] > 0
    said = [f"{p} {100 * np.mean(found[p] != found['f32']):.3f} %" for p in ("bf16", "f16")]
    return f"{network.name}: mask pixels that differ from f32's: {', '.join(said)}."
