"""The tuned numbers of advising a model: from measured rates to expected times and a choice. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ..units import Factor, Seconds


@dataclass(frozen=True, slots=True)
class AdviceTuning:
    """When a model is too slow, and when less exact arithmetic is worth it.

    Measured by ``python -m bench.speed.sam_reference``: the times that are expected beside those of the encoders.
    """

    patience: Seconds = 5.0
    """A picture that takes longer to look at is too slow to work with."""
    softmax: Seconds = 1.2
    """Of one core: what ViT-B's global attention takes outside matrix products (1.0 on Zen 4, 1.3 with AMX)."""
    int8_gain: Factor = 1.2
    """8 bits are worth a word when they are so much faster: they cost twice the error of bf16."""


ADVICE = AdviceTuning()


@dataclass(frozen=True, slots=True)
class Tuning:
    """All of them."""

    advice: AdviceTuning = ADVICE


TUNED = Tuning()
