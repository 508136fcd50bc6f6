"""SAM as an engine: shown a picture or crops of it, asked about what the mesh engine proposes, held by the proposal."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ..deadline import NO_DEADLINE, Deadline
from ..geometry import RGB, Box, Face, PixelBox
from ..sam.frame import Frame
from ..sam.machine import cpu_threads
from ..sam.runtime import SamBackend
from . import sam_parts as parts
from .prompted import UserPoint, prompted, shows
from .regions import APART, AS_PROPOSED, pieces, terms_for
from .sam_jobs import Job, large_enough, outlined
from .sam_view import SamEmbedding, View, own
from .segmenter import Detail, Embedding, FaceMask, Patch, Segmenter
from .views import best_view, plan

SKIN: Final = "skin"
"""Not asked about: it is the face as SAM outlines it, without the features that the mesh engine takes from its own."""
_Masks = dict[str, list[FaceMask]]
"""Region → one mask per face."""


def _key(face: Face) -> Hashable:
    return face.box.x, face.box.y, face.box.width, face.box.height


class SamSegmenter:
    """``prior`` is the mesh engine (or a fake of it): it proposes every region, and its mask stands where SAM disagrees too much or
    the region is too small for SAM's grid. ``threads``: faces that it is asked about at once."""

    name = "sam"
    heeds_neighbours = False
    """A neighbour would widen the crop that SAM looks at, and cost a look of its own."""

    def __init__(
        self, backend: SamBackend, prior: Segmenter, model: str | None = None, threads: int | None = None
    ) -> None:
        self._backend = backend
        self._prior = prior
        self._threads = threads or cpu_threads()
        self.model = model or backend.name
        self.device = backend.device
        self.precision = backend.precision

    def with_prior(self, prior: Segmenter) -> SamSegmenter:
        """The same network over another mesh engine."""
        return SamSegmenter(self._backend, prior, self.model, self._threads)

    @property
    def regions(self) -> frozenset[str]:
        return self._prior.regions

    def embedding_key(self, width: int, height: int, faces: Sequence[Face], detail: Detail) -> Hashable:
        views = plan(width, height, faces, detail, self._backend.image_size)
        return views, self._prior.model, self._prior.embedding_key(width, height, faces, detail)

    def embed(
        self, image: RGB, faces: Sequence[Face], detail: Detail = "auto", deadline: Deadline = NO_DEADLINE
    ) -> SamEmbedding:
        height, width = image.shape[:2]
        chosen = plan(width, height, faces, detail, self._backend.image_size)
        mesh = self._prior.embed(image, faces, detail, deadline)
        priors = self._proposed(mesh, faces, "face", deadline)
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
        """As the protocol says. Every part of ``region`` is outlined by SAM before the parts are put together. ``score`` is SAM's
        predicted IoU; where SAM disagrees (``segmenter_disagreed``), mask and score are the mesh engine's, and ``agreement`` is
        that of SAM's best candidate. Several outlines: means weighed by area, and the ``agreement`` of the whole."""
        seen = own(embedding)
        terms = terms_for(region, self.regions)
        names = dict.fromkeys(name for _, name in terms)
        if SKIN in names:
            names = dict.fromkeys(["face", *names])
        proposed = {name: self._priors(seen, faces, name, deadline) for name in names}
        drawn = self._outlined(seen, faces, proposed, deadline)
        if SKIN in names:
            three = zip(drawn["face"], proposed["face"], proposed[SKIN], strict=True)
            drawn[SKIN] = [parts.skin(*one) for one in three]
        return [
            parts.together(terms, {n: drawn[n][i] for n in names}, {n: proposed[n][i] for n in names})
            for i in range(len(faces))
        ]

    def _priors(self, seen: SamEmbedding, faces: Sequence[Face], name: str, deadline: Deadline) -> list[FaceMask]:
        if name == "face" and all(_key(face) in seen.priors for face in faces):
            return [seen.priors[_key(face)] for face in faces]
        return self._proposed(seen.mesh, faces, name, deadline)

    def _proposed(self, mesh: Embedding, faces: Sequence[Face], name: str, deadline: Deadline) -> list[FaceMask]:
        """The mesh engine's masks, of several faces at once: it works on small windows, one core each."""
        if min(self._threads, len(faces)) < 2:
            return self._prior.masks(mesh, faces, name, deadline) if faces else []
        with ThreadPoolExecutor(min(self._threads, len(faces)), "propose") as pool:
            each = pool.map(lambda face: self._prior.masks(mesh, [face], name, deadline), faces)
            return [mask for masks in each for mask in masks]

    def _outlined(self, seen: SamEmbedding, faces: Sequence[Face], proposed: _Masks, deadline: Deadline) -> _Masks:
        """Every proposal with SAM's outline. All that one view shows is asked about at once."""
        boxes = [view.box for view in seen.views]
        views = [seen.views[best_view(boxes, face.box)] for face in faces]
        todo = [
            _Part(name, i, replace(mask, patch=patch))
            for name, masks in proposed.items()
            for i, mask in enumerate(masks)
            for patch in _patches(name, mask.patch)
        ]
        done = [part.proposal for part in todo]
        for view in seen.views:
            mine = [n for n, part in enumerate(todo) if views[part.face] is view and part.worth_asking(view)]
            jobs = [Job(faces[todo[n].face], todo[n].name, todo[n].proposal, view) for n in mine]
            for n, mask in zip(mine, outlined(self._backend, seen, jobs, deadline) if jobs else [], strict=True):
                done[n] = mask
        found: dict[tuple[str, int], list[FaceMask]] = {}
        for part, mask in zip(todo, done, strict=True):
            found.setdefault((part.name, part.face), []).append(mask)
        return {name: [parts.gathered(found[name, i]) for i in range(len(faces))] for name in proposed}

    def prompted(
        self,
        embedding: Embedding,
        start: FaceMask | None,
        points: Sequence[UserPoint],
        box: Box | None,
        deadline: Deadline = NO_DEADLINE,
    ) -> FaceMask:
        """A mask by the user's own prompts: ``points`` (x, y, 1 inside | 0 outside) and ``box``, in pixels of the picture. With
        ``start`` (any mask drawn before) the points correct that mask near by them; ``agreement`` is what is left of it. Without
        it no band holds the answer: the user does.

        Raises InvalidParameter when there is nothing to go by, or a point lies outside the picture.
        """
        return prompted(self._backend, own(embedding), start, points, box, deadline)

    def shows(self, embedding: Embedding, points: Sequence[UserPoint], box: Box | None) -> bool:
        """Whether what was encoded shows the user's prompts; an embedding of no face in particular shows the whole picture."""
        return shows(own(embedding), points, box)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """What the mesh engine proposes for a region of the face number ``face``, or for a piece of it."""

    name: str
    face: int
    proposal: FaceMask

    def worth_asking(self, view: View) -> bool:
        patch = self.proposal.patch
        return self.name not in (SKIN, *AS_PROPOSED) and bool(patch.bits.any()) and large_enough(patch, view)


def _patches(name: str, patch: Patch) -> list[Patch]:
    return (pieces(patch) if name in APART else []) or [patch]
