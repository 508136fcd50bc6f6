"""The exact minimum of an energy with a term per pixel and one per pair of neighbours (Boykov, Jolly 2001). Pure.

OpenCV has the min-cut inside ``grabCut`` only. There the pair term comes from the image's colours (8 neighbours, weaker
where they differ), and with frozen models the pixel term comes from two Gaussian mixtures. Given one Gaussian each, of
the same covariance and blind to two of the three channels, the difference of their log likelihoods is linear in the
first channel: so that channel carries our log odds, exactly but for the rounding, and the other two carry the colours
for the pair term. No random number is drawn with frozen models.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry import Bits
from ..mask import bounds
from .crop import Soft
from .tuning.ground import CUT, CutTuning

_BLIND: Final = 1e7  # variance of a channel that is not to be seen


def min_cut(
    log_odds: Soft,
    colours: NDArray[np.uint8],
    never: Bits,
    always: Bits,
    weight: float = 1.0,
    margin: int | None = None,
    tuning: CutTuning = CUT,
) -> Bits:
    """(H, W) bool: the best labelling.

    ``log_odds``: (H, W) float32, positive where the pixel's own evidence is for the mask; ``colours``: (H, W, 2) uint8;
    ``never``, ``always``: (H, W) bool, pixels that are not free. ``weight``: of the pixels' own evidence; a picture at
    half size has half as many pixels for its outline's length, so the same outline asks for twice the weight.
    ``margin``: only the free pixels' rectangle and so many pixels around it are looked at, which is what the cut costs;
    None: all.
    """
    free = ~(never | always)
    out, around = np.array(always), bounds(free)
    if around is not None:
        height, width = free.shape
        near = around.grown(max(free.shape) if margin is None else margin).clipped(width, height)
        box = near.rows, near.columns
        out[box] = _cut(log_odds[box], colours[box], never[box], always[box], weight, tuning)
    return out


def _cut(
    log_odds: Soft, colours: NDArray[np.uint8], never: Bits, always: Bits, weight: float, tuning: CutTuning
) -> Bits:
    evidence = np.rint(128 + np.clip(log_odds / tuning.range, -1, 1) * tuning.swing).astype(np.uint8)
    image = np.dstack([evidence, colours])
    labels = np.where(log_odds > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[never], labels[always] = cv2.GC_BGD, cv2.GC_FGD
    mask = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    if not mask.any() or mask.all():
        return np.asarray(mask)  # OpenCV wants both kinds
    outer, inner = (_model(128 + side * tuning.swing, weight, tuning) for side in (-1, 1))
    cv2.grabCut(np.ascontiguousarray(image), labels, (0, 0, 0, 0), outer, inner, 1, cv2.GC_EVAL_FREEZE_MODEL)
    return np.asarray((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD))


def _model(mean: float, weight: float, tuning: CutTuning) -> NDArray[np.float64]:
    """OpenCV's flat mixture: 5 weights, 5 means, 5 covariances; the first component has all the weight.

    With variance 2·swing² ⁄ (range·weight) the log-likelihood difference at full swing is range·weight.
    """
    variance = 2 * tuning.swing**2 / (tuning.range * tuning.weight * weight)
    model = np.zeros((1, 65))
    model[0, 0] = 1
    model[0, 5:8] = mean, 128, 128
    model[0, 20:65] = np.tile(np.eye(3).ravel(), 5)
    model[0, 20:29] = np.diag([variance, _BLIND, _BLIND]).ravel()
    return model
