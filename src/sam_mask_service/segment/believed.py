"""How far SAM is believed, place by place: its logits as terms of the mesh engine's cut. Pure.

SAM sees a border where the picture has one: at hair lines, temples, hats and profiles it is right nearly always. Where skin goes on
it sees none: between chin and neck, and between cheek and ear. So its logits count in full inside the mesh's outline and over the
forehead, by a part beside the cheeks, and below the jaw only where they speak against the mask. What they count was read off
labelled pictures: for each height on the face, the share of true pixels by logit (docs/quality.md, SAM).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..geometry import Bits
from .soften import Soft, ramp


@dataclass(frozen=True, slots=True)
class FaceTrust:
    """Tuned on one half of the labelled pictures by ``python -m bench.tune`` (docs/quality.md). Heights in face heights from the
    chin up, pairs are where a ramp begins and ends."""

    gain: float = 0.5
    """Log odds per unit of logit."""
    bound: float = 4.5
    """Most log odds: SAM alone is never certain."""
    neck: tuple[float, float] = (0.1, 0.4)
    """Heights over which, outside the mesh, a claim of SAM's rises from ``jaw`` to ``side``."""
    jaw: float = 0.0
    side: float = 0.4
    top: tuple[float, float] = (0.85, 1.0)
    """Heights over which it rises from ``side`` to all of it: the forehead."""
    beard: tuple[float, float] = (0.2, 0.5)
    """Heights over which an objection of SAM's inside the mesh rises from ``jaw_against`` to all of it: a beard is face."""
    jaw_against: float = 0.25
    mesh: tuple[float, float] = (0.2, 0.5)
    """Heights over which the mesh's own distance falls from all of it to ``mesh_left``."""
    mesh_left: float = 0.25
    colour: float = 1.0
    """Weight of the colours' log odds beside SAM …"""
    colour_sure: float = 0.3
    """… less this share where SAM is believed and sure, at logits of ``sure`` and more."""
    sure: float = 6.0
    hair: float = 0.25
    """Weight left to the hair network: what it knows of hair lines SAM knows better."""
    crown: float = 0.45
    """A bald forehead goes on so far above the mesh, in face widths, where SAM says so."""


@dataclass(frozen=True, slots=True)
class HeadTrust:
    """As FaceTrust, for heads."""

    gain: float = 1.2
    bound: float = 4.0
    bias: float = 1.0
    """Added to the logits above the jaw: SAM leaves fine hair out."""
    low: tuple[float, float] = (0.0, 0.3)
    """Heights over which a claim of SAM's rises from ``neck`` to all of it."""
    neck: float = 0.3


FACE, HEAD = FaceTrust(), HeadTrust()


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """What SAM adds to the cut: ``odds`` (S, S) float32 log odds; ``mesh``, ``colour``: (S, S) float32 weights of the others, and
    ``hair``: that of the hair network."""

    odds: Soft
    mesh: Soft
    colour: Soft
    hair: float


def face_term(logits: Soft, inside: Soft, up: Soft, trust: FaceTrust = FACE) -> Term:
    """``logits`` (S, S) of a window, 0 where SAM saw nothing; ``inside``: distance into (+) or out of (−) the mesh's outline in
    face widths; ``up``: height on the face."""
    within = inside > 0
    beside = np.where(up > 0.6, ramp(up, *trust.top, trust.side, 1), ramp(up, *trust.neck, trust.jaw, trust.side))
    claim = np.where(within, 1, beside)
    objection = np.where(within, ramp(up, *trust.beard, trust.jaw_against, 1), 1)
    odds = np.clip(trust.gain * logits * np.where(logits > 0, claim, objection), -trust.bound, trust.bound)
    believed = np.where(within, ramp(up, *trust.beard, 0, 1), ramp(up, *trust.top, 0, 1))
    sure = np.clip(np.abs(logits) / trust.sure, 0, 1) * believed
    colour = np.asarray(trust.colour * (1 - trust.colour_sure * sure), np.float32)
    return Term(np.asarray(odds, np.float32), ramp(up, *trust.mesh, 1, trust.mesh_left), colour, trust.hair)


def crown(logits: Soft, inside: Soft, up: Soft, trust: FaceTrust = FACE) -> Bits:
    """(S, S) bool: where a face may go on above the mesh, since SAM sees a bald forehead there."""
    return np.asarray((logits > 0) & (up > trust.top[0]) & (inside > -trust.crown))


def head_odds(logits: Soft, up: Soft, trust: HeadTrust = HEAD) -> Soft:
    """(S, S) float32 log odds of being head."""
    biased = logits + trust.bias * ramp(up, *trust.low, 0, 1)
    claim = ramp(up, *trust.low, trust.neck, 1)
    odds = trust.gain * biased * np.where(biased > 0, claim, 1)
    return np.asarray(np.clip(odds, -trust.bound, trust.bound), np.float32)
