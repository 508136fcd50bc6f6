"""The head's outline: the person network's answer in a zone round the face, above the jaw; no neck, no shoulders."""

from __future__ import annotations

import numpy as np

from ..faces.mesh import JAW
from ..geometry import Bits
from .crop import Soft
from .outline import height_map
from .prior import Prior
from .soften import one_piece

_HALF_WIDTH, _TOP, _WIDEST = 1.7, 2.0, 0.55  # in face widths and heights, from the chin up
_SIDE = 0.10  # beside the jaw, the head ends this share of the face height over the chin
_PERSON = 0.5


def head_mask(prior: Prior, person: Soft, face: Bits, hair: Soft | None = None) -> Bits:
    """(S, S) bool. ``prior`` in the window's pixels, ``person``, ``hair``: (S, S) probabilities, ``face``: (S, S) mask."""
    zone = head_zone(prior, person.shape[0])
    there = person > _PERSON if hair is None else (person > _PERSON) | (hair > _PERSON)
    return one_piece((there & zone) | face)


def head_zone(prior: Prior, size: int) -> Bits:
    """(S, S) bool: where a head can be: a dome over the face, cut along the jaw."""
    axes = prior.axes
    y, x = np.mgrid[:size, :size].astype(np.float32) + 0.5
    up = height_map(prior, size)
    middle = axes.chin if prior.points is None else prior.points[[152, 10]].mean(0) - axes.up * axes.height / 2
    side = ((x - middle[0]) * axes.right[0] + (y - middle[1]) * axes.right[1]) / max(axes.width, 0.75 * axes.height)
    over = np.clip((up - _WIDEST) / (_TOP - _WIDEST), 0, None)
    dome = (side / _HALF_WIDTH) ** 2 + over**2 < 1
    return np.asarray(dome & _above_jaw(prior, side, up))


def _above_jaw(prior: Prior, side: Soft, up: Soft) -> Bits:
    if prior.points is None:
        return np.asarray(up > np.where(np.abs(side) < 0.5, 0, _SIDE))
    axes = prior.axes
    middle = prior.points[[152, 10]].mean(0) - axes.up * axes.height / 2
    jaw = prior.points[list(JAW)]
    jaw_side = (jaw - middle) @ axes.right / max(axes.width, 0.75 * axes.height)
    jaw_up = (jaw - axes.chin) @ axes.up / axes.height
    order = np.argsort(jaw_side)
    limit = np.interp(side, jaw_side[order], jaw_up[order])
    under = (side > jaw_side.min()) & (side < jaw_side.max())
    return np.asarray(np.where(under, up >= limit, up > _SIDE))
