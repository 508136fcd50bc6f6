"""Soft alpha at hair and fur: where the outline runs through hair, the picture's own strands take its place. Pure.

Alpha is a line of the colours, as in closed-form matting, fitted in every window of the band round the outline to what lies surely
on either side (``discriminant.py``). It needs no trimap from the user. It replaces the drawn edge only where the outline is hair's
(``hairline.py``) and where colours tell both sides apart: at the jaw, against a hand, and in front of a ground of the hair's own
colour the edge stays as it was drawn.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry import RGB, Bits, Face
from ..mask import Alpha, parts_touching
from ..patch import Patch, SoftPatch
from .crop import Window
from .discriminant import Lines, lines
from .hairline import hair_along
from .prior import Prior, prior_of
from .soften import Soft, signed_distance, smoothstep

REACH = 0.08
"""Half the band's width, as a share of the mask's size (square root of its area)."""
_COARSE, _FINE = 320, 1280
"""Longest side in pixels at which lines are fitted, and at which they are applied; a larger window's alpha is enlarged."""
_FADES = 0.75
"""From this share of the reach on the matte passes into the drawn mask."""
_KNOWN: Final = (0.18, 0.6)
"""Distance from the outline, in reaches, at which a pixel's side begins to be known, and is."""
_UNKNOWN = 0.02
"""Trust in a pixel at the outline."""
_AGAIN = 0.6
"""Radius of the second fit, which trusts what the first is sure of; the first one's is the reach."""
_TOLD: Final = (0.3, 0.6)
"""Share of the variance that must be explained for the matte to count, and to count fully."""
_HAZE = 0.06
"""Fitted values this near to 0 and 1 become 0 and 1: the fit leaves a haze on either side."""
_FAINT = 0.1
"""An alpha above this leads from the head to a strand."""
_FIRM: Final = (1.0, 0.3)
"""How much nearer to the drawn side an alpha is held per reach from the outline, inside and outside: hair is dense within, and
strands that stick out are wanted."""
_AT_OUTLINE = 0.1
"""Nearer to the outline, in reaches, nothing is held."""


def matte(image: RGB, patch: Patch, edge: SoftPatch, face: Face | None = None) -> SoftPatch:
    """``edge`` with the picture's own strands where it runs through hair; elsewhere exactly ``edge``.

    ``image``: (H, W, 3) uint8; ``patch``: the mask as drawn; ``edge``: the same mask, smoothed and as soft as it is to be where
    there is no hair. ``face``: whose it is; without a mesh every outline may be fur's. The window holds both and the band.
    """
    reach = REACH * float(np.sqrt(np.count_nonzero(patch.bits)))
    if reach < 2:
        return edge
    wide = _widened(image, patch, edge, int(reach) + 2)
    box = wide.box
    prior = prior_of(face) if face is not None and face.landmarks is not None else None
    weight, soft = _strands(image[box.rows, box.columns], wide.bits, reach, prior, (box.x, box.y))
    kept = cv2.multiply(edge.cut(box).alpha, cv2.bitwise_not(weight), scale=1 / 255)
    both = np.asarray(cv2.add(kept, cv2.multiply(soft, weight, scale=1 / 255)), np.uint8)
    return SoftPatch(box.x, box.y, both)


def _widened(image: RGB, patch: Patch, edge: SoftPatch, margin: int) -> Patch:
    """The patch in a window that holds the band and all of ``edge``."""
    own, other = patch.box, edge.box
    margin = max(margin, own.x - other.x, own.y - other.y, other.right - own.right, other.bottom - own.bottom)
    return patch.widened(margin, image.shape[1], image.shape[0])


def _strands(pixels: RGB, bits: Bits, reach: float, prior: Prior | None, at: tuple[int, int]) -> tuple[Alpha, Alpha]:
    """(weight, alpha) at the window's size, uint8: how far the strands' alpha replaces the drawn one, and that alpha."""
    height, width = bits.shape
    size, scale = _fitted(width, height, _COARSE)
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    drawn = cv2.resize(bits.view(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_AREA) > 127
    distance, reach = signed_distance(np.asarray(drawn)), reach * scale
    fit, told = _fit(_unit(small), np.asarray(drawn), distance, reach)
    weight = smoothstep(told, *_TOLD) * (1 - smoothstep(np.abs(distance), _FADES * reach, reach))
    if prior is not None:
        weight = weight * hair_along(small, np.asarray(drawn), distance, reach, _seen(prior, size, (width, height), at))
    fine, _ = _fitted(width, height, _FINE)
    guide = _unit(np.asarray(cv2.resize(pixels, fine, interpolation=cv2.INTER_AREA), np.uint8))
    distance = np.asarray(cv2.resize(distance, fine), np.float32)
    soft = _attached(_clipped(fit.resized(*fine).alpha(guide) + _firm(distance, reach)), distance > 0)
    return _eight(weight, (width, height)), _eight(soft, (width, height))


def _fit(guide: NDArray[np.float32], bits: Bits, distance: Soft, reach: float) -> tuple[Lines, Soft]:
    """The lines after two rounds, and how well the first one's told the drawn sides apart: the second's sides are the colours'
    own, which say nothing about that."""
    far = np.abs(distance)
    trust = np.clip((far / reach - _KNOWN[0]) / (_KNOWN[1] - _KNOWN[0]), _UNKNOWN, 1).astype(np.float32)
    first = lines(guide, bits, trust, reach)
    soft = np.where(far < reach, _clipped(first.alpha(guide)), bits)
    sure = np.clip(np.abs(2 * soft - 1), _UNKNOWN, 1).astype(np.float32)
    return lines(guide, np.asarray(soft > 0.5), sure, _AGAIN * reach), first.told


def _firm(distance: Soft, reach: float) -> Soft:
    """(H, W) float32 to add to alpha: towards the drawn side, the more the farther from the outline."""
    away = np.maximum(np.abs(distance) / np.float32(reach) - np.float32(_AT_OUTLINE), 0)
    return np.asarray(away * np.where(distance > 0, _FIRM[0], -_FIRM[1]), np.float32)


def _attached(soft: Soft, inside: Bits) -> Soft:
    """Without what no hair leads to, gaps of two pixels aside: pieces of the ground that have the hair's colours."""
    there = cv2.dilate(((soft > _FAINT) | inside).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.where(parts_touching(np.asarray(there), inside), soft, np.float32(0))


def _seen(prior: Prior, size: tuple[int, int], full: tuple[int, int], at: tuple[int, int]) -> Prior:
    """A prior in picture pixels in those of the window at ``at``, shrunk from ``full`` to ``size``, both (width, height)."""
    scale = float(np.sqrt((size[0] / full[0]) * (size[1] / full[1])))
    shift = [[scale, 0.0, -scale * at[0]], [0.0, scale, -scale * at[1]]]
    return prior.seen_in(Window(np.array(shift), max(size)))


def _fitted(width: int, height: int, longest: int) -> tuple[tuple[int, int], float]:
    """((width, height), scale): no side over ``longest``."""
    scale = min(1.0, longest / max(width, height))
    return (max(1, round(width * scale)), max(1, round(height * scale))), scale


def _unit(rgb: RGB) -> NDArray[np.float32]:
    return rgb.astype(np.float32) / np.float32(255)


def _clipped(soft: Soft) -> Soft:
    return np.asarray(np.clip((soft - _HAZE) / (1 - 2 * _HAZE), 0, 1), np.float32)


def _eight(x: Soft, size: tuple[int, int]) -> Alpha:
    """0…1 as 0…255, then enlarged to ``size``."""
    small = np.rint(x * 255).astype(np.uint8)
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_LINEAR), np.uint8)
