"""Among SAM's candidates the one that is this part of a face, held inside a band around the mesh's own mask. Pure.

So SAM draws the outline and nothing else: a candidate that is a body, a background, a hole or a speck agrees too little
with the prior to be taken, and what is taken can leave the prior's outline only by the band's width.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry import Bits
from ..mask import band, clip_to_band, fill_holes, iou, largest_part, parts_touching
from .tuning.sam import PART, PartTuning


@dataclass(frozen=True, slots=True)
class Choice:
    """``index`` of the candidate (−1: none is usable), its agreement with the prior and its predicted IoU, both 0…1."""

    index: int
    agreement: float
    score: float


NONE = Choice(-1, 0.0, 0.0)


def choose(
    logits: NDArray[np.float32],
    predicted: NDArray[np.float32],
    prior: NDArray[np.float32],
    tuning: PartTuning = PART,
) -> Choice:
    """``logits`` (M, L, L) of one face, ``predicted`` (M,) IoU, ``prior`` (L, L): share of each cell that the mesh's
    mask covers.

    Candidates of another shape or with values that are no numbers are never chosen.
    """
    if logits.ndim != 3 or logits.shape[1:] != prior.shape or predicted.shape != logits.shape[:1]:
        return NONE
    best, best_weight = NONE, 0.0
    for i, (one, estimate) in enumerate(zip(logits, predicted, strict=True)):
        score = float(np.clip(np.nan_to_num(estimate, nan=0.0, posinf=0.0, neginf=0.0), 0, 1))
        agreement = soft_iou(one > 0, prior) if np.isfinite(one).all() else 0.0
        if (one_weight := weight(agreement, score, tuning)) > best_weight:
            best, best_weight = Choice(i, agreement, score), one_weight
    return best


def weight(agreement: float, score: float, tuning: PartTuning = PART) -> float:
    """What a candidate counts, by its agreement with what is there already and its predicted IoU."""
    return agreement * (1 - tuning.trust + tuning.trust * score)


def steadiness(logits: NDArray[np.float32]) -> float:
    """SAM's own measure of a clear outline: what is inside at a logit of 1, as a share of what is at −1; 0…1."""
    return float(np.count_nonzero(logits > 1)) / max(1.0, float(np.count_nonzero(logits > -1)))


def soft_iou(bits: Bits, prior: NDArray[np.float32]) -> float:
    """IoU of a mask with a map of shares 0…1; fair to faces of a few cells."""
    both = float(np.minimum(bits, prior).sum())
    either = float(np.maximum(bits, prior).sum())
    return both / either if either > 0 else 0.0


def size_of(prior: Bits, tuning: PartTuning = PART) -> float:
    """The square root of a mask's area, less for a thin one; in pixels. 0 for an empty one."""
    if not prior.any():
        return 0.0
    depth = cv2.distanceTransform(np.pad(prior, 1).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return float(min(np.sqrt(np.count_nonzero(prior)), tuning.thick * depth.max()))


def held(bits: Bits, prior: Bits, tuning: PartTuning = PART) -> Bits:
    """The candidate ``bits`` inside the band around ``prior`` (same window), without holes that the prior does not
    have, and without stray parts.

    >>> prior = np.pad(np.ones((20, 20), bool), 10)
    >>> bool(held(np.ones_like(prior), prior).all()), bool(held(np.zeros_like(prior), prior).any())
    (False, True)
    """
    size = size_of(prior, tuning)
    sure, possible = band(prior, tuning.inner * size, tuning.outer * size)
    out = clip_to_band(bits, sure, possible)
    out |= _stray_holes(out, prior) & possible
    return parts_touching(out, sure) if sure.any() else largest_part(out)


def _stray_holes(bits: Bits, prior: Bits) -> Bits:
    """Holes of ``bits``, but for those where the prior has one too: an open mouth between lips, the face within
    hair.
    """
    holes = fill_holes(bits) & ~bits
    hollow = fill_holes(prior) & ~prior
    return holes & ~parts_touching(holes, hollow) if hollow.any() else holes


def agreement(bits: Bits, prior: Bits) -> float:
    return iou(bits, prior)


def margin(prior: Bits, tuning: PartTuning = PART) -> int:
    """Pixels that the band reaches beyond the prior."""
    return int(np.ceil(tuning.outer * size_of(prior, tuning))) + 2
