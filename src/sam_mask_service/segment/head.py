"""The head's outline: face, hair, ears and hat; no neck, no shoulders, no second person.

As for the face, log odds are summed and cut. Above the jaw the person network decides, within a dome round the head. Beside
and below the jaw stand hair, neck and clothes: there colours decide, the hair's learned over the forehead, the others' from
neck, clothes, face and background. The cut is made twice: at half size in the whole window, which finds the head, and at
full size in a narrow band about that outline, where the colours just inside and outside of it have been learned anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from ..faces.mesh import JAW
from ..geometry import RGB, Bits
from .believed import HEAD, HeadTrust, head_odds
from .colours import Palette, to_lab
from .crop import Soft
from .mincut import min_cut
from .outline import height_map
from .prior import Prior
from .soften import guided, one_piece, ramp, signed_distance

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
_NET_HAIR, _NET_BARE, _NET_EVEN = 8.0, 4.0, 0.4  # the hair network's answer as log odds: it misses more than it invents
_NET_SEES: Final = (30.0, 45.0)  # face widths in the picture's pixels at which it is not believed at all, and fully
_NET_HEAD, _NET_INNER, _NET_SHARP = (
    4.0,
    4.0,
    0.1,
)  # the parsing network's: at its outline, and farther from it than this
_COARSE = 2  # the first cut is made at this fraction of the size …
_COARSE_WEIGHT = 3.0  # … with the pixels' evidence so much heavier
_BAND, _AGAIN = 0.1, 1.0  # how far from the first outline colours learned anew count, in face widths; and their weight
_MARGIN = 2  # pixels around what is free that are cut with it
_REACH = 1.25  # farther from it, in bands, the first cut stands
_SMOOTH = 0.04


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What the networks say of a window, (S, S) float32 each; None where a network is not loaded. ``person``, ``hair``, ``head``:
    probabilities, ``head`` ½ where its network looked at nothing; ``logits``: SAM's, 0 where it saw nothing. ``within``: (S, S)
    bool, the window's pixels that lie in the picture. ``width``: the face's, in the picture's pixels."""

    person: Soft
    within: Bits
    hair: Soft | None = None
    head: Soft | None = None
    logits: Soft | None = None
    width: float = _NET_SEES[1]


def head_mask(
    rgb: RGB, prior: Prior, seen: Evidence, face: Bits, rivals: Sequence[Prior] = (), trust: HeadTrust = HEAD
) -> Soft:
    """(S, S) float32 whose ½ level is the head's outline.

    ``rgb``: (S, S, 3) uint8, the window; ``prior`` in its pixels; ``face``: (S, S) the face's mask; ``rivals``: the
    other faces, in the same pixels.
    """
    lab, up, dome = to_lab(rgb), height_map(prior, rgb.shape[0]), dome_distance(prior, rgb.shape[0])
    palette = Palette(lab, seen.within)
    odds = _log_odds(palette, prior, seen, up, dome)
    if seen.logits is not None:
        odds = odds + head_odds(seen.logits, up, trust)
    never = (dome > 1.1) | (up < _LOWEST) | under_jaw(prior, rgb.shape[0])
    for rival in rivals:
        nearer = dome_distance(rival, rgb.shape[0]) - dome
        odds, never = odds + np.minimum(0, nearer * np.float32(_RIVAL)), never | (nearer < -_THEIRS)
    never = never & ~face
    first = one_piece(_coarse_cut(odds, rgb, never, face) | face)
    distance = np.asarray(signed_distance(first) / prior.axes.width, np.float32)
    learned = _learned(palette, odds, never, face, up)
    odds = np.asarray(odds + learned * np.clip(1 - np.abs(distance) / _BAND, 0, 1), np.float32)
    outside, inside = distance < -_REACH * _BAND, distance > _REACH * _BAND
    bits = one_piece(min_cut(odds, lab[..., :2], (never | outside) & ~face, face | (inside & ~never), margin=_MARGIN))
    return guided(rgb, bits.astype(np.float32), max(2, int(_SMOOTH * prior.axes.width)))


def _log_odds(palette: Palette, prior: Prior, seen: Evidence, up: Soft, dome: Soft) -> Soft:
    person = np.clip(np.log((seen.person + 1e-3) / (1.001 - seen.person)), -4, 4)
    odds = person + np.minimum(0, (1 - dome) * _DOME_EDGE)
    inside = signed_distance(prior.fill(prior.hull, up.shape[0])) / np.float32(prior.axes.width)
    hair = _hair_odds(palette, seen.person, inside, up, dome)
    odds = odds + _HAIR_ABOVE * hair * (inside < 0)
    if seen.hair is not None:
        above = seen.hair - _NET_EVEN
        sees = float(np.interp(seen.width, _NET_SEES, (0, 1)))
        told = np.where(above > 0, _NET_HAIR * above, _NET_BARE * above)
        hair = np.asarray(hair + sees * told, np.float32)
    hanging = np.minimum(odds, hair + _HAIR_BIAS - _HANGING * np.maximum(0, -up))
    low = ramp(up, *_LOW, 1, 0)
    odds = (1 - low) * odds + low * hanging
    if seen.head is not None:
        odds = odds + _parsed_odds(seen.head, prior.axes.width)
    return np.asarray(odds, np.float32)


def _parsed_odds(head: Soft, width: float) -> Soft:
    """What the parsing network says: its classes are right, its outline is coarse, so the farther from that the surer."""
    far = np.clip(signed_distance(head > 0.5) / np.float32(_NET_SHARP * width), -1, 1)
    return np.asarray(_NET_HEAD * (head - 0.5) + _NET_INNER * far * np.abs(2 * head - 1), np.float32)


def _coarse_cut(odds: Soft, rgb: RGB, never: Bits, face: Bits) -> Bits:
    size = rgb.shape[0] // _COARSE
    sure, out = _shrunk(face, size) > 0.5, _shrunk(never, size) > 0.5
    colours = to_lab(np.asarray(cv2.resize(rgb, (size, size), interpolation=cv2.INTER_AREA), np.uint8))[..., :2]
    bits = min_cut(_shrunk(odds, size), colours, out & ~sure, sure, _COARSE_WEIGHT, _MARGIN)
    full = cv2.resize(bits.astype(np.float32), rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(full, np.float32) > 0.5


def _shrunk(x: Soft | Bits, size: int) -> Soft:
    return np.asarray(cv2.resize(x.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA), np.float32)


def _learned(palette: Palette, odds: Soft, never: Bits, face: Bits, up: Soft) -> Soft:
    """Log odds of the colours, learned from what the first round holds for head and for other things; the neck teaches
    nothing, for its colour is the face's, and nor does the face, for its colour is the neck's."""
    likely = np.where(never, 0, 1 / (1 + np.exp(-np.clip(odds, -8, 8)))).astype(np.float32)
    head, other = palette.density(likely * ~face), palette.density((1 - likely) * ~face * (up > 0))
    return np.asarray(_AGAIN * np.clip(np.log((head + _UNSEEN) / (other + _UNSEEN)), -_MOST, _MOST), np.float32)


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
