"""What SAM says of a face or a head as evidence for the mesh engine's cut: asked by one prompt, believed when it means
that face.

The logits are the mean of two candidates. SAM answers a prompt on a face with three masks, from part to whole; those
that are averaged are the ones that measured best on labelled pictures, and where they differ their mean says how unsure
SAM is. Of a head one that has nothing to do with the proposal, while the other has, is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..deadline import Deadline
from ..geometry import Face
from ..mask import distance_to
from ..patch import Patch
from ..sam.backend import SamBackend
from ..sam.config import F32
from ..sam.prompt import INSIDE, Prompt
from . import prompts
from .crop import Soft, Window
from .sam_view import View, coarse, in_window
from .segmenter import DISAGREED, FaceMask
from .tuning import TUNED, Tuning
from .tuning.sam import EVIDENCE, EvidenceTuning


@dataclass(frozen=True, slots=True, eq=False)
class SamEvidence:
    """SAM's answer about one outline of one face. ``logits`` (L, L) float32 on the view's grid, or None where SAM does
    not mean this face or was not asked; ``agreement`` 0…1 with the proposal, ``score`` the predicted IoU; None where it
    was not asked."""

    outline: str
    view: View
    logits: F32 | None = None
    agreement: float | None = None
    score: float | None = None

    def seen(self, outline: str, window: Window) -> Soft | None:
        """``cutter.Logits`` of this face."""
        if self.logits is None or outline != self.outline:
            return None
        return in_window(self.logits, self.view, window)

    def told(self, mask: FaceMask) -> FaceMask:
        """The mask that was cut with this evidence, with what SAM had to say of it."""
        if self.agreement is None or self.score is None:
            return mask
        if self.logits is None:
            return replace(mask, agreement=self.agreement, warnings=(*mask.warnings, DISAGREED))
        return replace(mask, agreement=self.agreement, score=self.score)


@dataclass(frozen=True, slots=True, eq=False)
class OutlineQuestion:
    """``proposal``: where the mesh engine expects ``outline`` (``face`` or ``head``), not empty."""

    face: Face
    outline: str
    proposal: Patch
    view: View


def asked(
    backend: SamBackend, questions: Sequence[OutlineQuestion], deadline: Deadline, tuning: Tuning = TUNED
) -> list[SamEvidence]:
    """SAM's evidence for questions about one view, in their order."""
    view = questions[0].view
    ask = [_prompt(question, tuning) for question in questions]
    logits, predicted = backend.decode(view.embedding, ask, deadline)
    sizes = len(ask), view.grid, view.grid
    if (*logits.shape[:1], *logits.shape[2:]) != sizes or predicted.shape != logits.shape[:2]:
        return [SamEvidence(q.outline, view, None, 0.0, 0.0) for q in questions]
    return [_evidence(*one, tuning.evidence) for one in zip(questions, logits, predicted, strict=True)]


def _prompt(question: OutlineQuestion, tuning: Tuning) -> Prompt:
    """In the view's model pixels. Where the view shows no point of a face, its box is asked about."""
    region = prompts.of_region(question.face, question.proposal, question.outline, tuning.prompt)
    prompt = question.view.prompt(region)
    if prompt.box is None and not (prompt.labels == INSIDE).any():
        corners = prompts.box_of(question.proposal, tuning.prompt).reshape(2, 2)
        return replace(prompt, box=question.view.to_model(corners).reshape(4))
    return prompt


def _evidence(question: OutlineQuestion, logits: F32, predicted: F32, tuning: EvidenceTuning) -> SamEvidence:
    wanted = tuning.face if question.outline == "face" else tuning.head
    heard = [i for i in wanted if i < len(logits)] or [0]
    if not np.isfinite(logits[heard]).all():
        return SamEvidence(question.outline, question.view, None, 0.0, 0.0)
    proposal = coarse(question.proposal, question.view)
    chosen = heard
    if question.outline == "head":  # the skin alone is none: where another candidate means all of it, it is left out
        chosen = [i for i in heard if agrees(logits[i], proposal, tuning) >= tuning.floor] or heard
    mean = np.asarray(logits[chosen].mean(axis=0), np.float32)
    agreement = agrees(mean, proposal, tuning)
    score = float(np.clip(np.nan_to_num(predicted[chosen].mean()), 0, 1))
    return SamEvidence(question.outline, question.view, mean if agreement >= tuning.floor else None, agreement, score)


def agrees(logits: F32, proposal: F32, tuning: EvidenceTuning = EVIDENCE) -> float:
    """0…1: the smaller of the share of the proposal (L, L, shares of cells) that SAM sees too, and the share of what
    SAM sees that lies on it or near by. A neck beside a face counts as near: what SAM is believed there is the cut's
    business."""
    seen = logits > 0
    if not seen.any() or not proposal.any():
        return 0.0
    recall = float(proposal[seen].sum() / proposal.sum())
    reach = tuning.near * float(np.sqrt(proposal.sum()))
    near = float(np.count_nonzero(seen & (distance_to(proposal >= 0.5) <= reach)) / np.count_nonzero(seen))
    return min(recall, near)
