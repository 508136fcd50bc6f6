"""The tuned numbers of cutting and drawing outlines, together: what ``python -m bench.tune`` sweeps."""

from __future__ import annotations

from dataclasses import dataclass

from .believed import FACE, HEAD, FaceTrust, HeadTrust
from .refine import REFINE, RefineTuning


@dataclass(frozen=True, slots=True)
class Tuning:
    face: FaceTrust = FACE
    head: HeadTrust = HEAD
    refine: RefineTuning = REFINE


TUNED = Tuning()
