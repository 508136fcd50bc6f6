"""The face's outline: GrabCut in a band round the prior.

Rother, Kolmogorov, Blake, "GrabCut" (2004), as OpenCV has it, with three zones from the prior: sure face inside, sure
background far outside, and the band between them, where the colours decide.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..geometry import RGB, Bits
from ..mask import distance_to
from .crop import Soft
from .prior import Prior
from .soften import guided, one_piece, opened

_SURE = 0.12  # face widths inside the unraised hull: certainly face
_FAR, _FAR_YAW = 0.10, 0.30  # face widths outside the reach: certainly not; a profile's mesh knows less
_ROUNDS = 3
_OPEN, _GUIDE = 0.03, 0.03  # face widths: thinnest tongue kept; radius of the edge-aware smoothing
_SEED = 1
_HAIR_SURE, _HAIR_FROM = 0.6, 0.35  # hair probability that is hair, above this share of the face height (beards stay)


def face_mask(rgb: RGB, prior: Prior, hair: Soft | None = None) -> tuple[Soft, Bits]:
    """(soft mask, prior mask) of the face in its window: (S, S) float32 whose ½ level is the outline, (S, S) bool.

    ``prior`` is in the window's pixels; ``hair``: (S, S) probability of hair, or None without the hair network.
    """
    size, width = rgb.shape[0], prior.axes.width
    hull = prior.fill(prior.hull, size)
    sure = distance_to(~prior.fill(prior.core, size)) > _SURE * width
    far = distance_to(prior.fill(prior.reach, size)) > (_FAR + _FAR_YAW * prior.axes.yaw) * width
    bits = one_piece(_cut(rgb, hull, sure, far))
    if hair is not None:
        bits = one_piece(bits & ~((hair > _HAIR_SURE) & (height_map(prior, size) > _HAIR_FROM)))
    bits = one_piece(opened(bits, max(1, round(_OPEN * width))))
    if not bits.any():
        bits = hull
    return guided(rgb, bits.astype(np.float32), max(2, int(_GUIDE * width))), hull


def _cut(rgb: RGB, hull: Bits, sure: Bits, far: Bits) -> Bits:
    """GrabCut's answer; the hull itself where one of the sure zones is empty (there is nothing to learn colours from)."""
    if not sure.any() or not far.any():
        return hull
    labels = np.where(hull, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[far], labels[sure] = cv2.GC_BGD, cv2.GC_FGD
    cv2.setRNGSeed(_SEED)  # OpenCV's generator is one per thread: the same picture gives the same mask anywhere
    models = np.zeros((2, 1, 65))
    cv2.grabCut(rgb, labels, None, models[0], models[1], _ROUNDS, cv2.GC_INIT_WITH_MASK)  # type: ignore[call-overload]
    return np.asarray((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD))


def height_map(prior: Prior, size: int) -> Soft:
    """(S, S) float32: how far up the face every pixel lies, 0 at the chin, 1 at the mesh's forehead point."""
    y, x = np.mgrid[:size, :size].astype(np.float32) + 0.5
    axes = prior.axes
    return np.asarray(((x - axes.chin[0]) * axes.up[0] + (y - axes.chin[1]) * axes.up[1]) / axes.height, np.float32)
