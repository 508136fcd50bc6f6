"""Soft alpha at hair and fur: where the outline runs through hair, the picture's own strands take its place. Pure.

Alpha is a line of the colours, as in closed-form matting, fitted in every window of the band round the outline to what
lies surely on either side (``discriminant.py``). It needs no trimap from the user. It replaces the drawn edge only
where the outline is hair's (``hairline.py``) and where colours tell both sides apart: at the jaw, against a hand, and
in front of a ground of the hair's own colour the edge stays as it was drawn.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..deadline import Check, unchecked
from ..geometry import RGB, Bits, Face
from ..mask import Alpha, parts_touching
from ..patch import Patch, SoftPatch
from .crop import Window
from .discriminant import Lines, lines
from .hairline import hair_along
from .prior import Prior, prior_of
from .soften import Soft, signed_distance, smoothstep
from .tuning import TUNED, Tuning
from .tuning.matte import LineTuning, MatteTuning


def matte(
    image: RGB,
    patch: Patch,
    edge: SoftPatch,
    face: Face | None = None,
    check: Check = unchecked,
    tuning: Tuning = TUNED,
) -> SoftPatch:
    """``edge`` with the picture's own strands where it runs through hair; elsewhere exactly ``edge``.

    ``image``: (H, W, 3) uint8; ``patch``: the mask as drawn; ``edge``: the same mask, smoothed and as soft as it is to
    be where there is no hair. ``face``: whose it is; without a mesh every outline may be fur's. The window holds both
    and the band. ``check`` is asked meanwhile, and may raise.
    """
    reach = tuning.matte.reach * float(np.sqrt(np.count_nonzero(patch.bits)))
    if reach < 2:
        return edge
    wide = _widened(image, patch, edge, int(reach) + 2)
    box = wide.box
    prior = prior_of(face, tuning) if face is not None and face.landmarks is not None else None
    weight, soft = _strands(image[box.rows, box.columns], wide.bits, reach, prior, (box.x, box.y), check, tuning)
    check()
    kept = cv2.multiply(edge.cut(box).alpha, cv2.bitwise_not(weight), scale=1 / 255)
    both = np.asarray(cv2.add(kept, cv2.multiply(soft, weight, scale=1 / 255)), np.uint8)
    return SoftPatch(box.x, box.y, both)


def _widened(image: RGB, patch: Patch, edge: SoftPatch, margin: int) -> Patch:
    """The patch in a window that holds the band and all of ``edge``."""
    own, other = patch.box, edge.box
    margin = max(margin, own.x - other.x, own.y - other.y, other.right - own.right, other.bottom - own.bottom)
    return patch.widened(margin, image.shape[1], image.shape[0])


def _strands(
    pixels: RGB,
    bits: Bits,
    reach: float,
    prior: Prior | None,
    at: tuple[int, int],
    check: Check,
    tuning: Tuning,
) -> tuple[Alpha, Alpha]:
    """(weight, alpha) at the window's size, uint8: how far the strands' alpha replaces the drawn one, and that
    alpha.
    """
    check()
    (height, width), own = bits.shape, tuning.matte
    size, scale = _fitted(width, height, own.coarse)
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    drawn = cv2.resize(bits.view(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_AREA) > 127
    distance, reach = signed_distance(np.asarray(drawn)), reach * scale
    check()
    fit, told = _fit(_unit(small), np.asarray(drawn), distance, reach, own, tuning.line)
    weight = smoothstep(told, *own.told) * (1 - smoothstep(np.abs(distance), own.fades * reach, reach))
    if prior is not None:
        seen = _seen(prior, size, (width, height), at)
        weight = weight * hair_along(small, np.asarray(drawn), distance, reach, seen, tuning.hairline)
    check()
    fine, _ = _fitted(width, height, own.fine)
    guide = _unit(np.asarray(cv2.resize(pixels, fine, interpolation=cv2.INTER_AREA), np.uint8))
    distance = np.asarray(cv2.resize(distance, fine), np.float32)
    alpha = fit.resized(*fine).alpha(guide) + _firm(distance, reach, own)
    soft = _attached(_clipped(alpha, own.haze), distance > 0, own.faint)
    check()
    return _eight(weight, (width, height)), _eight(soft, (width, height))


def _fit(
    guide: NDArray[np.float32], bits: Bits, distance: Soft, reach: float, tuning: MatteTuning, line: LineTuning
) -> tuple[Lines, Soft]:
    """The lines after two rounds, and how well the first one's told the drawn sides apart: the second's sides are the
    colours' own, which say nothing about that."""
    far, (low, high) = np.abs(distance), tuning.known
    trust = np.clip((far / reach - low) / (high - low), tuning.unknown, 1).astype(np.float32)
    first = lines(guide, bits, trust, reach, line)
    soft = np.where(far < reach, _clipped(first.alpha(guide), tuning.haze), bits)
    sure = np.clip(np.abs(2 * soft - 1), tuning.unknown, 1).astype(np.float32)
    return lines(guide, np.asarray(soft > 0.5), sure, tuning.again * reach, line), first.told


def _firm(distance: Soft, reach: float, tuning: MatteTuning) -> Soft:
    """(H, W) float32 to add to alpha: towards the drawn side, the more the farther from the outline."""
    away = np.maximum(np.abs(distance) / np.float32(reach) - np.float32(tuning.at_outline), 0)
    return np.asarray(away * np.where(distance > 0, tuning.firm_inside, -tuning.firm_outside), np.float32)


def _attached(soft: Soft, inside: Bits, faint: float) -> Soft:
    """Without what no hair leads to, gaps of two pixels aside: pieces of the ground that have the hair's colours."""
    there = cv2.dilate(((soft > faint) | inside).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.where(parts_touching(np.asarray(there), inside), soft, np.float32(0))


def _seen(prior: Prior, size: tuple[int, int], full: tuple[int, int], at: tuple[int, int]) -> Prior:
    """A prior in picture pixels in those of the window at ``at``, shrunk from ``full`` to ``size``, both (width,
    height).
    """
    scale = float(np.sqrt((size[0] / full[0]) * (size[1] / full[1])))
    shift = [[scale, 0.0, -scale * at[0]], [0.0, scale, -scale * at[1]]]
    return prior.seen_in(Window(np.array(shift), max(size)))


def _fitted(width: int, height: int, longest: int) -> tuple[tuple[int, int], float]:
    """((width, height), scale): no side over ``longest``."""
    scale = min(1.0, longest / max(width, height))
    return (max(1, round(width * scale)), max(1, round(height * scale))), scale


def _unit(rgb: RGB) -> NDArray[np.float32]:
    return rgb.astype(np.float32) / np.float32(255)


def _clipped(soft: Soft, haze: float) -> Soft:
    return np.asarray(np.clip((soft - haze) / (1 - 2 * haze), 0, 1), np.float32)


def _eight(x: Soft, size: tuple[int, int]) -> Alpha:
    """0…1 as 0…255, then enlarged to ``size``."""
    small = np.rint(x * 255).astype(np.uint8)
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_LINEAR), np.uint8)
