"""SAM as an engine: shown a picture or crops of it, asked about what the mesh engine proposes, held by the proposal."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from ..deadline import NO_DEADLINE, Deadline
from ..geometry import RGB, Box, Face, PixelBox
from ..patch import Patch
from ..runtime.machine import cpu_threads
from ..sam.backend import SamBackend
from ..sam.frame import Frame
from . import sam_evidence as evidence
from . import sam_parts as parts
from .corrections import UserPoint, prompted, shows
from .cutter import Cutter
from .part_questions import PartQuestion, large_enough, outlined
from .region_table import region as row_of
from .regions import pieces, terms_for
from .sam_view import SamEmbedding, View, own
from .segmenter import Detail, Embedding, FaceMask, Pixels
from .tuning import TUNED, Tuning
from .tuning.sam import PartTuning
from .views import best_view, plan


def _key(face: Face) -> Hashable:
    return face.box.x, face.box.y, face.box.width, face.box.height


class SamSegmenter:
    """``prior`` is the mesh engine (or a fake of it): it proposes every region, and its mask stands where SAM disagrees
    too much or the region is too small for SAM's grid. ``threads``: faces that it is asked about at once."""

    name = "sam"
    heeds_neighbours = False
    """A neighbour would widen the crop that SAM looks at, and cost a look of its own."""

    def __init__(
        self,
        backend: SamBackend,
        prior: Cutter,
        model: str | None = None,
        threads: int | None = None,
        tuning: Tuning = TUNED,
    ) -> None:
        self.tuning = tuning
        self._backend = backend
        self._prior = prior
        self._threads = threads or cpu_threads()
        self.model = model or backend.name
        self.device = backend.device
        self.precision = backend.precision

    def with_prior(self, prior: Cutter) -> SamSegmenter:
        """The same network over another mesh engine."""
        return SamSegmenter(self._backend, prior, self.model, self._threads, self.tuning)

    @property
    def lost(self) -> str | None:
        """Why its network cannot answer any more; None while it can."""
        return self._backend.lost

    @property
    def batch_sizes(self) -> Mapping[int, int]:
        """How many batches of each size its encoder ran; empty where it takes one picture at a time."""
        return dict(getattr(getattr(self._backend, "batches", None), "sizes", {}))

    @property
    def regions(self) -> frozenset[str]:
        return self._prior.regions

    def embedding_key(self, width: int, height: int, faces: Sequence[Face], detail: Detail) -> Hashable:
        views = plan(width, height, faces, detail, self._backend.image_size, self.tuning.view)
        return views, self._prior.model, self._prior.embedding_key(width, height, faces, detail)

    def embed(
        self, image: RGB, faces: Sequence[Face], detail: Detail = "auto", deadline: Deadline = NO_DEADLINE
    ) -> SamEmbedding:
        height, width = image.shape[:2]
        chosen = plan(width, height, faces, detail, self._backend.image_size, self.tuning.view)
        mesh = self._prior.embed(image, faces, detail, deadline)
        views = tuple(self._view(image, box, deadline) for box in chosen.views)
        return SamEmbedding(width, height, chosen.detail, views, mesh, len(faces))

    def _view(self, image: RGB, box: PixelBox, deadline: Deadline) -> View:
        deadline.check()
        pixels = np.ascontiguousarray(image[box.rows, box.columns])
        frame = Frame(box.width, box.height, self._backend.image_size)
        return View(box, frame, self._backend.encode(pixels, deadline))

    def masks(
        self,
        embedding: Embedding,
        faces: Sequence[Face],
        region: str = "face",
        deadline: Deadline = NO_DEADLINE,
        pixels: Pixels | None = None,
    ) -> list[FaceMask]:
        """As the protocol says. Faces and heads are cut with SAM's evidence, some parts outlined by SAM
        (``Region.by_sam``), the others are the mesh engine's. ``score`` is SAM's predicted IoU; where SAM disagrees
        (``segmenter_disagreed``), mask and score are the mesh engine's, and ``agreement`` says how little SAM's answer
        had to do with its proposal."""
        seen = own(embedding)
        terms = terms_for(region, self.regions)
        drawn = {name: self._region(seen, faces, name, deadline, pixels) for name in dict.fromkeys(n for _, n in terms)}
        return [parts.together(terms, {name: drawn[name][i] for name in drawn}) for i in range(len(faces))]

    def _region(
        self, seen: SamEmbedding, faces: Sequence[Face], name: str, deadline: Deadline, pixels: Pixels | None
    ) -> list[FaceMask]:
        row = row_of(name)
        if row.outline is not None:
            answers = self._evidence(seen, faces, row.outline, deadline)

            def cut(i: int) -> FaceMask:
                cuts = self._prior.drawn(seen.mesh, [faces[i]], name, [answers[i].seen], deadline, pixels)
                return answers[i].told(cuts[0])

            return self._each(len(faces), cut)
        proposed = self._proposed(seen.mesh, faces, name, deadline, pixels)
        return self._parts(seen, faces, name, proposed, deadline) if row.by_sam else proposed

    def _evidence(
        self, seen: SamEmbedding, faces: Sequence[Face], outline: str, deadline: Deadline
    ) -> list[evidence.SamEvidence]:
        """What SAM says of each face. All that one view shows is asked about at once, and nothing twice."""
        new = [face for face in faces if (_key(face), outline) not in seen.answers]
        by_view: dict[int, list[evidence.OutlineQuestion]] = {}
        for face, patch in zip(new, self._expected(seen.mesh, new, outline, deadline), strict=True):
            index = best_view([view.box for view in seen.views], face.box)
            view = seen.views[index]
            if patch.bits.any() and large_enough(patch, view, self.tuning.part):
                by_view.setdefault(index, []).append(evidence.OutlineQuestion(face, outline, patch, view))
            else:
                seen.answers[_key(face), outline] = evidence.SamEvidence(outline, view)
        for questions in by_view.values():
            said = evidence.asked(self._backend, questions, deadline, self.tuning)
            for question, answer in zip(questions, said, strict=True):
                seen.answers[_key(question.face), outline] = answer
        return [seen.answers[_key(face), outline] for face in faces]

    def _expected(self, mesh: Embedding, faces: Sequence[Face], outline: str, deadline: Deadline) -> list[Patch]:
        """What SAM is asked about. A face's points are the mesh's own, so that its outline need not be cut for them:
        the answers measured the same. A head's box must be that of the head."""
        if outline == "face":
            return [self._prior.expected(mesh, face) for face in faces]
        return [mask.patch for mask in self._proposed(mesh, faces, outline, deadline)]

    def _proposed(
        self, mesh: Embedding, faces: Sequence[Face], name: str, deadline: Deadline, pixels: Pixels | None = None
    ) -> list[FaceMask]:
        return self._each(len(faces), lambda i: self._prior.masks(mesh, [faces[i]], name, deadline, pixels)[0])

    def _each(self, count: int, draw: Callable[[int], FaceMask]) -> list[FaceMask]:
        """The mesh engine's work on several faces at once: small windows, one core each."""
        if min(self._threads, count) < 2:
            return [draw(i) for i in range(count)]
        with ThreadPoolExecutor(min(self._threads, count), "draw") as pool:
            return list(pool.map(draw, range(count)))

    def _parts(
        self, seen: SamEmbedding, faces: Sequence[Face], name: str, proposed: Sequence[FaceMask], deadline: Deadline
    ) -> list[FaceMask]:
        """Every proposal with SAM's outline. All that one view shows is asked about at once."""
        boxes = [view.box for view in seen.views]
        views = [seen.views[best_view(boxes, face.box)] for face in faces]
        todo = [
            _Part(i, replace(mask, patch=patch))
            for i, mask in enumerate(proposed)
            for patch in _patches(name, mask.patch, self.tuning.part)
        ]
        done = [part.proposal for part in todo]
        for view in seen.views:
            mine = [
                n
                for n, part in enumerate(todo)
                if views[part.face] is view and part.worth_asking(view, self.tuning.part)
            ]
            jobs = [PartQuestion(faces[todo[n].face], name, todo[n].proposal, view, self.tuning) for n in mine]
            drawn = outlined(self._backend, seen, jobs, deadline, self.tuning) if jobs else []
            for n, mask in zip(mine, drawn, strict=True):
                done[n] = mask
        found: dict[int, list[FaceMask]] = {}
        for part, mask in zip(todo, done, strict=True):
            found.setdefault(part.face, []).append(mask)
        return [parts.gathered(found[i]) for i in range(len(faces))]

    def prompted(
        self,
        embedding: Embedding,
        start: FaceMask | None,
        points: Sequence[UserPoint],
        box: Box | None,
        deadline: Deadline = NO_DEADLINE,
    ) -> FaceMask:
        """A mask by the user's own prompts: ``points`` (x, y, 1 inside | 0 outside) and ``box``, in pixels of the
        picture. With ``start`` (any mask drawn before) the points correct that mask near by them; ``agreement`` is what
        is left of it. Without it no band holds the answer: the user does.

        Raises InvalidParameter when there is nothing to go by, or a point lies outside the picture.
        """
        return prompted(self._backend, own(embedding), start, points, box, deadline, self.tuning)

    def shows(self, embedding: Embedding, points: Sequence[UserPoint], box: Box | None) -> bool:
        """Whether what was encoded shows the user's prompts; an embedding of no face in particular shows the whole
        picture.
        """
        return shows(own(embedding), points, box, self.tuning)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """What the mesh engine proposes for a region of the face number ``face``, or for a piece of it."""

    face: int
    proposal: FaceMask

    def worth_asking(self, view: View, tuning: PartTuning) -> bool:
        patch = self.proposal.patch
        shown = patch.cut(view.box).area >= tuning.shown * patch.area
        return patch.area > 0 and shown and large_enough(patch, view, tuning)


def _patches(name: str, patch: Patch, tuning: PartTuning) -> list[Patch]:
    return (pieces(patch, tuning) if row_of(name).apart else []) or [patch]
