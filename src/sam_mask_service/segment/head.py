"""The head's outline: face, hair, ears and hat; no neck, no shoulders, no second person.

As for the face, log odds are summed and cut. Above the jaw the person network decides, within a dome round the head. Beside
and below the jaw stand hair, neck and clothes: there colours decide, the hair's learned over the forehead, the others' from
neck, clothes, face and background.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ..faces.mesh import JAW
from ..geometry import RGB, Bits
from .colours import Palette, to_lab
from .crop import Soft
from .mincut import min_cut
from .outline import height_map, ramp
from .prior import Prior
from .soften import guided, one_piece, signed_distance

# Heights in face heights from the chin up, lengths across in face widths. Chosen and confirmed as in outline.py.
_HALF_WIDTH, _WIDEST, _TOP = 1.7, 0.55, 2.0  # the dome: half width, height of its widest place, its top
_BACK = 0.45  # a profile's dome moves this far to the back of the head, in face heights
_LOWEST = -1.5  # hair hangs down to here at most
_LOW: Final = (0.0, 0.3)  # below, hair must show itself; above, the person network decides; between, both
_HAIR_BIAS, _HANGING = 0.2, 1.0  # added to hair's log odds there; taken from them per face height below the chin
_HAIR_ABOVE = 0.3  # weight of hair's colour beside the person network
_UNSEEN, _MOST = 2e-5, 3.0
_DOME_EDGE, _RIVAL = 12.0, 12.0
_THEIRS = 0.15  # nearer to another head by this much: certainly that head's
_NET_HAIR, _NET_EVEN = 8.0, 0.4  # the hair network's answer as log odds
_NET_HEAD = 6.0
_SMOOTH = 0.04


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What the networks say of a window, (S, S) float32 probabilities each; None where a network is not loaded.
    ``within``: (S, S) bool, the window's pixels that lie in the picture."""

    person: Soft
    within: Bits
    hair: Soft | None = None
    head: Soft | None = None


def head_mask(rgb: RGB, prior: Prior, seen: Evidence, face: Bits, rivals: Sequence[Prior] = ()) -> Soft:
    """(S, S) float32 whose ½ level is the head's outline.

    ``rgb``: (S, S, 3) uint8, the window; ``prior`` in its pixels; ``face``: (S, S) the face's mask; ``rivals``: the
    other faces, in the same pixels.
    """
    lab, up, dome = to_lab(rgb), height_map(prior, rgb.shape[0]), dome_distance(prior, rgb.shape[0])
    odds = _log_odds(Palette(lab, seen.within), prior, seen, up, dome)
    never = (dome > 1.1) | (up < _LOWEST) | under_jaw(prior, rgb.shape[0])
    for rival in rivals:
        nearer = dome_distance(rival, rgb.shape[0]) - dome
        odds, never = odds + np.minimum(0, nearer * np.float32(_RIVAL)), never | (nearer < -_THEIRS)
    never = never & ~face
    bits = one_piece(min_cut(odds, lab[..., :2], never, face) | face)
    return guided(rgb, bits.astype(np.float32), max(2, int(_SMOOTH * prior.axes.width)))


def _log_odds(palette: Palette, prior: Prior, seen: Evidence, up: Soft, dome: Soft) -> Soft:
    person = np.clip(np.log((seen.person + 1e-3) / (1.001 - seen.person)), -4, 4)
    odds = person + np.minimum(0, (1 - dome) * _DOME_EDGE)
    if seen.hair is None:
        inside = signed_distance(prior.fill(prior.hull, up.shape[0])) / np.float32(prior.axes.width)
        hair = _hair_odds(palette, seen.person, inside, up, dome)
        odds = odds + _HAIR_ABOVE * hair * (inside < 0)
    else:
        hair = _NET_HAIR * (seen.hair - _NET_EVEN)
    hanging = np.minimum(odds, hair + _HAIR_BIAS - _HANGING * np.maximum(0, -up))
    low = ramp(up, *_LOW, 1, 0)
    odds = (1 - low) * odds + low * hanging
    if seen.head is not None:
        odds = odds + _NET_HEAD * (seen.head - 0.5)
    return np.asarray(odds, np.float32)


def _hair_odds(palette: Palette, person: Soft, inside: Soft, up: Soft, dome: Soft) -> Soft:
    """Log odds of hair against neck, clothes, skin and background, by colour."""
    hair = (person > 0.6) & (up > 0.6) & (inside < -0.04) & (dome < 0.9)
    other = (person < 0.3) | ((up < -0.1) & (dome < 0.3)) | (up < -0.6) | ((inside > 0.12) & (up < 0.45))
    of_hair, of_other = (palette.density(bits.astype(np.float32)) for bits in (hair, other))
    return np.asarray(np.clip(np.log((of_hair + _UNSEEN) / (of_other + _UNSEEN)), -_MOST, _MOST), np.float32)


def dome_distance(prior: Prior, size: int) -> Soft:
    """(S, S) float32: 0 in the middle of the head, 1 where a head ends at most; below the widest place only across."""
    axes = prior.axes
    middle = axes.chin - np.float32(_BACK * axes.turn * axes.height) * axes.right
    x = np.arange(size, dtype=np.float32) + np.float32(0.5)
    across = ((x - middle[0]) * axes.right[0])[None] + ((x - middle[1]) * axes.right[1])[:, None]
    side = across / np.float32(_HALF_WIDTH * max(axes.width, 0.75 * axes.height))
    over = np.clip((height_map(prior, size) - _WIDEST) / (_TOP - _WIDEST), 0, None)
    return np.asarray(np.hypot(side, over), np.float32)


def under_jaw(prior: Prior, size: int) -> Bits:
    """(S, S) bool: straight below the middle of the jaw, where the neck is."""
    axes = prior.axes
    if prior.points is None:
        jaw_side, jaw_up = np.array([-0.3, 0.3]), np.array([0.0, 0.0])
    else:
        jaw = prior.points[list(JAW)[4:-4]]
        jaw_side, jaw_up = (jaw - axes.chin) @ axes.right / axes.width, (jaw - axes.chin) @ axes.up / axes.height
    order = np.argsort(jaw_side)
    x = np.arange(size, dtype=np.float32) + np.float32(0.5)
    across = ((x - axes.chin[0]) * axes.right[0])[None] + ((x - axes.chin[1]) * axes.right[1])[:, None]
    side = across / np.float32(axes.width)
    limit = np.interp(side, jaw_side[order], jaw_up[order])
    within = (side > jaw_side.min()) & (side < jaw_side.max())
    return np.asarray(within & (height_map(prior, size) < limit))
