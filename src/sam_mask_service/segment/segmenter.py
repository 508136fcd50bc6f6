"""What draws masks: the protocol that the pipeline knows. The expensive and the cheap step are apart."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from ..deadline import NO_DEADLINE, Deadline
from ..geometry import RGB, Face
from ..patch import Patch

Detail = Literal["auto", "picture", "face"]
DISAGREED: Final = "segmenter_disagreed"
"""The warning of a mask that is the mesh engine's alone, since SAM does not mean the same thing."""
Pixels = Callable[[], RGB]
"""Gives the picture's pixels, (H, W, 3) uint8. Asked only when an outline is coarser than they are."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceMask:
    """One face's mask, in a window inside the picture. ``score`` 0…1: SAM's predicted IoU, or the mesh engine's own
    estimate of it. ``agreement`` 0…1: of the mask with the mesh's outline, or of what SAM sees with what the mesh
    engine proposes. ``warnings``: e.g. ``segmenter_disagreed``."""

    patch: Patch
    score: float
    agreement: float
    warnings: tuple[str, ...] = ()


class Embedding(Protocol):
    """What one look at a picture gives: opaque to the pipeline, may be cached, is never changed."""

    @property
    def nbytes(self) -> int: ...

    @property
    def detail(self) -> str:
        """``picture`` or ``face``: what was encoded."""
        ...


class Segmenter(Protocol):
    """Draws masks of given faces. Thread-safe."""

    @property
    def name(self) -> str:
        """``mesh`` or ``sam``."""
        ...

    @property
    def model(self) -> str: ...

    @property
    def regions(self) -> frozenset[str]: ...

    @property
    def heeds_neighbours(self) -> bool:
        """Whether faces near a chosen one should be embedded with it, so that its head ends where theirs begin."""
        ...

    def embedding_key(self, width: int, height: int, faces: Sequence[Face], detail: Detail) -> Hashable:
        """What, besides the picture itself, the embedding depends on: equal keys mean that a cached one may be used."""
        ...

    def embed(
        self, image: RGB, faces: Sequence[Face], detail: Detail = "auto", deadline: Deadline = NO_DEADLINE
    ) -> Embedding:
        """The expensive step: everything about ``image`` ((H, W, 3) uint8 RGB) that does not depend on region or
        prompts.
        """
        ...

    def masks(
        self,
        embedding: Embedding,
        faces: Sequence[Face],
        region: str = "face",
        deadline: Deadline = NO_DEADLINE,
        pixels: Pixels | None = None,
    ) -> list[FaceMask]:
        """The cheap step: one mask per face, in the order of ``faces`` (all among those embedded). With ``pixels`` an
        outline follows the picture's edges at its full resolution; without, at that of the window it was drawn in.

        Raises RegionUnavailable for a region outside ``regions`` and DeadlinePassed.
        """
        ...
