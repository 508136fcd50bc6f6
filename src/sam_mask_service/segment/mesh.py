"""The built-in engine: masks from the face mesh, colours and small networks; needs no download."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..deadline import NO_DEADLINE, Deadline
from ..errors import Internal
from ..faces.mesh import Polygon, filled, polygons
from ..geometry import RGB, Box, Face
from ..mask import iou
from ..patch import Patch
from .crop import Soft, Window, cut, paste, seen_in
from .cutter import Logits, no_logits
from .face_view import FaceView, Nets, transferred
from .head import HeadEvidence, dome_distance, head_mask, lead_of
from .nets import HairNet, ParsingNet, PersonNet
from .person import person_mask, person_window
from .refine import refined
from .region_table import Algorithm, Net, drawable, head_classes
from .region_table import region as row_of
from .regions import combine, terms_for
from .segmenter import Detail, Embedding, FaceMask, Pixels
from .tuning import TUNED, Tuning


@dataclass(frozen=True, slots=True, eq=False)
class MeshEmbedding:
    """``views``: one per embedded face, by the face's box."""

    width: int
    height: int
    views: dict[Hashable, FaceView]
    detail: str = "face"

    @property
    def nbytes(self) -> int:
        return sum(view.nbytes for view in self.views.values())


def _key(face: Face) -> Hashable:
    b = face.box
    return b.x, b.y, b.width, b.height


class MeshSegmenter:
    """``hair_net``: MediaPipe's hair segmentation (``.tflite``), a better hair line; ``face_parsing``: BiSeNetV2
    (``.tflite``), the regions that a mesh cannot give. Both optional. ``requests``: calls of a network at once;
    ``models``: the models folder, for what it always needs. Raises ModelMissing."""

    name = "mesh"
    heeds_neighbours = True

    def __init__(
        self,
        hair_net: Path | None = None,
        face_parsing: Path | None = None,
        requests: int = 2,
        tuning: Tuning = TUNED,
        models: Path | None = None,
    ) -> None:
        self.tuning = tuning
        self._nets = Nets(
            PersonNet(requests, models),
            None if hair_net is None else HairNet(hair_net, requests),
            None if face_parsing is None else ParsingNet(face_parsing),
        )
        parts = [("facemesh", True), ("hair", hair_net), ("parsing", face_parsing)]
        self.model = "+".join(name for name, there in parts if there)
        nets: dict[Net, Path | None] = {"hair": hair_net, "parsing": face_parsing}
        self.regions = drawable(frozenset(name for name, file in nets.items() if file))

    def with_tuning(self, tuning: Tuning) -> MeshSegmenter:
        """The same networks with other numbers; it takes no embedding that was made with these."""
        other = copy.copy(self)
        other.tuning = tuning
        return other

    def embedding_key(self, width: int, height: int, faces: Sequence[Face], detail: Detail) -> Hashable:  # noqa: ARG002
        return width, height, tuple(_key(face) for face in faces)

    def embed(
        self,
        image: RGB,
        faces: Sequence[Face],
        detail: Detail = "auto",  # noqa: ARG002 - windows on faces are all that this engine ever looks at
        deadline: Deadline = NO_DEADLINE,
    ) -> MeshEmbedding:
        views: dict[Hashable, FaceView] = {}
        for face in faces:
            deadline.check()
            views[_key(face)] = FaceView(image, face, self._nets, self.tuning)
        return MeshEmbedding(image.shape[1], image.shape[0], views)

    def masks(
        self,
        embedding: Embedding,
        faces: Sequence[Face],
        region: str = "face",
        deadline: Deadline = NO_DEADLINE,
        pixels: Pixels | None = None,
    ) -> list[FaceMask]:
        return self.drawn(embedding, faces, region, None, deadline, pixels)

    def expected(self, embedding: Embedding, face: Face) -> Patch:
        own = _own(embedding)
        return _filled([own.views[_key(face)].prior.hull], [], own.width, own.height)

    def drawn(
        self,
        embedding: Embedding,
        faces: Sequence[Face],
        region: str,
        logits: Sequence[Logits] | None,
        deadline: Deadline = NO_DEADLINE,
        pixels: Pixels | None = None,
    ) -> list[FaceMask]:
        """As ``masks``; with ``logits``, one for each face, SAM's evidence enters the cut beside the mesh's."""
        embedding = _own(embedding)
        terms = terms_for(region, self.regions)
        out = []
        for face, seen in zip(faces, logits or [no_logits] * len(faces), strict=True):
            deadline.check()
            artist = _Artist(embedding, embedding.views[_key(face)], seen, pixels, self.tuning)
            patch = combine([(sign, artist.draw(name)) for sign, name in terms])
            out.append(FaceMask(patch, artist.score(head=terms == [(1, "head")]), artist.agreement))
        return out


def _own(embedding: Embedding) -> MeshEmbedding:
    if not isinstance(embedding, MeshEmbedding):
        raise TypeError("this embedding was made by another segmenter")
    return embedding


def _filled(outlines: Sequence[Polygon], holes: Sequence[Polygon], width: int, height: int) -> Patch:
    """What lies in one of the outlines and in none of the holes, in the part of the picture that they cover."""
    corners = np.vstack(outlines).astype(int)
    low, high = corners.min(axis=0), corners.max(axis=0)
    around = Box(*(low - 1).tolist(), *(high - low + 3).tolist())
    return filled(around.pixels(width, height), outlines, holes)


class _Artist:
    """Draws the regions of one face, each once."""

    def __init__(
        self, embedding: MeshEmbedding, view: FaceView, logits: Logits, pixels: Pixels | None, tuning: Tuning
    ) -> None:
        self.view, self.width, self.height = view, embedding.width, embedding.height
        self._logits, self._pixels, self._tuning = logits, pixels, tuning
        self.others = [other.prior for other in embedding.views.values() if other is not view]
        near = 2 * view.prior.axes.height + 2 * view.prior.axes.width
        self.rivals = [other for other in self.others if np.hypot(*(other.axes.chin - view.prior.axes.chin)) < near]
        self._drawn: dict[str, Patch] = {}

    def draw(self, name: str) -> Patch:
        if name not in self._drawn:
            self._drawn[name] = self._how(name)(name)
        return self._drawn[name]

    def _how(self, name: str) -> Callable[[str], Patch]:
        row = row_of(name)
        own: dict[Algorithm, Callable[[str], Patch]] = {
            "face": self._draw_face,
            "head": self._draw_head,
            "skin": self._draw_skin,
            "hair": self._draw_hair,
            "person": self._draw_person,
        }
        if row.algorithm is not None:
            return own[row.algorithm]
        return self._draw_part if row.rings else self._draw_class

    @property
    def agreement(self) -> float:
        outline = self.view.outline
        return iou(outline.soft > 0.5, outline.hull)

    def score(self, head: bool) -> float:
        """The expected IoU of the face's mask (or the ``head``'s) with what a person would draw, 0…1: fitted on
        labelled pictures with one face (docs/quality.md). Without a mesh too few are labelled to fit anything: the
        penalty is a choice."""
        tuning = self._tuning.score
        score = tuning.constant + tuning.agreement * self.agreement + tuning.clear * self.view.outline.clear
        if self.view.prior.points is None:
            score -= tuning.no_mesh
        return round(min(1.0, tuning.head + tuning.head_share * score if head else score), 3)

    def _paste(self, soft: Soft, window: Window) -> Patch:
        return paste(soft, window, self.width, self.height)

    def _outlined(self, soft: Soft, window: Window) -> Patch:
        """A mask in one piece without holes, its outline at the picture's own resolution where that can be had."""
        patch = self._paste(soft, window)
        step = 1 / window.scale
        if self._pixels is None or step < self._tuning.refine.worth:
            return patch
        return refined(self._pixels(), patch, step, self._tuning.refine)

    def _draw_face(self, _: str) -> Patch:
        return self._outlined(self.view.outlined(self._logits("face", self.view.face)).soft, self.view.face)

    def _draw_head(self, _: str) -> Patch:
        view = self.view
        face = transferred(self.view.outline.soft, view.face, view.head) > 0.5
        within = view.head.within(self.width, self.height)
        hair, parsed = view.hair(view.head), view.parsed(head_classes(), view.head, beyond=0.5)
        logits = self._logits("head", view.head)
        seen = HeadEvidence(view.person(view.head), within, hair, parsed, logits, view.prior.axes.width)
        rivals = [rival.seen_in(view.head) for rival in self.rivals]
        return self._outlined(
            head_mask(view.head_rgb, view.prior.seen_in(view.head), seen, face, rivals, self._tuning), view.head
        )

    def _draw_skin(self, _: str) -> Patch:
        features = [(-1, self.draw(part)) for part in ("eyes", "brows", "mouth")]
        return combine([(1, self.draw("face")), *features])  # type: ignore[list-item]

    def _draw_hair(self, _: str) -> Patch:
        """What the networks that are loaded call hair, in the mean, where this head can be."""
        view = self.view
        answers = [s for s in (view.hair(view.head), view.parsed(row_of("hair").classes, view.head)) if s is not None]
        tuning = self._tuning.head
        own, mean = view.prior.seen_in(view.head), np.mean(answers, axis=0)
        near = dome_distance(own, view.head.size, tuning)
        ours = near < tuning.beyond
        for rival in self.rivals:
            ours &= lead_of(own, rival.seen_in(view.head), near, mean > tuning.hair_sure, tuning) >= 0
        return self._paste(np.where(ours, mean, 0).astype(np.float32), view.head)

    def _draw_person(self, _: str) -> Patch:
        if self._pixels is None:
            raise Internal("A person was asked for without the picture.")
        view, own = self.view, self._tuning.person
        window = person_window(view.prior, self.width, self.height, own)
        rgb, within = cut(self._pixels(), window), window.within(self.width, self.height)
        seen = view.person_in(rgb)
        head = seen_in(self.draw("head"), window, self.width, self.height)
        rivals = [rival.seen_in(window) for rival in self.others]
        soft = person_mask(rgb, seen, within, head, view.prior.seen_in(window), rivals, own, self._tuning.cut)
        return self._outlined(soft, window).union(self.draw("head"))

    def _draw_part(self, name: str) -> Patch:
        """A part that the mesh outlines; drawn at the picture's own resolution."""
        points = self.view.prior.points
        if points is None:
            return Patch.empty()  # the parts of a face are not known
        row = row_of(name)
        return _filled(polygons(points, row.rings), polygons(points, row.holes), self.width, self.height)

    def _draw_class(self, name: str) -> Patch:
        window = self.view.prior.window(self._tuning.window.parsing_zoom, 448)
        soft = self.view.parsed(row_of(name).classes, window)
        if soft is None:
            raise Internal("A region that needs the face-parsing network was asked without it.")
        return self._paste(soft, window)
