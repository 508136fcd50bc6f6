"""Which SAM suits this machine: expected times from its measured matrix rates. Pure; ``machine.measure`` gives the rates."""

from __future__ import annotations

from dataclasses import dataclass

from .machine import Exact, Rates

PATIENCE_S = 5.0
"""A picture that takes longer to look at is too slow to work with."""
SOFTMAX_S = 1.2
"""Core-seconds that ViT-B's global attention spends outside matrix products (measured 1.0 on Zen 4, 1.3 with AMX)."""


@dataclass(frozen=True, slots=True)
class _Cost:
    """GFLOP of the encoder, and its softmax in units of ViT-B's. ``loss``: time over GFLOP ÷ rate (small products run below it)."""

    gflop: float
    softmax: float
    loss: float


COSTS = {
    "vit_b": _Cost(972, 1.0, 1.0),
    "vit_l": _Cost(2980, 1.33, 1.0),
    "vit_h": _Cost(5940, 1.33, 1.0),
    "mobile_sam": _Cost(76, 0.0, 1.75),
}


@dataclass(frozen=True, slots=True)
class Advice:
    """``seconds``: expected time of the image encoder by model, in the ``precision`` that ``auto`` takes."""

    model: str
    precision: Exact
    seconds: dict[str, float]
    text: str


def advise(rates: Rates, threads: int) -> Advice:
    """ViT-B where a picture takes at most ``PATIENCE_S``, else MobileSAM; the larger ones gain little on faces."""
    precision = rates.fastest
    rate = max(rates.bf16 if precision == "bf16" else rates.f32, 1e-3)
    seconds = {
        name: round(cost.loss * cost.gflop / rate + cost.softmax * SOFTMAX_S / max(1, threads), 2)
        for name, cost in COSTS.items()
    }
    model = "vit_b" if seconds["vit_b"] <= PATIENCE_S else "mobile_sam"
    return Advice(model, precision, seconds, _text(model, precision, seconds, rates, threads))


def _text(model: str, precision: Exact, seconds: dict[str, float], rates: Rates, threads: int) -> str:
    times = ", ".join(f"{name} {s:.1f} s" for name, s in seconds.items())
    text = (
        f"{threads} threads, {rates.f32:.0f} GFLOP/s in f32 and {rates.bf16:.0f} in bf16: SAM_PRECISION=auto takes {precision}; "
        f"expected time of the first look at a picture: {times}. Recommended: SAM_MODEL={model}"
    )
    if model == "mobile_sam":
        text += ", or vit_b with SAM_PRECISION=int8 (about half its time where the CPU has VNNI, at twice bf16's error)"
    return text + "."
