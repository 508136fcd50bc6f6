"""Which SAM suits this machine: its matrix rates, measured for a moment, and what that makes of each model's work."""

from __future__ import annotations

from dataclasses import dataclass

from ..sam.machine import BF16_GAIN, Precision, cpu_threads, measure

WORK: dict[str, float] = {"mobile_sam": 285.0, "vit_b": 2140.0, "vit_l": 6500.0, "vit_h": 12500.0}
"""Encoder's work in 10⁹ operations, counted as measured time × measured matrix rate: more than the bare arithmetic."""
PATIENCE = 4.0
"""Seconds for a picture that most people will wait; beyond it the smaller model is advised."""


@dataclass(frozen=True, slots=True)
class Advice:
    """``seconds``: model → about so long for a picture; ``model`` and ``precision`` are the ones advised."""

    precision: Precision
    rate: float
    seconds: dict[str, float]
    model: str

    def __str__(self) -> str:
        times = ", ".join(f"{name} about {seconds:.1f} s" for name, seconds in self.seconds.items())
        return f"{self.rate:.0f} GFLOP/s in {self.precision}: {times} a picture; best here: SAM_MODEL={self.model}"


def advise(threads: int | None = None) -> Advice:
    """Measures the machine (a third of a second) and says what to run on it."""
    rates = measure(cpu_threads(threads))
    return from_rates(rates.f32, rates.bf16)


def from_rates(f32: float, bf16: float) -> Advice:
    """The advice for matrix rates in 10⁹ operations a second; ``bf16`` 0 where there is none."""
    precision: Precision = "bf16" if bf16 >= BF16_GAIN * f32 else "f32"
    rate = max(f32, bf16) if precision == "bf16" else f32
    seconds = {name: work / rate for name, work in WORK.items()}
    return Advice(precision, rate, seconds, "vit_b" if seconds["vit_b"] <= PATIENCE else "mobile_sam")
