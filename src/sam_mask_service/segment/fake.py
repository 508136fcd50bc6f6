"""A segmenter without weights: the ellipse in each face's box. For tests of load, faults and attacks; never chosen by a
user.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..deadline import NO_DEADLINE, Deadline
from ..errors import RegionUnavailable
from ..geometry import RGB, Face
from ..patch import Patch
from .cutter import Logits
from .segmenter import Detail, Embedding, FaceMask, Pixels


@dataclass(frozen=True, slots=True)
class FakeEmbedding:
    width: int
    height: int
    detail: str = "picture"
    nbytes: int = 64


@dataclass(slots=True)
class FakeSegmenter:
    """``seconds`` of sleep in each step (asking the deadline every 10 ms); ``fault`` is called before a mask is
    drawn.
    """

    seconds: float = 0.0
    fault: Callable[[], None] | None = None
    name: str = "mesh"
    model: str = "fake"
    heeds_neighbours: bool = True
    regions: frozenset[str] = field(default=frozenset({"face", "head"}))

    def embedding_key(self, width: int, height: int, faces: Sequence[Face], detail: Detail) -> Hashable:
        return width, height

    def embed(
        self, image: RGB, faces: Sequence[Face], detail: Detail = "auto", deadline: Deadline = NO_DEADLINE
    ) -> FakeEmbedding:
        wait(self.seconds, deadline)
        return FakeEmbedding(image.shape[1], image.shape[0])

    def masks(
        self,
        embedding: Embedding,
        faces: Sequence[Face],
        region: str = "face",
        deadline: Deadline = NO_DEADLINE,
        pixels: Pixels | None = None,
    ) -> list[FaceMask]:
        if region not in self.regions:
            raise RegionUnavailable(f"This engine gives {', '.join(sorted(self.regions))}.")
        wait(self.seconds, deadline)
        if self.fault is not None:
            self.fault()
        if not isinstance(embedding, FakeEmbedding):
            raise TypeError("this embedding was made by another segmenter")
        return [_ellipse(face, embedding) for face in faces]

    def expected(self, embedding: Embedding, face: Face) -> Patch:
        return self.masks(embedding, [face])[0].patch

    def drawn(
        self,
        embedding: Embedding,
        faces: Sequence[Face],
        region: str,
        logits: Sequence[Logits] | None,
        deadline: Deadline = NO_DEADLINE,
        pixels: Pixels | None = None,
    ) -> list[FaceMask]:
        return self.masks(embedding, faces, region, deadline, pixels)


def wait(seconds: float, deadline: Deadline) -> None:
    """Sleeps like work that asks its deadline between steps."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        deadline.check()
        time.sleep(min(0.01, left))
    deadline.check()


def _ellipse(face: Face, embedding: FakeEmbedding) -> FaceMask:
    box = face.box.pixels(embedding.width, embedding.height)
    y, x = np.mgrid[: box.height, : box.width]
    inside = ((x + 0.5) / box.width - 0.5) ** 2 + ((y + 0.5) / box.height - 0.5) ** 2 <= 0.25
    return FaceMask(Patch(box.x, box.y, np.asarray(inside)), score=0.9, agreement=1.0)
