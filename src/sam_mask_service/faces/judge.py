"""How sure it is that a candidate is a face: a logistic of what the looks and the mesh say. Pure.

The coefficients were fitted on labelled group photos, portraits and pictures without faces, then rounded (docs/quality.md says
how, and holds the reliability table). The probability is the confidence that the service reports.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Weights:
    """Of the sum of all looks' scores, the log-odds of the best one, the mesh's presence, and the mesh's unsteadiness."""

    bias: float
    total: float
    best: float
    presence: float
    shift: float


BLAZE = Weights(bias=-2.1, total=1.5, best=0.6, presence=2.3, shift=-15.0)
MAX_SHIFT = 0.3
"""Unsteadiness beyond this share of the box says nothing more."""
FLOOR = 0.01


def log_odds(p: float) -> float:
    p = min(1 - FLOOR, max(FLOOR, p))
    return math.log(p / (1 - p))


def confidence(weights: Weights, total: float, best: float, presence: float, shift: float) -> float:
    """Probability 0…1. ``shift``: mean distance between the first and the second mesh, as a share of the box's longer side."""
    odds = (
        weights.bias
        + weights.total * total
        + weights.best * log_odds(best)
        + weights.presence * presence
        + weights.shift * min(MAX_SHIFT, shift)
    )
    return 1 / (1 + math.exp(-odds))
