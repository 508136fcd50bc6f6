"""The face's outline: what the mesh expects, what the colours say, and one cut between them.

For every pixel the log odds of being face are summed: the prior's (distance to the mesh's outline over how far that can
be off there: little at the jaw, more at the cheeks, much at the forehead and on turned heads), the colours' (skin of
this face against what surrounds it, learned in this window in two rounds), and the hair network's where it is loaded.
``min_cut`` then draws the outline that agrees with them and runs along edges of the picture.

Without a hair network two cuts are made. Brows, dark glasses and a shadow's rim are stronger edges than many a hair
line, and one cut that heeds edges well enough for a fine outline runs along them. So the first, in which the evidence
weighs more, tells which parts are face, and the second draws the line near by.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..faces.mesh import BROWS, EYES, MOUTH, fill, polygons
from ..geometry import RGB, Bits
from . import believed
from .colours import Palette, log_ratio, to_lab
from .crop import Soft
from .mincut import min_cut
from .prior import Prior
from .soften import guided, one_piece, opened, ramp, signed_distance
from .tuning import TUNED, Tuning
from .tuning.face import FACE, FaceTuning


@dataclass(frozen=True, slots=True, eq=False)
class Zones:
    """Maps (S, S) of one window. ``up``: height on the face; ``inside``: distance into (+) or out of (−) the raised
    outline, ``depth``: distance into the unraised one, both in face widths; ``features``: eyes, brows, mouth; ``off``:
    how far the outline can be off; ``never``, ``always``: not free."""

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
    """``soft``: (S, S) float32 whose ½ level is the outline. ``hull``: (S, S) bool, the prior. ``clear``: 0…1, how
    surely the pixels along the outline belong to their side."""

    soft: Soft
    hull: Bits
    clear: float


def face_mask(
    rgb: RGB,
    prior: Prior,
    hair: Soft | None = None,
    parsed: Soft | None = None,
    logits: Soft | None = None,
    tuning: Tuning = TUNED,
) -> Outline:
    """The face's outline in its window. ``prior`` is in the window's pixels; ``hair``, ``parsed``: (S, S) probabilities
    of hair and of face from the optional networks, ``logits``: (S, S) SAM's, 0 where it saw nothing; None where there
    is none.
    """
    own, trust = tuning.face, tuning.face_trust
    zones, width = zones_of(prior, rgb.shape[0], own), prior.axes.width
    if logits is not None:
        zones = replace(zones, never=zones.never & ~believed.crown(logits, zones.inside, zones.up, trust))
    lab = to_lab(rgb)
    term = None if logits is None else believed.face_term(logits, zones.inside, zones.up, trust)
    odds = _log_odds(Palette(lab, tuning=tuning.colour), zones, hair, parsed, term, own)
    never, always = zones.never, zones.always
    if hair is None:
        first = one_piece(min_cut(odds, lab[..., :2], never, always, own.first_weight, tuning=tuning.cut))
        distance = signed_distance(first) / np.float32(width)
        never, always = never | ((distance < -own.near) & ~always), always | ((distance > own.near) & ~never)
    bits = one_piece(min_cut(odds, lab[..., :2], never, always, tuning=tuning.cut))
    bits = one_piece(opened(bits, max(1, round(own.thinnest * width))))
    if not bits.any():
        bits = zones.hull
    soft = guided(rgb, bits.astype(np.float32), max(2, int(own.smooth * width)), own.edge_noise)
    return Outline(soft, zones.hull, _clearness(bits, odds, width, own))


def _clearness(bits: Bits, odds: Soft, width: float, tuning: FaceTuning) -> float:
    distance = signed_distance(bits)
    band = (np.abs(distance) < max(tuning.clear_least, tuning.clear_band * width)) & (np.abs(distance) > 0.5)
    agreeing = np.where(distance > 0, odds, -odds)[band]
    return float(np.clip(agreeing / tuning.clear, 0, 1).mean()) if agreeing.size else 0.0


def zones_of(prior: Prior, size: int, tuning: FaceTuning = FACE) -> Zones:
    width, yaw = prior.axes.width, prior.axes.yaw
    hull, core = prior.fill(prior.hull, size), prior.fill(prior.core, size)
    inside = signed_distance(hull) / np.float32(width)
    depth = np.asarray(cv2.distanceTransform(core.astype(np.uint8), cv2.DIST_L2, 5) / width, np.float32)
    up = height_map(prior, size)
    far = ramp(up, *tuning.jaw, tuning.far_jaw, tuning.far) + tuning.far_yaw * yaw * np.clip(up / tuning.jaw[0], 0, 1)
    never = inside < -np.where(up < 0, tuning.far_chin, far)
    always = (depth > tuning.sure_depth) & (up < tuning.sure_below)
    features = _features(prior, size, tuning) & core
    return Zones(up, inside, depth, hull, features, _off(up, yaw, tuning), never, always)


def _off(up: Soft, yaw: float, tuning: FaceTuning) -> Soft:
    """(S, S) float32 face widths: how far the prior's outline can be off."""
    above = ramp(up, *tuning.forehead, tuning.off_cheek, tuning.off_forehead)
    below = ramp(up, *tuning.jaw, tuning.off_jaw, tuning.off_cheek)
    return np.asarray(np.where(up > tuning.forehead[0], above, below) + tuning.off_yaw * yaw, np.float32)


def height_map(prior: Prior, size: int) -> Soft:
    """(S, S) float32: how far up the face every pixel lies, 0 at the chin, 1 at the mesh's forehead point."""
    axes = prior.axes
    x = np.arange(size, dtype=np.float32) + np.float32(0.5)
    across, down = (x - axes.chin[0]) * axes.up[0], (x - axes.chin[1]) * axes.up[1]
    return np.asarray((across[None] + down[:, None]) / np.float32(axes.height), np.float32)


def _features(prior: Prior, size: int, tuning: FaceTuning) -> Bits:
    if prior.points is None:
        return np.zeros((size, size), bool)
    rings = polygons(prior.points, (*EYES, *BROWS, MOUTH))
    glasses = cv2.convexHull(np.vstack(polygons(prior.points, EYES)))[:, 0].astype(np.float32)
    return _grown(fill((size, size), rings), tuning.features * prior.axes.width) | _grown(
        fill((size, size), [glasses]), tuning.glasses * prior.axes.width
    )


def _grown(bits: Bits, by: float) -> Bits:
    side = 2 * max(1, int(by)) + 1
    return np.asarray(cv2.dilate(bits.astype(np.uint8), np.ones((side, side), np.uint8))).astype(bool)


def _log_odds(
    palette: Palette,
    zones: Zones,
    hair: Soft | None,
    parsed: Soft | None,
    sam: believed.Term | None,
    tuning: FaceTuning,
) -> Soft:
    expected = np.clip(zones.inside / zones.off, -tuning.certain, tuning.certain)
    colour, heard = np.full_like(zones.inside, tuning.colour), 1.0
    if sam is not None:
        expected, colour, heard = expected * sam.mesh + sam.odds, sam.colour, sam.hair
    below = tuning.skin_below if hair is None else tuning.skin_below_hair
    skin = ((zones.depth > tuning.skin_depth) & (zones.up < below) & ~zones.features).astype(np.float32)
    around = ((zones.inside < -tuning.around) & (zones.up > tuning.around_above)).astype(np.float32)
    if parsed is not None:
        expected = expected + tuning.parsed * (parsed - 0.5)
    if hair is not None:
        hair = _trusted(hair, zones, tuning)
        hair = hair * ramp(zones.up, *tuning.hair_above, 0, 1)
        bare = (hair < tuning.bare) & (zones.depth > tuning.inside)
        expected = expected - heard * (ramp(hair, *tuning.hair_seen, 0, tuning.hair) - bare)
        skin, around = skin * (hair < 0.5), np.maximum(around, hair > tuning.hair_teaches)
    face, rest = palette.density(skin), palette.density(around.astype(np.float32))
    odds = expected
    for again in range(tuning.rounds):
        if again:
            likely = 1 / (1 + np.exp(-np.clip(odds, -tuning.certain, tuning.certain)))
            likely = np.where(zones.never, 0, np.where(zones.always, 1, likely)).astype(np.float32)
            face = _mixed(face, palette.density(likely * ~zones.features), tuning)
            rest = _mixed(rest, palette.density((1 - likely) * (zones.up > tuning.around_above)), tuning)
        odds = expected + colour * _colour_odds(face, rest, zones, tuning)
        odds = np.where(zones.features, np.maximum(odds, tuning.features_least), odds)
    odds = np.where(zones.always, np.maximum(odds, tuning.sure), odds)
    return np.asarray(np.where(zones.never, -tuning.certain, odds), np.float32)


def _trusted(hair: Soft, zones: Zones, tuning: FaceTuning) -> Soft:
    """The hair network takes some grey and wrinkled faces for hair: what it says is weakened by what it says of cheeks
    and nose.
    """
    cheeks = (zones.depth > tuning.skin_depth) & (zones.up > tuning.cheeks[0]) & (zones.up < tuning.cheeks[1])
    wrong = float((hair[cheeks] > tuning.hair_seen[0]).mean()) if cheeks.any() else 0.0
    return np.asarray(hair * max(0.0, 1 - wrong / tuning.confused), np.float32)


def _mixed(old: Soft, new: Soft, tuning: FaceTuning) -> Soft:
    return np.asarray((1 - tuning.fresh) * old + tuning.fresh * new, np.float32)


def _colour_odds(face: Soft, rest: Soft, zones: Zones, tuning: FaceTuning) -> Soft:
    odds = log_ratio(face, rest, tuning.unseen, tuning.colour_most)
    least = -ramp(zones.up, *tuning.against, tuning.against_jaw, tuning.against_top)
    return np.asarray(np.where(zones.depth > tuning.inside, np.maximum(odds, least), odds), np.float32)
