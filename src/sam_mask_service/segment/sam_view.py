"""What SAM saw of a picture: encoded views, and the ways between the picture's pixels and the model's square."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry import Bits, PixelBox
from ..sam.config import F32
from ..sam.frame import Frame, shares, upscale
from .segmenter import Embedding, FaceMask, Patch
from .views import Looked

CELL = 4
"""Pixels of the model's input per cell of a mask."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One encoded part of the picture: ``box`` in its pixels, ``embedding`` (1, C, g, g) float32."""

    box: PixelBox
    frame: Frame
    embedding: F32

    def to_model(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Pixels (…, 2) of the picture → of the model's square, kept inside what the view shows."""
        limit = np.array([self.box.width, self.box.height], np.float32)
        return self.frame.to_model(np.clip(points - np.array([self.box.x, self.box.y], np.float32), 0, limit))

    def shows(self, point: NDArray[np.float32]) -> bool:
        return bool(
            self.box.x <= point[0] < self.box.x + self.box.width
            and self.box.y <= point[1] < self.box.y + self.box.height
        )


@dataclass(frozen=True, slots=True, eq=False)
class SamEmbedding:
    """``priors``: the mesh's mask of region ``face`` by face; ``mesh``: the mesh engine's own embedding."""

    width: int
    height: int
    detail: Looked
    views: tuple[View, ...]
    mesh: Embedding
    priors: dict[Hashable, FaceMask]

    @property
    def nbytes(self) -> int:
        masks = sum(p.patch.bits.nbytes for p in self.priors.values())
        return sum(view.embedding.nbytes for view in self.views) + masks + self.mesh.nbytes


def own(embedding: Embedding) -> SamEmbedding:
    """The embedding, which must be one of this engine's."""
    if not isinstance(embedding, SamEmbedding):
        raise TypeError("an embedding of another engine")
    return embedding


def coarse(patch: Patch, view: View) -> F32:
    """(L, L) the share of each cell of the view's mask grid that ``patch`` covers."""
    x, y = patch.x - view.box.x, patch.y - view.box.y
    return shares(patch.bits, x, y, view.frame, view.frame.size // CELL)


def drawn(logits: F32, view: View, x: int, y: int, shape: tuple[int, ...]) -> Bits:
    """The mask of ``logits`` in a window of the picture; False outside the view."""
    out = np.zeros(shape, bool)
    x0, y0 = max(x, view.box.x), max(y, view.box.y)
    x1, y1 = min(x + shape[1], view.box.x + view.box.width), min(y + shape[0], view.box.y + view.box.height)
    if x1 > x0 and y1 > y0:
        part = upscale(logits, view.frame, x0 - view.box.x, y0 - view.box.y, x1 - x0, y1 - y0)
        out[y0 - y : y1 - y, x0 - x : x1 - x] = part > 0
    return out
