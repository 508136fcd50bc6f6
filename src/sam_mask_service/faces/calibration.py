"""How sure it is that a candidate is a face: a logistic of what the looks and the mesh say. Pure.

The coefficients were fitted on labelled group photos, portraits and pictures without faces, then rounded;
docs/quality.md says how and holds the reliability table. The probability is the confidence that the service reports.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .ensemble import Weights
from .tuning.verdict import CALIBRATION, Calibration


@dataclass(frozen=True, slots=True)
class Heard:
    """What a network beside BlazeFace says: how its ``score`` weighs, and its best one there, 0 where it saw
    nothing.
    """

    weights: Weights
    score: float


@dataclass(frozen=True, slots=True)
class Observation:
    """What is known of one candidate.

    ``total``, ``best``: sum and maximum of BlazeFace's scores in all its looks. ``heard``: of each other network that
    looked. ``presence``: the mesh's probability. ``shift``: mean distance between the first and the second mesh as a
    share of the box's longer side. ``bordered``: only the look within a border saw it. ``straight``: for a tilted
    candidate its score when looked at upright (0 when it is gone then), else None. ``side``: the longer side in pixels.
    """

    total: float
    best: float
    presence: float
    shift: float
    heard: tuple[Heard, ...] = ()
    bordered: bool = False
    straight: float | None = None
    side: float = 0.0


def log_odds(p: float, floor: float) -> float:
    p = min(1 - floor, max(floor, p))
    return math.log(p / (1 - p))


def confidence(e: Observation, tuning: Calibration = CALIBRATION) -> float:
    """Probability 0…1 that it is a face: as the surest of the others says that have seen it, else as BlazeFace does.
    Others, having seen little or nothing, take no sure face away."""
    alone = _sigmoid(_blaze_odds(e, tuning))
    if not e.heard:
        return alone
    seen = [_sigmoid(_odds(e, one.weights, one.score, tuning)) for one in e.heard if one.score]
    unseen = sum(one.weights.unseen for one in e.heard)
    both = max(seen) if seen else _sigmoid(_blaze_odds(e, tuning) + unseen)
    return max(both, alone) if alone >= tuning.sure_alone else both


def _blaze_odds(e: Observation, tuning: Calibration) -> float:
    upright = e.straight is not None and e.straight >= tuning.confirmed
    total, best = (e.total + e.straight, max(e.best, e.straight)) if upright and e.straight else (e.total, e.best)
    odds = tuning.bias + tuning.total * total + tuning.best * log_odds(best, tuning.floor)
    odds += tuning.presence * log_odds(e.presence, tuning.floor)
    odds += tuning.shift * min(tuning.most_shift, e.shift) + (tuning.bordered if e.bordered else 0.0)
    return odds + (0.0 if e.straight is None else tuning.tilted if upright else tuning.gone)


def _odds(e: Observation, w: Weights, score: float, tuning: Calibration) -> float:
    odds = w.bias + w.total * e.total + w.score * score + w.presence * log_odds(e.presence, tuning.floor)
    large = (e.side - w.small_side) / (w.large_side - w.small_side)
    odds += w.large * min(1.0, max(0.0, large))
    return odds + (w.gone if e.straight is not None and e.straight < tuning.confirmed else 0.0)


def _sigmoid(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))
