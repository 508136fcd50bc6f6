"""The face's outline: what the mesh expects, what the colours say, and one cut between them.

For every pixel the log odds of being face are summed: the prior's (distance to the mesh's outline over how far that can be
off there: little at the jaw, more at the cheeks, much at the forehead and on turned heads), the colours' (skin of this face
against what surrounds it, learned in this window in two rounds), and the hair network's where it is loaded. ``min_cut``
then draws the outline that agrees with them and runs along edges of the picture.

Without a hair network two cuts are made. Brows, dark glasses and a shadow's rim are stronger edges than many a hair line, and
one cut that heeds edges well enough for a fine outline runs along them. So the first, in which the evidence weighs more,
tells which parts are face, and the second draws the line near by.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from ..faces.mesh import BROWS, EYES, MOUTH, fill, polygons
from ..geometry import RGB, Bits
from . import believed
from .colours import Palette, to_lab
from .crop import Soft
from .mincut import min_cut
from .prior import Prior
from .soften import guided, one_piece, opened, ramp, signed_distance

# Lengths in face widths, heights in face heights (0 chin, 1 the mesh's forehead point). Chosen on one half of the labelled
# pictures, confirmed on the other (docs/quality.md).
_OFF_JAW, _OFF_CHEEK, _OFF_FOREHEAD, _OFF_YAW = 0.025, 0.05, 0.12, 0.06  # how far the outline is off, by zone
_FAR_CHIN, _FAR_JAW, _FAR, _FAR_YAW = 0.03, 0.05, 0.20, 0.30  # farther outside there is no face
_JAW: Final = (0.10, 0.35)  # the jaw's zone passes into the cheeks' between these heights
_FOREHEAD: Final = (0.55, 0.85)
_SURE_DEPTH, _SURE_BELOW = 0.14, 0.30  # deep inside and below this height it is face, whatever the colour
_SKIN_DEPTH, _SKIN_BELOW = 0.14, (0.40, 0.30)  # so deep and below this is skin: without, with a hair network
_AROUND, _AROUND_ABOVE = 0.08, 0.15  # what surrounds the face begins here; below, a neck would teach skin as background
_COLOUR, _MOST, _UNSEEN = 1.3, 3.0, 2e-5  # weight and bound of the colours' log odds; density of a colour never seen
_MOST_JAW, _MOST_TOP = (
    1.5,
    2.0,
)  # inside the mesh, colours speak against the face at most so much: beards and glasses stay
_HAIR, _HAIR_ABOVE, _BARE = (
    6.0,
    (0.3, 0.4),
    0.15,
)  # log odds against hair; from these heights on; below this there is none
_CONFUSED = 0.35  # a hair network that sees so much hair on cheeks and nose is not believed at all
_PARSED = 2.0  # log odds of the face-parsing network, twice this between no and yes
_FEATURE = 0.03  # eyes, brows and mouth are grown by this and teach no skin colour
_GLASSES = 0.05  # so is the strip across both eyes by this: dark glasses are face, and the forehead above hangs on them
_ROUNDS, _FRESH = 2, 0.5
_FIRST_WEIGHT = 3.0  # of the evidence in the first of two cuts …
_NEAR = 0.12  # … and how near to its outline the second is made
_THINNEST, _SMOOTH = 0.03, 0.06
_BAND = 0.08


@dataclass(frozen=True, slots=True, eq=False)
class Zones:
    """Maps (S, S) of one window. ``up``: height on the face; ``inside``: distance into (+) or out of (−) the raised outline,
    ``depth``: distance into the unraised one, both in face widths; ``features``: eyes, brows, mouth; ``off``: how far the
    outline can be off; ``never``, ``always``: not free."""

    up: Soft
    inside: Soft
    depth: Soft
    hull: Bits
    features: Bits
    off: Soft
    never: Bits
    always: Bits


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """``soft``: (S, S) float32 whose ½ level is the outline. ``hull``: (S, S) bool, the prior. ``clear``: 0…1, how surely
    the pixels along the outline belong to their side."""

    soft: Soft
    hull: Bits
    clear: float


def face_mask(
    rgb: RGB,
    prior: Prior,
    hair: Soft | None = None,
    parsed: Soft | None = None,
    logits: Soft | None = None,
    trust: believed.FaceTrust = believed.FACE,
) -> Outline:
    """The face's outline in its window. ``prior`` is in the window's pixels; ``hair``, ``parsed``: (S, S) probabilities of
    hair and of face from the optional networks, ``logits``: (S, S) SAM's, 0 where it saw nothing; None where there is none.
    """
    zones, width = zones_of(prior, rgb.shape[0]), prior.axes.width
    if logits is not None:
        zones = replace(zones, never=zones.never & ~believed.crown(logits, zones.inside, zones.up, trust))
    lab = to_lab(rgb)
    term = None if logits is None else believed.face_term(logits, zones.inside, zones.up, trust)
    odds = _log_odds(Palette(lab), zones, hair, parsed, term)
    never, always = zones.never, zones.always
    if hair is None:
        first = one_piece(min_cut(odds, lab[..., :2], never, always, _FIRST_WEIGHT))
        distance = signed_distance(first) / np.float32(width)
        never, always = never | ((distance < -_NEAR) & ~always), always | ((distance > _NEAR) & ~never)
    bits = one_piece(min_cut(odds, lab[..., :2], never, always))
    bits = one_piece(opened(bits, max(1, round(_THINNEST * width))))
    if not bits.any():
        bits = zones.hull
    soft = guided(rgb, bits.astype(np.float32), max(2, int(_SMOOTH * width)))
    return Outline(soft, zones.hull, _clearness(bits, odds, width))


def _clearness(bits: Bits, odds: Soft, width: float) -> float:
    distance = signed_distance(bits)
    band = (np.abs(distance) < max(1.5, _BAND * width)) & (np.abs(distance) > 0.5)
    agreeing = np.where(distance > 0, odds, -odds)[band]
    return float(np.clip(agreeing / 4, 0, 1).mean()) if agreeing.size else 0.0


def zones_of(prior: Prior, size: int) -> Zones:
    width, yaw = prior.axes.width, prior.axes.yaw
    hull, core = prior.fill(prior.hull, size), prior.fill(prior.core, size)
    inside = signed_distance(hull) / np.float32(width)
    depth = np.asarray(cv2.distanceTransform(core.astype(np.uint8), cv2.DIST_L2, 5) / width, np.float32)
    up = height_map(prior, size)
    far = ramp(up, *_JAW, _FAR_JAW, _FAR) + _FAR_YAW * yaw * np.clip(up / _JAW[0], 0, 1)
    never = inside < -np.where(up < 0, _FAR_CHIN, far)
    off = np.where(up > 0.5, ramp(up, *_FOREHEAD, _OFF_CHEEK, _OFF_FOREHEAD), ramp(up, *_JAW, _OFF_JAW, _OFF_CHEEK))
    always = (depth > _SURE_DEPTH) & (up < _SURE_BELOW)
    features = _features(prior, size) & core
    return Zones(up, inside, depth, hull, features, np.asarray(off + _OFF_YAW * yaw, np.float32), never, always)


def height_map(prior: Prior, size: int) -> Soft:
    """(S, S) float32: how far up the face every pixel lies, 0 at the chin, 1 at the mesh's forehead point."""
    axes = prior.axes
    x = np.arange(size, dtype=np.float32) + np.float32(0.5)
    across, down = (x - axes.chin[0]) * axes.up[0], (x - axes.chin[1]) * axes.up[1]
    return np.asarray((across[None] + down[:, None]) / np.float32(axes.height), np.float32)


def _features(prior: Prior, size: int) -> Bits:
    if prior.points is None:
        return np.zeros((size, size), bool)
    rings = polygons(prior.points, (*EYES, *BROWS, MOUTH))
    glasses = cv2.convexHull(np.vstack(polygons(prior.points, EYES)))[:, 0].astype(np.float32)
    return _grown(fill((size, size), rings), _FEATURE * prior.axes.width) | _grown(
        fill((size, size), [glasses]), _GLASSES * prior.axes.width
    )


def _grown(bits: Bits, by: float) -> Bits:
    side = 2 * max(1, int(by)) + 1
    return np.asarray(cv2.dilate(bits.astype(np.uint8), np.ones((side, side), np.uint8))).astype(bool)


def _log_odds(
    palette: Palette, zones: Zones, hair: Soft | None, parsed: Soft | None, sam: believed.Term | None
) -> Soft:
    expected, colour, heard = np.clip(zones.inside / zones.off, -8, 8), np.full_like(zones.inside, _COLOUR), 1.0
    if sam is not None:
        expected, colour, heard = expected * sam.mesh + sam.odds, sam.colour, sam.hair
    below = _SKIN_BELOW[0 if hair is None else 1]
    skin = ((zones.depth > _SKIN_DEPTH) & (zones.up < below) & ~zones.features).astype(np.float32)
    around = ((zones.inside < -_AROUND) & (zones.up > _AROUND_ABOVE)).astype(np.float32)
    if parsed is not None:
        expected = expected + _PARSED * (parsed - 0.5)
    if hair is not None:
        hair = _trusted(hair, zones)
        hair = hair * ramp(zones.up, *_HAIR_ABOVE, 0, 1)
        told = _HAIR * np.clip((hair - 0.3) / 0.3, 0, 1) - ((hair < _BARE) & (zones.depth > 0.02))
        expected = expected - heard * told
        skin, around = skin * (hair < 0.5), np.maximum(around, hair > 0.8)
    face, rest = palette.density(skin), palette.density(around.astype(np.float32))
    odds = expected
    for again in range(_ROUNDS):
        if again:
            likely = 1 / (1 + np.exp(-np.clip(odds, -8, 8)))
            likely = np.where(zones.never, 0, np.where(zones.always, 1, likely)).astype(np.float32)
            face = _mixed(face, palette.density(likely * ~zones.features))
            rest = _mixed(rest, palette.density((1 - likely) * (zones.up > _AROUND_ABOVE)))
        odds = expected + colour * _colour_odds(face, rest, zones)
        odds = np.where(zones.features, np.maximum(odds, 1), odds)
    return np.asarray(np.where(zones.never, -8, np.where(zones.always, np.maximum(odds, 4), odds)), np.float32)


def _trusted(hair: Soft, zones: Zones) -> Soft:
    """The hair network takes some grey and wrinkled faces for hair: what it says is weakened by what it says of cheeks and nose."""
    cheeks = (zones.depth > _SKIN_DEPTH) & (zones.up > 0.3) & (zones.up < 0.6)
    wrong = float((hair[cheeks] > 0.3).mean()) if cheeks.any() else 0.0
    return np.asarray(hair * max(0.0, 1 - wrong / _CONFUSED), np.float32)


def _mixed(old: Soft, new: Soft) -> Soft:
    return np.asarray((1 - _FRESH) * old + _FRESH * new, np.float32)


def _colour_odds(face: Soft, rest: Soft, zones: Zones) -> Soft:
    odds = np.clip(np.log((face + _UNSEEN) / (rest + _UNSEEN)), -_MOST, _MOST)
    least = -ramp(zones.up, 0.45, 0.55, _MOST_JAW, _MOST_TOP)
    return np.asarray(np.where(zones.depth > 0.02, np.maximum(odds, least), odds), np.float32)
