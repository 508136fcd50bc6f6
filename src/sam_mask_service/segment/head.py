"""The head's outline: face, hair, ears and hat; no neck, no shoulders, no second person.

As for the face, log odds are summed and cut. Above the jaw the person network decides, within a dome round the head.
Beside and below the jaw stand hair, neck and clothes: there colours decide, the hair's learned over the forehead, the
others' from neck, clothes, face and background. The cut is made twice: at half size in the whole window, which finds
the head, and at full size in a narrow band about that outline, where the colours just inside and outside of it have
been learned anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..faces.mesh import JAW
from ..geometry import RGB, Bits
from .believed import head_odds
from .colours import Palette, log_ratio, to_lab
from .crop import Soft
from .mincut import min_cut
from .outline import height_map
from .prior import Prior
from .soften import guided, one_piece, ramp, signed_distance
from .tuning import TUNED, Tuning
from .tuning.ground import CutTuning
from .tuning.head import HEAD, HeadTuning


@dataclass(frozen=True, slots=True, eq=False)
class HeadEvidence:
    """What the networks say of a window, (S, S) float32 each; None where a network is not loaded. ``person``, ``hair``,
    ``head``: probabilities, ``head`` ½ where its network looked at nothing; ``logits``: SAM's, 0 where it saw nothing.
    ``within``: (S, S) bool, the window's pixels that lie in the picture. ``width``: the face's, in the picture's
    pixels; None: wide enough."""

    person: Soft
    within: Bits
    hair: Soft | None = None
    head: Soft | None = None
    logits: Soft | None = None
    width: float | None = None


def head_mask(
    rgb: RGB, prior: Prior, seen: HeadEvidence, face: Bits, rivals: Sequence[Prior] = (), tuning: Tuning = TUNED
) -> Soft:
    """(S, S) float32 whose ½ level is the head's outline.

    ``rgb``: (S, S, 3) uint8, the window; ``prior`` in its pixels; ``face``: (S, S) the face's mask; ``rivals``: the
    other faces, in the same pixels.
    """
    own = tuning.head
    lab, up, dome = to_lab(rgb), height_map(prior, rgb.shape[0]), dome_distance(prior, rgb.shape[0], own)
    palette = Palette(lab, seen.within, tuning.colour)
    odds = _log_odds(palette, prior, seen, up, dome, own, crowded=bool(rivals))
    if seen.logits is not None:
        hair = None if rivals else _surely_hair(seen, own)  # among several SAM knows whose hair it is
        odds = odds + head_odds(seen.logits, up, hair, tuning.head_trust)
    never = (dome > own.beyond) | (up < own.lowest) | under_jaw(prior, rgb.shape[0], own)
    sure_hair = None if seen.hair is None or not _sees(seen, own) else seen.hair > own.hair_sure
    for rival in rivals:
        nearer = lead_of(prior, rival, dome, sure_hair, own)
        odds, never = odds + np.minimum(0, nearer * np.float32(own.rival)), never | (nearer < -own.theirs)
    never = never & ~face
    first = one_piece(_coarse_cut(odds, rgb, never, face, own, tuning.cut) | face)
    distance = np.asarray(signed_distance(first) / prior.axes.width, np.float32)
    learned = _learned(palette, odds, never, face, up, own)
    odds = np.asarray(odds + learned * np.clip(1 - np.abs(distance) / own.band, 0, 1), np.float32)
    outside, inside = distance < -own.reach * own.band, distance > own.reach * own.band
    never, always = (never | outside) & ~face, face | (inside & ~never)
    bits = one_piece(min_cut(odds, lab[..., :2], never, always, margin=own.margin, tuning=tuning.cut))
    return guided(rgb, bits.astype(np.float32), max(2, int(own.smooth * prior.axes.width)), own.edge_noise)


def _log_odds(
    palette: Palette, prior: Prior, seen: HeadEvidence, up: Soft, dome: Soft, tuning: HeadTuning, crowded: bool
) -> Soft:
    person = np.clip(np.log((seen.person + 1e-3) / (1 + 1e-3 - seen.person)), -tuning.person_most, tuning.person_most)
    odds = person + np.minimum(0, (1 - dome) * tuning.dome_edge)
    inside = signed_distance(prior.fill(prior.hull, up.shape[0])) / np.float32(prior.axes.width)
    hair = _hair_odds(palette, seen, inside, up, dome, tuning, crowded)
    odds = odds + tuning.hair_above * hair * (inside < 0)
    must_show = ramp(up, *tuning.low, 1, 0)
    if seen.hair is not None:
        above = seen.hair - tuning.net_even
        sees = _sees(seen, tuning)
        bare = ramp(up, *tuning.bare_low, tuning.net_bare_low, tuning.net_bare)
        told = np.where(above > 0, tuning.net_hair * above, bare * above)
        hair = np.asarray(hair + sees * told, np.float32)
        must_show = np.maximum(must_show, sees * _beside(prior, inside, up, tuning, crowded))
    hanging = np.minimum(odds, hair + tuning.hair_bias - tuning.hanging * np.maximum(0, -up))
    odds = (1 - must_show) * odds + must_show * hanging
    if seen.head is not None:
        odds = odds + _parsed_odds(seen.head, prior.axes.width, tuning)
    return np.asarray(odds, np.float32)


def _beside(prior: Prior, inside: Soft, up: Soft, tuning: HeadTuning, crowded: bool) -> Soft:
    """(S, S) float32 0…1: beside the ears, where a neighbour may stand or the own collar, and hair must show itself."""
    heights, asked = tuning.beside_up, 1.0
    if not crowded:
        heights, asked = tuning.collar_up, max(0.0, 1 - abs(prior.axes.turn) / tuning.collar_turn)
    return np.asarray(asked * ramp(up, *heights, 1, 0) * ramp(-inside, *tuning.beside, 0, 1), np.float32)


def _parsed_odds(head: Soft, width: float, tuning: HeadTuning) -> Soft:
    """What the parsing network says: its classes are right, its outline is coarse, so the farther from that the
    surer.
    """
    far = np.clip(signed_distance(head > 0.5) / np.float32(tuning.net_sharp * width), -1, 1)
    return np.asarray(tuning.net_head * (head - 0.5) + tuning.net_inner * far * np.abs(2 * head - 1), np.float32)


def _coarse_cut(odds: Soft, rgb: RGB, never: Bits, face: Bits, tuning: HeadTuning, cut: CutTuning) -> Bits:
    size = rgb.shape[0] // tuning.coarse
    sure, out = _shrunk(face, size) > 0.5, _shrunk(never, size) > 0.5
    colours = to_lab(np.asarray(cv2.resize(rgb, (size, size), interpolation=cv2.INTER_AREA), np.uint8))[..., :2]
    bits = min_cut(_shrunk(odds, size), colours, out & ~sure, sure, tuning.coarse_weight, tuning.margin, cut)
    full = cv2.resize(bits.astype(np.float32), rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(full, np.float32) > 0.5


def _shrunk(x: Soft | Bits, size: int) -> Soft:
    return np.asarray(cv2.resize(x.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA), np.float32)


def _learned(palette: Palette, odds: Soft, never: Bits, face: Bits, up: Soft, tuning: HeadTuning) -> Soft:
    """Log odds of the colours, learned from what the first round holds for head and for other things; the neck teaches
    nothing, for its colour is the face's, and nor does the face, for its colour is the neck's."""
    certain = np.clip(odds, -tuning.certain, tuning.certain)
    likely = np.where(never, 0, 1 / (1 + np.exp(-certain))).astype(np.float32)
    head, other = palette.density(likely * ~face), palette.density((1 - likely) * ~face * (up > 0))
    return np.asarray(tuning.again * log_ratio(head, other, tuning.unseen, tuning.colour_most), np.float32)


def _surely_hair(seen: HeadEvidence, tuning: HeadTuning) -> Soft | None:
    """(S, S) float32 0…1: how surely the hair network sees hair, as far as it is believed; None without it."""
    return None if seen.hair is None else ramp(seen.hair, tuning.hair_sure, 1.0, 0, _sees(seen, tuning))


def _sees(seen: HeadEvidence, tuning: HeadTuning) -> float:
    """0…1: how far the hair network is believed; a small face tells it too little."""
    return 1.0 if seen.width is None else float(np.interp(seen.width, tuning.net_sees, (0, 1)))


def _hair_odds(
    palette: Palette, seen: HeadEvidence, inside: Soft, up: Soft, dome: Soft, tuning: HeadTuning, crowded: bool
) -> Soft:
    """Log odds of hair against neck, clothes, skin and background, by colour. ``crowded``: what is a person beside the
    face may be a neighbour's clothes, and teaches hair only where the hair network sees it."""
    person = seen.person
    hair = (person > tuning.hair_person) & (up > tuning.hair_from)
    hair = hair & (inside < -tuning.hair_off) & (dome < tuning.hair_dome)
    if crowded and seen.hair is not None and _sees(seen, tuning) > 0:
        hair = hair & (seen.hair > tuning.hair_sure)
    other = (person < tuning.other_person) | ((up < tuning.neck_below) & (dome < tuning.neck_dome))
    other = other | (up < tuning.chest_below) | ((inside > tuning.skin_depth) & (up < tuning.skin_below))
    of_hair, of_other = (palette.density(bits.astype(np.float32)) for bits in (hair, other))
    return log_ratio(of_hair, of_other, tuning.unseen, tuning.colour_most)


def dome_distance(prior: Prior, size: int, tuning: HeadTuning = HEAD) -> Soft:
    """(S, S) float32: 0 in the middle of the head, 1 where a head ends at most; below the widest place only across."""
    over = np.clip((height_map(prior, size) - tuning.widest) / (tuning.top - tuning.widest), 0, None)
    return np.asarray(np.hypot(_across(prior, size, tuning), over), np.float32)


def _across(prior: Prior, size: int, tuning: HeadTuning) -> Soft:
    """(S, S) float32: the dome's distance to either side."""
    axes = prior.axes
    middle = axes.chin - np.float32(tuning.back * axes.turn * axes.height) * axes.right
    x = np.arange(size, dtype=np.float32) + np.float32(0.5)
    across = ((x - middle[0]) * axes.right[0])[None] + ((x - middle[1]) * axes.right[1])[:, None]
    return np.asarray(
        np.abs(across) / np.float32(tuning.half_width * max(axes.width, tuning.least_aspect * axes.height)), np.float32
    )


def lead_of(prior: Prior, rival: Prior, dome: Soft, hair: Bits | None, tuning: HeadTuning = HEAD) -> Soft:
    """(S, S) float32: by how much a pixel is nearer (+) to the head of ``prior``, whose ``dome`` is given, than to that
    of ``rival``. Under the rival's chin is his body, so all of it is his; but what is surely ``hair`` there may be the
    crown of the one before him, and belongs to whoever it is nearer to."""
    size = len(dome)
    theirs, down = dome_distance(rival, size, tuning), -height_map(rival, size)
    if hair is None:
        return np.asarray(theirs - dome, np.float32)
    hanging = np.hypot(theirs, down / np.float32(tuning.hangs)) - _across(prior, size, tuning)
    return np.asarray(np.where(hair & (down > 0), np.maximum(hanging, theirs - dome), theirs - dome), np.float32)


def under_jaw(prior: Prior, size: int, tuning: HeadTuning = HEAD) -> Bits:
    """(S, S) bool: straight below the middle of the jaw, where the neck is."""
    axes = prior.axes
    if prior.points is None:
        jaw_side, jaw_up = np.array([-tuning.jaw, tuning.jaw]), np.zeros(2)
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
