"""The tables, as they come: encoders, a picture's way in process, over HTTP; then the reference and notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from sam_mask_service.runtime.machine import cpu_threads
from sam_mask_service.runtime.torch_card import Card

from . import encoder, http, path, reference, steps
from .drawn import MOBILE, Network, mobile_sam, networks, official, real
from .plan import Plan

RATE_SIDE, RATE_SIDE_CPU = 8192, 256
"""Of the squares whose product gives the card's rate."""
PORTRAIT, STEP_RUNS = 1024, 5


def whole(plan: Plan, weights: Path | None, precision: str) -> Iterator[str]:
    """Every network in turn, its weights let go of before the next one's; the other tables when all are through."""
    card = Card(plan.device, cpu_threads())
    rate = encoder.matrix_rate(card, RATE_SIDE if card.cuda else RATE_SIDE_CPU)
    yield f"{model(card)}, torch {torch.__version__}, bf16 products {rate:.1f} TFLOP/s, pictures of {plan.size}.\n"
    ways, served, notes = list(path.head(plan)), list(http.HEAD), list[str]()
    yield from encoder.HEAD
    for network in networks(plan.tiny, weights):
        yield from encoder.encoder_rows(plan, card, network, rate)
        ways += path.path_rows(plan, card, network)
        served += http.http_rows(plan, network, weights)
        notes += notes_on(plan, card, network, precision)
    for table in (ways, served, notes):
        yield ""
        yield from table


def notes_on(plan: Plan, card: Card, network: Network, precision: str) -> Iterator[str]:
    if plan.over:
        yield f"{network.name}: not compared, the time is over."
        return
    if not plan.tiny:
        yield from reference.beside(plan, card, network, card.precision(precision))
    yield path.low_load(plan, card, network, plan.low)
    if network.kind != "vit_h":
        yield encoder.agreement(plan, card, network)


def beside(plan: Plan, weights: Path | None, precision: str, models: Sequence[str]) -> Iterator[str]:
    """The reference; and what the batcher costs, where a picture is quick."""
    card = Card(plan.device, cpu_threads())
    yield f"{model(card)}, torch {torch.__version__}, {cpu_threads()} CPU threads, pictures of {plan.size}.\n"
    for name in models:
        network = mobile_sam(weights) if name == MOBILE else official(name, "")
        yield from reference.beside(plan, card, network, card.precision(precision))
        if name == MOBILE:
            yield path.low_load(plan, card, network, card.precision(precision))


def rest(plan: Plan, weights: Path | None) -> Iterator[str]:
    """A request but for the card: with the real MobileSAM, where it is given, else a network of a few cells."""
    network = next(networks(True, None)) if weights is None else real(weights / f"{MOBILE}.pt")
    yield from steps.step_rows(replace(plan, portrait=PORTRAIT, runs=STEP_RUNS), network, weights)


def model(card: Card) -> str:
    return str(torch.cuda.get_device_name(card.device)) if card.cuda else card.name
