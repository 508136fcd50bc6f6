"""A part of a face asked of SAM: its prompt, the answer chosen among candidates, the mask held at its prior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..deadline import Deadline
from ..geometry import Face
from ..patch import Patch
from ..sam.backend import SamBackend
from ..sam.config import F32
from . import candidate_choice, prompts
from .sam_view import CELL, SamEmbedding, View, coarse, drawn
from .segmenter import DISAGREED, FaceMask
from .tuning import TUNED, Tuning
from .tuning.sam import PART, PartTuning


class PartQuestion:
    """A region of ``face``, or one piece of it, asked about in ``view``; ``prior``: the mesh engine's proposal, not
    empty.
    """

    def __init__(self, face: Face, region: str, prior: FaceMask, view: View, tuning: Tuning = TUNED) -> None:
        self.prior, self.view = prior, view
        self.prompt = view.prompt(prompts.of_region(face, prior.patch, region, tuning.prompt))
        self.grid = coarse(prior.patch, view)


def large_enough(patch: Patch, view: View, tuning: PartTuning = PART) -> bool:
    return candidate_choice.size_of(patch.bits, tuning) * view.frame.scale >= tuning.least * CELL


@dataclass(frozen=True, slots=True, eq=False)
class _Answer:
    """``logits`` (L, L) of the chosen candidate."""

    choice: candidate_choice.Choice
    logits: F32 | None


def outlined(
    backend: SamBackend, seen: SamEmbedding, jobs: Sequence[PartQuestion], deadline: Deadline, tuning: Tuning = TUNED
) -> list[FaceMask]:
    """The masks of ``jobs``, all of one view, in their order. First by box and points; where SAM half agrees with the
    mesh engine, once more with the prior as mask prompt. Where it disagrees, the prior with the warning
    ``segmenter_disagreed``."""
    part = tuning.part
    answers = _ask(backend, jobs, deadline, tuning, with_prior=False)
    halves = [part.half <= answer.choice.agreement < part.floor for answer in answers]
    doubtful = np.flatnonzero(halves)[: part.second_looks].tolist()
    if doubtful:
        again = _ask(backend, [jobs[i] for i in doubtful], deadline, tuning, with_prior=True)
        for i, answer in zip(doubtful, again, strict=True):
            answers[i] = max(answers[i], answer, key=lambda a: a.choice.agreement)
    return [_finished(seen, job, answer, part) for job, answer in zip(jobs, answers, strict=True)]


def _ask(
    backend: SamBackend, jobs: Sequence[PartQuestion], deadline: Deadline, tuning: Tuning, *, with_prior: bool
) -> list[_Answer]:
    asked = [
        replace(job.prompt, mask=prompts.as_logits(job.grid, tuning.prompt)) if with_prior else job.prompt
        for job in jobs
    ]
    logits, predicted = backend.decode(jobs[0].view.embedding, asked, deadline)
    if len(logits) != len(jobs) or len(predicted) != len(jobs):
        return [_Answer(candidate_choice.NONE, None)] * len(jobs)
    shares = [job.grid for job in jobs]
    return [_answer(*one, tuning.part) for one in zip(logits, predicted, shares, strict=True)]


def _answer(logits: F32, predicted: F32, shares: F32, tuning: PartTuning) -> _Answer:
    choice = candidate_choice.choose(logits, predicted, shares, tuning)
    return _Answer(choice, None if choice.index < 0 else logits[choice.index])


def _finished(seen: SamEmbedding, job: PartQuestion, answer: _Answer, tuning: PartTuning) -> FaceMask:
    prior, choice = job.prior, answer.choice
    if answer.logits is None or choice.agreement < tuning.floor:
        return replace(prior, agreement=choice.agreement, warnings=(*prior.warnings, DISAGREED))
    wide = prior.patch.widened(candidate_choice.margin(prior.patch.bits, tuning), seen.width, seen.height)
    bits = candidate_choice.held(drawn(answer.logits, job.view, wide.box).bits, wide.bits, tuning)
    return FaceMask(
        Patch(wide.x, wide.y, bits), choice.score, candidate_choice.agreement(bits, wide.bits), prior.warnings
    )
