"""Where an outline runs through hair, told by the face's mesh and its skin: there alone is a matte soft. Pure.

At the jaw, skin meets skin, and colours follow the shade of the chin; at ears, hands and collars a soft edge is no
better than a sharp one. So an outline is held to be hair's unless its inside is skin near the mesh, or it lies at or
under the jaw.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..faces.mesh import fill
from ..geometry import RGB, Bits
from .colours import to_lab
from .prior import Prior
from .soften import Soft, signed_distance, smoothstep
from .tuning.matte import HAIRLINE, HairlineTuning


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """(H, W) each. ``near``: 1 on and beside the mesh, 0 far out; ``under``: 1 at and below the jaw; ``up``: height;
    ``depth``: into the mesh's outline (+) or out of it (−)."""

    near: Soft
    under: Soft
    up: Soft
    depth: Soft


def hair_along(
    rgb: RGB, bits: Bits, distance: Soft, reach: float, prior: Prior, tuning: HairlineTuning = HAIRLINE
) -> Soft:
    """(H, W) float32: 1 where the outline of ``bits`` (H, W) bool runs through hair, 0 where it does not.

    ``rgb``: (H, W, 3) uint8; ``distance``: the signed distance to the outline and ``reach`` in pixels; ``prior`` in
    these pixels, from a mesh. 1 everywhere when too little of the mesh is seen to know its skin.
    """
    places = _places(prior, bits.shape, tuning)
    low = (places.up > tuning.teach_up[0]) & (places.up < tuning.teach_up[1])
    skin = _skin(rgb, (places.depth > tuning.teach) & low, tuning)
    if skin is None:
        return np.ones(bits.shape, np.float32)
    band = np.abs(distance) < reach
    inside = _share(1 - skin * places.near, bits & band, tuning.spread * reach)
    before = (1 - skin) * smoothstep(places.up, *tuning.above) * (places.depth < 0)
    outside = _share(before, ~bits & band, tuning.spread * reach)
    hair = smoothstep(np.maximum(inside, outside), *tuning.hair) * (1 - places.under)
    hair[(places.depth > 0) & (places.up < tuning.teach_up[1])] = 0  # eyelashes are no hair of the outline
    return np.asarray(hair, np.float32)


def _places(prior: Prior, shape: tuple[int, int], tuning: HairlineTuning) -> _Places:
    axes = prior.axes
    x, y = (np.arange(n, dtype=np.float32) + np.float32(0.5) for n in shape[::-1])
    right, up = (
        ((x - axes.chin[0]) * axis[0])[None] + ((y - axes.chin[1]) * axis[1])[:, None] for axis in (axes.right, axes.up)
    )
    across, up = np.abs(right) / np.float32(axes.width), np.asarray(up / axes.height, np.float32)
    hull, core = (signed_distance(fill(shape, [p])) / np.float32(axes.width) for p in (prior.hull, prior.core))
    under = (1 - smoothstep(up, *tuning.under)) * (1 - smoothstep(across, *tuning.across))
    return _Places(1 - smoothstep(-hull, *tuning.near), under, up, core)


def _skin(rgb: RGB, teaching: Bits, tuning: HairlineTuning) -> Soft | None:
    """(H, W) float32 0…1: like the colours of ``teaching``; None when these are too few."""
    if np.count_nonzero(teaching) < tuning.fewest:
        return None
    lab = to_lab(rgb).astype(np.float32)
    middle = np.median(lab[teaching], 0)
    deviation = np.maximum(tuning.deviation * np.median(np.abs(lab[teaching] - middle), 0), tuning.least)
    off = (lab - middle) / deviation.astype(np.float32)
    off[..., 0] *= np.where(off[..., 0] < 0, np.float32(tuning.shade), np.float32(1))
    return np.asarray(1 - smoothstep(np.sqrt((off * off).sum(-1)), *tuning.skin), np.float32)


def _share(x: Soft, side: Bits, radius: float) -> Soft:
    """The mean of ``x`` over the pixels of one side near by; 0 where there are none."""
    window = (2 * max(1, round(radius)) + 1,) * 2
    weight = side.astype(np.float32)
    total = cv2.blur(np.asarray(x * weight, np.float32), window, borderType=cv2.BORDER_REFLECT)
    return np.asarray(total / (cv2.blur(weight, window, borderType=cv2.BORDER_REFLECT) + 1e-4), np.float32)
