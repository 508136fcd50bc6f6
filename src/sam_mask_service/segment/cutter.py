"""What SAM as an engine needs of the mesh engine: its proposals, and a cut that takes SAM's logits as evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from ..deadline import NO_DEADLINE, Deadline
from ..geometry import Face
from ..patch import Patch
from .crop import Soft, Window
from .segmenter import Embedding, FaceMask, Pixels, Segmenter

Logits = Callable[[str, Window], Soft | None]
"""Of one face: the outline's name (``face`` or ``head``) and a window → (S, S) float32 logits there, 0 where SAM saw
nothing; None where SAM is not believed or was not asked."""


def no_logits(outline: str, window: Window) -> None:  # noqa: ARG001 - Logits, without a SAM
    return None


class Cutter(Segmenter, Protocol):
    """The mesh engine, or a fake of it."""

    def expected(self, embedding: Embedding, face: Face) -> Patch:
        """Where the face is expected before a pixel is looked at."""
        ...

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
        ...
