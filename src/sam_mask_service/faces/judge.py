"""How sure it is that a candidate is a face: a logistic of what the looks and the mesh say. Pure.

The coefficients were fitted on labelled group photos, portraits and pictures without faces, then rounded; docs/quality.md says
how and holds the reliability table. The probability is the confidence that the service reports.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .ensemble import Weights

FLOOR = 0.01
"""Probabilities nearer to 0 or 1 than this count as this far: log-odds stay within ±4.6."""
MAX_SHIFT = 0.3


@dataclass(frozen=True, slots=True)
class Heard:
    """What a network beside BlazeFace says: how its ``score`` weighs, and its best one there, 0 where it saw nothing."""

    weights: Weights
    score: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one candidate.

    ``total``, ``best``: sum and maximum of BlazeFace's scores in all its looks. ``heard``: of each other network that looked.
    ``presence``: the mesh's probability. ``shift``: mean distance between the first and
    the second mesh as a share of the box's longer side. ``bordered``: only the look within a border saw it. ``straight``: for
    a tilted candidate its score when looked at upright (0 when it is gone then), else None. ``side``: the longer side in pixels.
    """

    total: float
    best: float
    presence: float
    shift: float
    heard: tuple[Heard, ...] = ()
    bordered: bool = False
    straight: float | None = None
    side: float = 0.0


CONFIRMED = 0.5
"""A tilted face scores this much when it is looked at upright."""
BIAS, TOTAL, BEST, PRESENCE, SHIFT = -0.3, 2.1, 0.9, 0.46, -16.0
BORDERED = -4.1
GONE = -4.0
TILTED = -2.0
SURE_ALONE, KEPT = 0.95, 0.95
"""BlazeFace's confidence of which others, having seen nothing, take no more than to the second: a net that is added takes no sure
face away."""


def log_odds(p: float) -> float:
    p = min(1 - FLOOR, max(FLOOR, p))
    return math.log(p / (1 - p))


def confidence(e: Evidence) -> float:
    """Probability 0…1 that it is a face: as the surest of the others says that have seen it, else as BlazeFace does."""
    seen = [_sigmoid(_odds(e, one.weights, one.score)) for one in e.heard if one.score]
    if seen:
        return max(seen)
    alone = _sigmoid(_blaze_odds(e))
    if not e.heard:
        return alone
    doubted = _sigmoid(_blaze_odds(e) + sum(one.weights.unseen for one in e.heard))
    return max(doubted, min(alone, KEPT)) if alone >= SURE_ALONE else doubted


def _blaze_odds(e: Evidence) -> float:
    upright = e.straight is not None and e.straight >= CONFIRMED
    total, best = (e.total + e.straight, max(e.best, e.straight)) if upright and e.straight else (e.total, e.best)
    odds = BIAS + TOTAL * total + BEST * log_odds(best) + PRESENCE * log_odds(e.presence)
    odds += SHIFT * min(MAX_SHIFT, e.shift) + (BORDERED if e.bordered else 0.0)
    return odds + (0.0 if e.straight is None else TILTED if upright else GONE)


def _odds(e: Evidence, w: Weights, score: float) -> float:
    odds = w.bias + w.total * e.total + w.score * score + w.presence * log_odds(e.presence)
    large = (e.side - w.small_side) / (w.large_side - w.small_side)
    odds += w.large * min(1.0, max(0.0, large))
    return odds + (w.gone if e.straight is not None and e.straight < CONFIRMED else 0.0)


def _sigmoid(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))
