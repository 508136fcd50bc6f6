"""A part of a face asked of SAM: its prompt, the answer chosen among candidates, the mask held at its prior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ..deadline import Deadline
from ..geometry import Face
from ..patch import Patch
from ..sam.config import F32
from ..sam.runtime import SamBackend
from . import band, prompts
from .sam_view import CELL, SamEmbedding, View, coarse, drawn
from .segmenter import DISAGREED, FaceMask

LEAST_CELLS: Final = 5.0
"""A region whose size (``band.size_of``) is less on SAM's grid stays as proposed: its band would be thinner than one cell."""
HALF: Final = 0.3
"""Below this agreement SAM has not seen the region at all, and a mask prompt would not help."""
SECOND_LOOKS: Final = 2
"""Outlines of a view that are asked about twice, at most: each costs another run of the decoder."""


class Job:
    """A region of ``face``, or one piece of it, asked about in ``view``; ``prior``: the mesh engine's proposal, not empty."""

    def __init__(self, face: Face, region: str, prior: FaceMask, view: View) -> None:
        self.prior, self.view = prior, view
        self.prompt = view.prompt(prompts.of_region(face, prior.patch, region))
        self.grid = coarse(prior.patch, view)


def large_enough(patch: Patch, view: View) -> bool:
    return band.size_of(patch.bits) * view.frame.scale >= LEAST_CELLS * CELL


@dataclass(frozen=True, slots=True, eq=False)
class _Answer:
    """``logits`` (L, L) of the chosen candidate."""

    choice: band.Choice
    logits: F32 | None


def outlined(backend: SamBackend, seen: SamEmbedding, jobs: Sequence[Job], deadline: Deadline) -> list[FaceMask]:
    """The masks of ``jobs``, all of one view, in their order. First by box and points; where SAM half agrees with the mesh engine,
    once more with the prior as mask prompt. Where it disagrees, the prior with the warning ``segmenter_disagreed``."""
    answers = _ask(backend, jobs, deadline, with_prior=False)
    halves = [HALF <= answer.choice.agreement < band.FLOOR for answer in answers]
    doubtful = np.flatnonzero(halves)[:SECOND_LOOKS].tolist()
    if doubtful:
        again = _ask(backend, [jobs[i] for i in doubtful], deadline, with_prior=True)
        for i, answer in zip(doubtful, again, strict=True):
            answers[i] = max(answers[i], answer, key=lambda a: a.choice.agreement)
    return [_finished(seen, job, answer) for job, answer in zip(jobs, answers, strict=True)]


def _ask(backend: SamBackend, jobs: Sequence[Job], deadline: Deadline, *, with_prior: bool) -> list[_Answer]:
    asked = [replace(job.prompt, mask=prompts.as_logits(job.grid)) if with_prior else job.prompt for job in jobs]
    logits, predicted = backend.decode(jobs[0].view.embedding, asked, deadline)
    if len(logits) != len(jobs) or len(predicted) != len(jobs):
        return [_Answer(band.NONE, None)] * len(jobs)
    return [_answer(*one) for one in zip(logits, predicted, (job.grid for job in jobs), strict=True)]


def _answer(logits: F32, predicted: F32, shares: F32) -> _Answer:
    choice = band.choose(logits, predicted, shares)
    return _Answer(choice, None if choice.index < 0 else logits[choice.index])


def _finished(seen: SamEmbedding, job: Job, answer: _Answer) -> FaceMask:
    prior, choice = job.prior, answer.choice
    if answer.logits is None or choice.agreement < band.FLOOR:
        return replace(prior, agreement=choice.agreement, warnings=(*prior.warnings, DISAGREED))
    wide = prior.patch.widened(band.margin(prior.patch.bits), seen.width, seen.height)
    bits = band.held(drawn(answer.logits, job.view, wide.box).bits, wide.bits)
    return FaceMask(Patch(wide.x, wide.y, bits), choice.score, band.agreement(bits, wide.bits), prior.warnings)
