"""How sure it is that a candidate is a face: a logistic of what the looks and the mesh say. Pure.

The coefficients were fitted on labelled group photos, portraits and pictures without faces, then rounded; docs/quality.md says
how and holds the reliability table. The probability is the confidence that the service reports.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

FLOOR = 0.01
"""Probabilities nearer to 0 or 1 than this count as this far: log-odds stay within ±4.6."""
MAX_SHIFT = 0.3


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


CONFIRMED = 0.5
"""A tilted face scores this much when it is looked at upright."""
BIAS, TOTAL, BEST, PRESENCE, SHIFT = -0.3, 2.1, 0.9, 0.46, -16.0
BORDERED = -4.1
GONE = -4.0
TILTED = -2.0
UNSEEN = -3.0
"""YuNet has looked and seen nothing."""
SURE_ALONE = 0.95
"""BlazeFace's confidence from which YuNet, having seen little or nothing, does not lower it: a net that is added takes no sure face
away."""
YUNET_BIAS, YUNET_TOTAL, YUNET_SCORE, YUNET_PRESENCE, YUNET_GONE = -7.0, 1.1, 11.3, 0.12, -1.0
YUNET_LARGE, SMALL_SIDE, LARGE_SIDE = -1.3, 30.0, 80.0
"""YuNet's misses are small faces, its mistakes are large ones (dogs): between these sides, in pixels, a doubt grows."""


def log_odds(p: float) -> float:
    p = min(1 - FLOOR, max(FLOOR, p))
    return math.log(p / (1 - p))


def confidence(e: Evidence) -> float:
    """Probability 0…1 that it is a face."""
    alone = _sigmoid(_blaze_odds(e))
    if e.yunet is None:
        return alone
    both = _sigmoid(_yunet_odds(e, e.yunet) if e.yunet else _blaze_odds(e) + UNSEEN)
    return max(both, alone) if alone >= SURE_ALONE else both


def _blaze_odds(e: Evidence) -> float:
    upright = e.straight is not None and e.straight >= CONFIRMED
    total, best = (e.total + e.straight, max(e.best, e.straight)) if upright and e.straight else (e.total, e.best)
    odds = BIAS + TOTAL * total + BEST * log_odds(best) + PRESENCE * log_odds(e.presence)
    odds += SHIFT * min(MAX_SHIFT, e.shift) + (BORDERED if e.bordered else 0.0)
    return odds + (0.0 if e.straight is None else TILTED if upright else GONE)


def _yunet_odds(e: Evidence, score: float) -> float:
    odds = YUNET_BIAS + YUNET_TOTAL * e.total + YUNET_SCORE * score + YUNET_PRESENCE * log_odds(e.presence)
    large = (e.side - SMALL_SIDE) / (LARGE_SIDE - SMALL_SIDE)
    odds += YUNET_LARGE * min(1.0, max(0.0, large))
    return odds + (YUNET_GONE if e.straight is not None and e.straight < CONFIRMED else 0.0)


def _sigmoid(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))
