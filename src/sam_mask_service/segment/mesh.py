"""The built-in engine: masks from the face mesh, colours and small networks; needs no download."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from ..deadline import NO_DEADLINE, Deadline
from ..errors import Internal
from ..faces.mesh import HOLES, PARTS, fill, polygons
from ..geometry import RGB, Face
from ..mask import iou
from .crop import Soft, Window, paste
from .cutter import Logits, no_logits
from .head import Evidence, dome_distance, head_mask
from .look import PARSING_ZOOM, FaceLook, Nets, transferred
from .nets import CLASSES, HEAD_CLASSES, HairNet, ParsingNet, PersonNet
from .refine import refined
from .regions import combine, terms_for
from .segmenter import Detail, Embedding, FaceMask, Patch, Pixels
from .tuning import TUNED, Tuning

_SCORE: Final = (0.38, 0.44, 0.20)  # constant, agreement with the prior, clearness of the outline
_NO_MESH: Final = 0.20
_HEAD: Final = (
    0.70,
    0.25,
)  # a head's score from its face's: constant and share; what is seen of a face says little of its head
_ALWAYS: Final = frozenset({"face", "head", "skin", *PARTS, *HOLES})


@dataclass(frozen=True, slots=True, eq=False)
class MeshEmbedding:
    """``looks``: one per embedded face, by the face's box."""

    width: int
    height: int
    looks: dict[Hashable, FaceLook]
    detail: str = "face"

    @property
    def nbytes(self) -> int:
        return sum(look.nbytes for look in self.looks.values())


def _key(face: Face) -> Hashable:
    b = face.box
    return b.x, b.y, b.width, b.height


class MeshSegmenter:
    """``hair_net``: MediaPipe's hair segmentation (``.tflite``), a better hair line; ``face_parsing``: BiSeNetV2
    (``.tflite``), the regions that a mesh cannot give. Both optional. ``requests``: calls of a network at once; ``models``: the
    models folder, for what it always needs. Raises ModelMissing."""

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
        self.regions = (
            _ALWAYS | (frozenset(CLASSES) if face_parsing else frozenset()) | ({"hair"} if hair_net else frozenset())
        )

    def embedding_key(self, width: int, height: int, faces: Sequence[Face], detail: Detail) -> Hashable:  # noqa: ARG002
        return width, height, tuple(_key(face) for face in faces)

    def embed(
        self,
        image: RGB,
        faces: Sequence[Face],
        detail: Detail = "auto",  # noqa: ARG002 - windows on faces are all that this engine ever looks at
        deadline: Deadline = NO_DEADLINE,
    ) -> MeshEmbedding:
        looks: dict[Hashable, FaceLook] = {}
        for face in faces:
            deadline.check()
            looks[_key(face)] = FaceLook(image, face, self._nets)
        return MeshEmbedding(image.shape[1], image.shape[0], looks)

    def masks(
        self,
        embedding: Embedding,
        faces: Sequence[Face],
        region: str = "face",
        deadline: Deadline = NO_DEADLINE,
        pixels: Pixels | None = None,
    ) -> list[FaceMask]:
        return self.drawn(embedding, faces, region, None, deadline, pixels)

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
        if not isinstance(embedding, MeshEmbedding):
            raise TypeError("this embedding was made by another segmenter")
        terms = terms_for(region, self.regions)
        out = []
        for face, seen in zip(faces, logits or [no_logits] * len(faces), strict=True):
            deadline.check()
            artist = _Artist(embedding, embedding.looks[_key(face)], seen, pixels, self.tuning)
            patch = combine([(sign, artist.draw(name)) for sign, name in terms])
            out.append(FaceMask(patch, artist.score(head=terms == [(1, "head")]), artist.agreement))
        return out


class _Artist:
    """Draws the regions of one face, each once."""

    def __init__(
        self, embedding: MeshEmbedding, look: FaceLook, logits: Logits, pixels: Pixels | None, tuning: Tuning
    ) -> None:
        self.look, self.width, self.height = look, embedding.width, embedding.height
        self._logits, self._pixels, self._tuning = logits, pixels, tuning
        near = 2 * look.prior.axes.height + 2 * look.prior.axes.width
        self.rivals = [
            other.prior
            for other in embedding.looks.values()
            if other is not look and np.hypot(*(other.prior.axes.chin - look.prior.axes.chin)) < near
        ]
        self._drawn: dict[str, Patch] = {}

    def draw(self, name: str) -> Patch:
        if name not in self._drawn:
            self._drawn[name] = self._how(name)(name)
        return self._drawn[name]

    def _how(self, name: str) -> Callable[[str], Patch]:
        own: dict[str, Callable[[str], Patch]] = {
            "face": self._draw_face,
            "head": self._draw_head,
            "skin": self._draw_skin,
            "hair": self._draw_hair,
        }
        if name in own:
            return own[name]
        return self._draw_part if name in PARTS or name in HOLES else self._draw_class

    @property
    def agreement(self) -> float:
        outline = self.look.outline
        return iou(outline.soft > 0.5, outline.hull)

    def score(self, head: bool) -> float:
        """The expected IoU of the face's mask (or the ``head``'s) with what a person would draw, 0…1: fitted on labelled pictures
        with one face (docs/quality.md). Without a mesh too few are labelled to fit anything: the penalty is a choice."""
        score = _SCORE[0] + _SCORE[1] * self.agreement + _SCORE[2] * self.look.outline.clear
        if self.look.prior.points is None:
            score -= _NO_MESH
        return round(min(1.0, _HEAD[0] + _HEAD[1] * score if head else score), 3)

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
        return self._outlined(
            self.look.outlined(self._logits("face", self.look.face), self._tuning.face).soft, self.look.face
        )

    def _draw_head(self, _: str) -> Patch:
        look = self.look
        face = transferred(self.look.outline.soft, look.face, look.head) > 0.5
        within = look.head.within(self.width, self.height)
        hair, parsed = look.hair(look.head), look.parsed(HEAD_CLASSES, look.head, beyond=0.5)
        logits = self._logits("head", look.head)
        seen = Evidence(look.person(look.head), within, hair, parsed, logits, look.prior.axes.width)
        rivals = [rival.seen_in(look.head) for rival in self.rivals]
        return self._outlined(
            head_mask(look.head_rgb, look.prior.seen_in(look.head), seen, face, rivals, self._tuning.head), look.head
        )

    def _draw_skin(self, _: str) -> Patch:
        features = [(-1, self.draw(part)) for part in ("eyes", "brows", "mouth")]
        return combine([(1, self.draw("face")), *features])  # type: ignore[list-item]

    def _draw_hair(self, _: str) -> Patch:
        """What the networks that are loaded call hair, in the mean, where this head can be."""
        look = self.look
        answers = [s for s in (look.hair(look.head), look.parsed(["hair"], look.head)) if s is not None]
        near = dome_distance(look.prior.seen_in(look.head), look.head.size)
        ours = near < 1.1
        for rival in self.rivals:
            ours &= near <= dome_distance(rival.seen_in(look.head), look.head.size)
        return self._paste(np.where(ours, np.mean(answers, axis=0), 0).astype(np.float32), look.head)

    def _draw_part(self, name: str) -> Patch:
        """A part that the mesh outlines; drawn at the picture's own resolution."""
        points = self.look.prior.points
        if points is None:
            return self._draw_missing()
        outlines, holes = polygons(points, name)
        corners = np.vstack(outlines)
        x0, y0 = (max(0, int(v) - 1) for v in corners.min(0))
        x1, y1 = min(self.width, int(corners[:, 0].max()) + 2), min(self.height, int(corners[:, 1].max()) + 2)
        shift = np.array([x0, y0], np.float32)
        shape = (max(1, y1 - y0), max(1, x1 - x0))
        bits = fill(shape, [p - shift for p in outlines], [p - shift for p in holes])
        return Patch(min(x0, self.width - 1), min(y0, self.height - 1), bits)

    def _draw_missing(self) -> Patch:
        """Without a mesh the parts of a face are not known: nothing is masked."""
        return Patch(0, 0, np.zeros((1, 1), bool))

    def _draw_class(self, name: str) -> Patch:
        window = self.look.prior.window(PARSING_ZOOM, 448)
        soft = self.look.parsed([name], window)
        if soft is None:
            raise Internal("A region that needs the face-parsing network was asked without it.")
        return self._paste(soft, window)
