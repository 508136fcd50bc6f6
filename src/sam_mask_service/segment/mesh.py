"""The built-in engine: masks from the face mesh, colours and small networks; needs no download."""

from __future__ import annotations

import copy
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..deadline import NO_DEADLINE, Deadline
from ..geometry import RGB, Face
from ..patch import Patch
from .artist import Artist, filled_patch
from .cutter import Logits, no_logits
from .face_view import FaceView, Nets
from .nets import HairNet, ParsingNet, PersonNet
from .region_table import Net, drawable
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
        return filled_patch([own.views[_key(face)].prior.hull], [], own.width, own.height)

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
            view = embedding.views[_key(face)]
            others = [other.prior for other in embedding.views.values() if other is not view]
            artist = Artist(view, others, (embedding.width, embedding.height), seen, pixels, self.tuning)
            patch = combine([(sign, artist.draw(name)) for sign, name in terms])
            out.append(FaceMask(patch, artist.score(head=terms == [(1, "head")]), artist.agreement))
        return out


def _own(embedding: Embedding) -> MeshEmbedding:
    if not isinstance(embedding, MeshEmbedding):
        raise TypeError("this embedding was made by another segmenter")
    return embedding
