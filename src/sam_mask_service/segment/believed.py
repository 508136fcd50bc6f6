"""How far SAM is believed, place by place: its logits as terms of the mesh engine's cut. Pure.

SAM sees a border where the picture has one: at hair lines, temples, hats and profiles it is right nearly always. Where
skin goes on it sees none: between chin and neck, and between cheek and ear. So its logits count in full inside the
mesh's outline and over the forehead, by a part beside the cheeks, and below the jaw only where they speak against the
mask. What they count was read off labelled pictures: for each height on the face, the share of true pixels by logit
(docs/quality.md, SAM).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..geometry import Bits
from .soften import Soft, ramp
from .tuning.trust import FACE_TRUST, HEAD_TRUST, FaceTrust, HeadTrust


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """What SAM adds to the cut: ``odds`` (S, S) float32 log odds; ``mesh``, ``colour``: (S, S) float32 weights of the
    others, and ``hair``: that of the hair network."""

    odds: Soft
    mesh: Soft
    colour: Soft
    hair: float


def face_term(logits: Soft, inside: Soft, up: Soft, trust: FaceTrust = FACE_TRUST) -> Term:
    """``logits`` (S, S) of a window, 0 where SAM saw nothing; ``inside``: distance into (+) or out of (−) the mesh's
    outline in face widths; ``up``: height on the face."""
    within = inside > 0
    beside = np.where(
        up > trust.top[0], ramp(up, *trust.top, trust.side, 1), ramp(up, *trust.neck, trust.jaw, trust.side)
    )
    claim = np.where(within, 1, beside)
    objection = np.where(within, ramp(up, *trust.beard, trust.jaw_against, 1), 1)
    odds = np.clip(trust.gain * logits * np.where(logits > 0, claim, objection), -trust.bound, trust.bound)
    believed = np.where(within, ramp(up, *trust.beard, 0, 1), ramp(up, *trust.top, 0, 1))
    sure = np.clip(np.abs(logits) / trust.sure, 0, 1) * believed
    colour = np.asarray(trust.colour * (1 - trust.colour_sure * sure), np.float32)
    return Term(np.asarray(odds, np.float32), ramp(up, *trust.mesh, 1, trust.mesh_left), colour, trust.hair)


def crown(logits: Soft, inside: Soft, up: Soft, trust: FaceTrust = FACE_TRUST) -> Bits:
    """(S, S) bool: where a face may go on above the mesh, since SAM sees a bald forehead there."""
    return np.asarray((logits > 0) & (up > trust.top[0]) & (inside > -trust.crown))


def head_odds(logits: Soft, up: Soft, hair: Soft | None = None, trust: HeadTrust = HEAD_TRUST) -> Soft:
    """(S, S) float32 log odds of being head. ``hair``: how surely the hair network sees some, 0…1, or None: there SAM,
    which often means the skin alone, objects in vain."""
    biased = logits + trust.bias * ramp(up, *trust.low, 0, 1)
    claim = ramp(up, *trust.low, trust.neck, 1)
    objection = np.float32(1) if hair is None else 1 - np.float32(trust.hair) * hair
    odds = trust.gain * biased * np.where(biased > 0, claim, objection)
    return np.asarray(np.clip(odds, -trust.bound, trust.bound), np.float32)
