"""How sure it is that a candidate is a face: a logistic of what the looks and the mesh say. Pure.

The coefficients were fitted on labelled group photos, portraits and pictures without faces, then rounded; docs/quality.md says
how and holds the reliability table. The probability is the confidence that the service reports.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .tuning.verdict import CALIBRATION, Calibration


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one candidate.

    ``total``, ``best``: sum and maximum of BlazeFace's scores in all its looks. ``yunet``: YuNet's best score, 0 where it saw
    nothing, None where it did not look. ``presence``: the mesh's probability. ``shift``: mean distance between the first and
    the second mesh as a share of the box's longer side. ``bordered``: only the look within a border saw it. ``straight``: for
    a tilted candidate its score when looked at upright (0 when it is gone then), else None. ``side``: the longer side in pixels.
    """

    total: float
    best: float
    presence: float
    shift: float
    yunet: float | None = None
    bordered: bool = False
    straight: float | None = None
    side: float = 0.0


def log_odds(p: float, floor: float) -> float:
    p = min(1 - floor, max(floor, p))
    return math.log(p / (1 - p))


def confidence(e: Evidence, tuning: Calibration = CALIBRATION) -> float:
    """Probability 0…1 that it is a face."""
    if e.yunet:
        return _sigmoid(_yunet_odds(e, e.yunet, tuning))
    alone = _sigmoid(_blaze_odds(e, tuning))
    if e.yunet is None:
        return alone
    doubted = _sigmoid(_blaze_odds(e, tuning) + tuning.unseen)
    return max(doubted, tuning.sure_alone) if alone >= tuning.sure_alone else doubted


def _blaze_odds(e: Evidence, tuning: Calibration) -> float:
    upright = e.straight is not None and e.straight >= tuning.confirmed
    total, best = (e.total + e.straight, max(e.best, e.straight)) if upright and e.straight else (e.total, e.best)
    odds = tuning.bias + tuning.total * total + tuning.best * log_odds(best, tuning.floor)
    odds += tuning.presence * log_odds(e.presence, tuning.floor)
    odds += tuning.shift * min(tuning.most_shift, e.shift) + (tuning.bordered if e.bordered else 0.0)
    return odds + (0.0 if e.straight is None else tuning.tilted if upright else tuning.gone)


def _yunet_odds(e: Evidence, score: float, tuning: Calibration) -> float:
    odds = tuning.yunet_bias + tuning.yunet_total * e.total + tuning.yunet_score * score
    odds += tuning.yunet_presence * log_odds(e.presence, tuning.floor)
    large = (e.side - tuning.small_side) / (tuning.large_side - tuning.small_side)
    odds += tuning.yunet_large * min(1.0, max(0.0, large))
    return odds + (tuning.yunet_gone if e.straight is not None and e.straight < tuning.confirmed else 0.0)


def _sigmoid(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))
