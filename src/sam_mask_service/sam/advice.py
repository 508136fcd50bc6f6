"""Which SAM suits this machine: expected times from its measured matrix rates. Pure; ``machine.measure`` gives the
rates.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..models.registry import ROWS
from ..runtime.machine import Exact, Rates
from .tuning import ADVICE, AdviceTuning

COSTS = {row.name: row.cost for row in ROWS if row.cost is not None}
LINEAR = 0.758
"""Share of a ViT's GFLOP in fully connected layers: what ``SAM_PRECISION=int8`` computes in 8 bits."""


@dataclass(frozen=True, slots=True)
class Advice:
    """``seconds``: expected time of the image encoder by model, in the ``precision`` that ``auto`` takes.
    ``int8_seconds``: of ``vit_b`` in int8, None where that is not clearly faster. ``text``: the rates and times;
    ``choice``: the setting that suits."""

    model: str
    precision: Exact
    seconds: dict[str, float]
    int8_seconds: float | None
    text: str
    choice: str


def advise(rates: Rates, threads: int, tuning: AdviceTuning = ADVICE) -> Advice:
    """ViT-B where a picture is not longer in the making than ``patience``, else MobileSAM; the larger ones gain little
    on faces."""
    precision = rates.fastest
    rate = max(rates.bf16 if precision == "bf16" else rates.f32, 1e-3)
    softmax = tuning.softmax / max(1, threads)
    seconds = {name: round(cost.loss * cost.gflop / rate + cost.softmax * softmax, 2) for name, cost in COSTS.items()}
    int8 = _int8_seconds(rates, rate, softmax)
    if int8 is not None and int8 * tuning.int8_gain > seconds["vit_b"]:
        int8 = None
    model = "vit_b" if seconds["vit_b"] <= tuning.patience else "mobile_sam"
    return Advice(model, precision, seconds, int8, _text(precision, seconds, rates, threads), _choice(model, int8))


def _int8_seconds(rates: Rates, rate: float, softmax: float) -> float | None:
    """Of ViT-B; attention stays at ``rate``."""
    if rates.int8 <= 0:
        return None
    cost = COSTS["vit_b"]
    return round(cost.gflop * (LINEAR / rates.int8 + (1 - LINEAR) / rate) + cost.softmax * softmax, 2)


def _text(precision: str, seconds: dict[str, float], rates: Rates, threads: int) -> str:
    times = ", ".join(f"{name} {s:.1f} s" for name, s in seconds.items())
    return (
        f"{threads} threads, {rates.f32:.0f} GFLOP/s in f32, {rates.bf16:.0f} in bf16, {rates.int8:.0f} in int8: "
        f"SAM_PRECISION=auto takes {precision}; expected time of the first look at a picture: {times}."
    )


def _choice(model: str, int8: float | None) -> str:
    text = f"SAM_MODEL={model}"
    if int8 is None:
        return text
    faster = f"SAM_PRECISION=int8 ({int8:.1f} s, at twice bf16's error)"
    return f"{text}; {faster} is faster still" if model == "vit_b" else f"{text}, or vit_b with {faster}"
