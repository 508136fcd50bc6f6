"""How far SAM is believed: numbers of ``segment/believed.py``."""

from __future__ import annotations

from dataclasses import dataclass

from ...units import FaceHeights, FaceWidths, Factor, Logits, LogOdds


@dataclass(frozen=True, slots=True)
class FaceTrust:
    """What SAM's logits count on a face.

    Measured by ``python -m bench.quality.tune --part face_trust``. A pair of heights is where a ramp begins and ends.
    """

    gain: Factor = 0.5
    """Log odds per unit of logit."""
    bound: LogOdds = 4.5
    """Most log odds, since SAM alone is never certain."""
    neck: tuple[FaceHeights, FaceHeights] = (0.1, 0.4)
    """Outside the mesh a claim of SAM's rises between these heights from ``jaw`` to ``side``."""
    jaw: Factor = 0.0
    """Part of a claim that counts outside the mesh at the jaw."""
    side: Factor = 0.4
    """Part of a claim that counts beside the cheeks."""
    top: tuple[FaceHeights, FaceHeights] = (0.85, 1.0)
    """A claim rises between these heights from ``side`` to all of it, at the forehead."""
    beard: tuple[FaceHeights, FaceHeights] = (0.2, 0.5)
    """An objection in the mesh rises between these heights from ``jaw_against`` to all of it, since a beard is face."""
    jaw_against: Factor = 0.25
    """Part of an objection that counts inside the mesh at the jaw."""
    mesh: tuple[FaceHeights, FaceHeights] = (0.2, 0.5)
    """The mesh's own distance falls between these heights from all of it to ``mesh_left``."""
    mesh_left: Factor = 0.25
    """Part of the mesh's own distance that counts beside SAM on the upper face."""
    colour: Factor = 1.0
    """Weight of the colours' log odds beside SAM."""
    colour_sure: Factor = 0.3
    """Less this share where SAM is believed and sure."""
    sure: Logits = 6.0
    """SAM is sure from this logit on."""
    hair: Factor = 0.25
    """Weight left to the hair network, since what it knows of hair lines SAM knows better."""
    crown: FaceWidths = 0.45
    """A bald forehead goes on so far above the mesh, where SAM says so."""


@dataclass(frozen=True, slots=True)
class HeadTrust:
    """What SAM's logits count on a head.

    Measured by ``python -m bench.quality.tune --part head_trust``.
    """

    gain: Factor = 1.2
    """Log odds per unit of logit."""
    bound: LogOdds = 4.0
    """Most log odds, since SAM alone is never certain."""
    bias: Logits = 1.0
    """Added to the logits above the jaw, since SAM leaves fine hair out."""
    low: tuple[FaceHeights, FaceHeights] = (0.0, 0.3)
    """A claim of SAM's rises between these heights from ``neck`` to all of it."""
    neck: Factor = 0.3
    """Part of a claim that counts below the chin."""
    hair: Factor = 0.7
    """Part of an objection that is not heard where the hair network surely sees hair."""


FACE_TRUST, HEAD_TRUST = FaceTrust(), HeadTrust()
