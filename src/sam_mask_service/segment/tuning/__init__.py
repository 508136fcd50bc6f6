"""The tuned numbers of drawing, together: one part per algorithm, each field with its unit and what it says.

``python -m bench.quality.tune --list`` shows them, ``… part.field=1,2,3`` tries others. An engine takes a changed tree
as its last argument: ``MeshSegmenter(tuning=replace(TUNED, face=replace(FACE, far=0.3)))``.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...faces.tuning.mesh import MESH, MeshTuning
from .face import FACE, FaceTuning
from .ground import COLOUR, CUT, PRIOR, SCORE, WINDOW, ColourTuning, CutTuning, PriorTuning, ScoreTuning, WindowTuning
from .head import HEAD, HeadTuning
from .matte import HAIRLINE, LINE, MATTE, HairlineTuning, LineTuning, MatteTuning
from .person import PERSON, PersonTuning
from .refine import REFINE, RefineTuning
from .sam import (
    CORRECTION,
    EVIDENCE,
    PART,
    PROMPT,
    VIEW,
    CorrectionTuning,
    EvidenceTuning,
    PartTuning,
    PromptTuning,
    ViewTuning,
)
from .trust import FACE_TRUST, HEAD_TRUST, FaceTrust, HeadTrust


@dataclass(frozen=True, slots=True)
class Tuning:
    """What an engine is given."""

    face: FaceTuning = FACE
    head: HeadTuning = HEAD
    person: PersonTuning = PERSON
    face_trust: FaceTrust = FACE_TRUST
    head_trust: HeadTrust = HEAD_TRUST
    refine: RefineTuning = REFINE
    mesh: MeshTuning = MESH
    prior: PriorTuning = PRIOR
    window: WindowTuning = WINDOW
    colour: ColourTuning = COLOUR
    cut: CutTuning = CUT
    score: ScoreTuning = SCORE
    matte: MatteTuning = MATTE
    line: LineTuning = LINE
    hairline: HairlineTuning = HAIRLINE
    view: ViewTuning = VIEW
    prompt: PromptTuning = PROMPT
    evidence: EvidenceTuning = EVIDENCE
    part: PartTuning = PART
    correction: CorrectionTuning = CORRECTION


TUNED = Tuning()
