"""SAM as an engine: shown a picture or crops of it, asked about faces by the mesh, held by the mesh."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ..deadline import NO_DEADLINE, Deadline
from ..errors import RegionUnavailable
from ..geometry import RGB, Box, Face, PixelBox
from ..mask import window as widened
from ..sam.config import F32
from ..sam.frame import Frame
from ..sam.runtime import SamBackend
from . import band, prompts
from .prompted import prompted
from .sam_view import SamEmbedding, View, coarse, drawn, own
from .segmenter import Detail, Embedding, FaceMask, Patch, Segmenter
from .views import best_view, plan

DRAWN: Final = frozenset({"face", "head"})
"""Regions that SAM draws. The others (eyes, lips, hair …) have no outline that a prompt could name; the mesh engine gives them."""
HALF: Final = 0.3
"""Below this agreement SAM has not seen the face at all, and a mask prompt would not help."""
SECOND_LOOKS: Final = 2
"""Faces of a view that are asked about twice, at most: each costs another run of the decoder."""
DISAGREED: Final = "segmenter_disagreed"


def _key(face: Face) -> Hashable:
    return face.box.x, face.box.y, face.box.width, face.box.height


class SamSegmenter:
    """``prior`` is the mesh engine (or a fake of it): it gives every face's prior, the regions that SAM does not draw, and the
    mask where SAM disagrees too much."""

    name = "sam"
    heeds_neighbours = False
    """A neighbour would widen the crop that SAM looks at, and cost a look of its own."""

    def __init__(self, backend: SamBackend, prior: Segmenter, model: str | None = None) -> None:
        self._backend = backend
        self._prior = prior
        self.model = model or backend.name
        self.device = backend.device
        self.precision = backend.precision

    @property
    def regions(self) -> frozenset[str]:
        return self._prior.regions

    def embedding_key(self, width: int, height: int, faces: Sequence[Face], detail: Detail) -> Hashable:
        views = plan(width, height, faces, detail, self._backend.image_size)
        return views, self._prior.embedding_key(width, height, faces, detail)

    def embed(
        self, image: RGB, faces: Sequence[Face], detail: Detail = "auto", deadline: Deadline = NO_DEADLINE
    ) -> SamEmbedding:
        height, width = image.shape[:2]
        chosen = plan(width, height, faces, detail, self._backend.image_size)
        mesh = self._prior.embed(image, faces, detail, deadline)
        priors = self._prior.masks(mesh, faces, "face", deadline) if faces else []
        views = tuple(self._view(image, box, deadline) for box in chosen.views)
        by_face = {_key(face): mask for face, mask in zip(faces, priors, strict=True)}
        return SamEmbedding(width, height, chosen.detail, views, mesh, by_face)

    def _view(self, image: RGB, box: PixelBox, deadline: Deadline) -> View:
        deadline.check()
        pixels = np.ascontiguousarray(image[box.rows, box.columns])
        frame = Frame(box.width, box.height, self._backend.image_size)
        return View(box, frame, self._backend.encode(pixels, deadline))

    def masks(
        self, embedding: Embedding, faces: Sequence[Face], region: str = "face", deadline: Deadline = NO_DEADLINE
    ) -> list[FaceMask]:
        """As the protocol says. ``score`` is SAM's predicted IoU; where SAM disagrees (``segmenter_disagreed``), mask and score
        are the mesh engine's, and ``agreement`` is that of SAM's best candidate."""
        seen = own(embedding)
        priors = self._priors(seen, faces, region, deadline)
        if region not in DRAWN:
            return priors
        out = list(priors)
        for number, view in enumerate(seen.views):
            mine = [i for i, face in enumerate(faces) if best_view([v.box for v in seen.views], face.box) == number]
            mine = [i for i in mine if priors[i].patch.bits.any()]
            if mine:
                jobs = [_Job(faces[i], priors[i], region, view) for i in mine]
                for i, mask in zip(mine, self._drawn(seen, view, jobs, deadline), strict=True):
                    out[i] = mask
        return out

    def _priors(self, seen: SamEmbedding, faces: Sequence[Face], region: str, deadline: Deadline) -> list[FaceMask]:
        if region not in self.regions and region in DRAWN:
            raise RegionUnavailable(f"This engine gives {', '.join(sorted(self.regions))}.")
        if region == "face" and all(_key(face) in seen.priors for face in faces):
            return [seen.priors[_key(face)] for face in faces]
        return self._prior.masks(seen.mesh, faces, region, deadline)

    def _drawn(self, seen: SamEmbedding, view: View, jobs: Sequence[_Job], deadline: Deadline) -> list[FaceMask]:
        """First by box and points; where SAM half agrees with the mesh, once more with the prior as mask prompt."""
        answers = self._ask(view, jobs, deadline, with_prior=False)
        doubtful = [i for i, answer in enumerate(answers) if HALF <= answer.choice.agreement < band.FLOOR][
            :SECOND_LOOKS
        ]
        if doubtful:
            again = self._ask(view, [jobs[i] for i in doubtful], deadline, with_prior=True)
            for i, answer in zip(doubtful, again, strict=True):
                answers[i] = max(answers[i], answer, key=lambda a: a.choice.agreement)
        return [_finished(seen, view, job, answer) for job, answer in zip(jobs, answers, strict=True)]

    def _ask(self, view: View, jobs: Sequence[_Job], deadline: Deadline, *, with_prior: bool) -> list[_Answer]:
        grids = [job.grid for job in jobs]
        logits, predicted = self._backend.decode(
            view.embedding,
            boxes=np.stack([job.box for job in jobs]),
            points=np.stack([job.points for job in jobs]),
            labels=np.stack([job.prompt.labels for job in jobs]),
            mask_prior=np.stack([prompts.as_logits(c)[None] for c in grids]) if with_prior else None,
            deadline=deadline,
        )
        if len(logits) != len(jobs) or len(predicted) != len(jobs):
            return [_Answer(band.NONE, None)] * len(jobs)
        return [_answer(*one) for one in zip(logits, predicted, grids, strict=True)]

    def prompted(
        self,
        embedding: Embedding,
        face: Face | None,
        points: Sequence[tuple[float, float, int]],
        box: Box | None,
        deadline: Deadline = NO_DEADLINE,
    ) -> FaceMask:
        """A mask by the user's own prompts: ``points`` (x, y, 1 inside | 0 outside) and ``box``, in pixels of the picture; with
        ``face``, its own prompts are added and the mesh's mask is the starting point. No band holds the answer: the user does.

        Raises InvalidParameter when there is nothing to go by, or a point lies outside the picture.
        """
        return prompted(self._backend, own(embedding), face, points, box, deadline)


@dataclass(frozen=True, slots=True, eq=False)
class _Answer:
    """``logits`` (L, L) of the chosen candidate."""

    choice: band.Choice
    logits: F32 | None


class _Job:
    """One face asked about in one view: its prompts in the model's pixels, its prior on the mask's grid."""

    def __init__(self, face: Face, prior: FaceMask, region: str, view: View) -> None:
        self.prior = prior
        prompt = prompts.of_face(face, prior.patch, region)
        labels = [
            lab if view.shows(p) else prompts.NO_POINT for p, lab in zip(prompt.points, prompt.labels, strict=True)
        ]
        self.prompt = replace(prompt, labels=np.array(labels, np.int64))
        self.points = view.to_model(prompt.points)
        self.box = view.to_model(prompt.box.reshape(2, 2)).reshape(4)
        self.grid = coarse(prior.patch, view)


def _answer(logits: F32, predicted: F32, shares: F32) -> _Answer:
    choice = band.choose(logits, predicted, shares)
    return _Answer(choice, None if choice.index < 0 else logits[choice.index])


def _finished(seen: SamEmbedding, view: View, job: _Job, answer: _Answer) -> FaceMask:
    prior, choice = job.prior, answer.choice
    if answer.logits is None or not choice.agrees:
        return replace(prior, agreement=choice.agreement, warnings=(*prior.warnings, DISAGREED))
    x, y, wide = widened(
        prior.patch.x, prior.patch.y, prior.patch.bits, band.margin(prior.patch.bits), seen.width, seen.height
    )
    bits = band.held(drawn(answer.logits, view, x, y, wide.shape), wide)
    return FaceMask(Patch(x, y, bits), choice.score, band.agreement(bits, wide), prior.warnings)
