"""Among SAM's candidates the one that is this face, held inside a band around the mesh's own mask. Pure.

So SAM draws the outline and nothing else: a candidate that is a body, a background, a hole or a speck agrees too little with the
prior to be taken, and what is taken can leave the prior's outline only by the band's width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry import Bits
from ..mask import band, clip_to_band, fill_holes, iou, largest_part

FLOOR = 0.5
"""Least agreement (IoU over the whole view, before the band) of a candidate that may replace the mesh's mask."""
INNER, OUTER = 0.16, 0.14
"""The band's widths inwards and outwards, in square roots of the prior's area. Outwards less: the prior holds all of a face."""
TRUST = 0.5
"""How far the predicted IoU weighs: a candidate counts agreement × (1 − TRUST + TRUST × predicted IoU)."""


@dataclass(frozen=True, slots=True)
class Choice:
    """``index`` of the candidate (−1: none is usable), its agreement with the prior and its predicted IoU, both 0…1."""

    index: int
    agreement: float
    score: float

    @property
    def agrees(self) -> bool:
        return self.index >= 0 and self.agreement >= FLOOR


NONE = Choice(-1, 0.0, 0.0)


def choose(logits: NDArray[np.float32], predicted: NDArray[np.float32], prior: NDArray[np.float32]) -> Choice:
    """``logits`` (M, L, L) of one face, ``predicted`` (M,) IoU, ``prior`` (L, L): share of each cell that the mesh's mask covers.

    Candidates of another shape or with values that are no numbers are never chosen.
    """
    if logits.ndim != 3 or logits.shape[1:] != prior.shape or predicted.shape != logits.shape[:1]:
        return NONE
    best, best_weight = NONE, 0.0
    for i, (one, estimate) in enumerate(zip(logits, predicted, strict=True)):
        score = float(np.clip(np.nan_to_num(estimate, nan=0.0, posinf=0.0, neginf=0.0), 0, 1))
        agreement = soft_iou(one > 0, prior) if np.isfinite(one).all() else 0.0
        weight = agreement * (1 - TRUST + TRUST * score)
        if weight > best_weight:
            best, best_weight = Choice(i, agreement, score), weight
    return best


def soft_iou(bits: Bits, prior: NDArray[np.float32]) -> float:
    """IoU of a mask with a map of shares 0…1; fair to faces of a few cells."""
    both = float(np.minimum(bits, prior).sum())
    either = float(np.maximum(bits, prior).sum())
    return both / either if either > 0 else 0.0


def held(bits: Bits, prior: Bits) -> Bits:
    """The candidate ``bits`` inside the band around ``prior`` (same window), one piece, without holes.

    >>> prior = np.pad(np.ones((20, 20), bool), 10)
    >>> bool(held(np.ones_like(prior), prior).all()), bool(held(np.zeros_like(prior), prior).any())
    (False, True)
    """
    size = float(np.sqrt(np.count_nonzero(prior)))
    sure, possible = band(prior, INNER * size, OUTER * size)
    return largest_part(fill_holes(clip_to_band(bits, sure, possible)))


def agreement(bits: Bits, prior: Bits) -> float:
    return iou(bits, prior)


def margin(prior: Bits) -> int:
    """Pixels that the band reaches beyond the prior."""
    return int(np.ceil(OUTER * np.sqrt(np.count_nonzero(prior)))) + 2
