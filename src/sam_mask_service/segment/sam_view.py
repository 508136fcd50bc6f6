"""What SAM saw of a picture: encoded views, and the ways between the picture's pixels and the model's square."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry import PixelBox
from ..patch import Patch
from ..sam.backend import Features
from ..sam.config import F32
from ..sam.frame import Frame, shares, upscale
from ..sam.prompt import Prompt
from .crop import Soft, Window
from .segmenter import Embedding
from .views import Looked

CELL = 4
"""Pixels of the model's input per cell of a mask."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One encoded part of the picture: ``box`` in its pixels, ``embedding``: what the encoder sees there."""

    box: PixelBox
    frame: Frame
    embedding: Features

    @property
    def grid(self) -> int:
        """Cells along a side of SAM's masks."""
        return self.frame.size // CELL

    def to_model(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Pixels (…, 2) of the picture → of the model's square, kept inside what the view shows."""
        limit = np.array([self.box.width, self.box.height], np.float32)
        return self.frame.to_model(np.clip(points - np.array([self.box.x, self.box.y], np.float32), 0, limit))

    def prompt(self, prompt: Prompt) -> Prompt:
        """A prompt in pixels of the picture → of the model's square, without the points that the view does not show."""
        low = np.array([self.box.x, self.box.y], np.float32)
        high = low + np.array([self.box.width, self.box.height], np.float32)
        shown = ((prompt.points >= low) & (prompt.points < high)).all(axis=1)
        box = None if prompt.box is None else self.to_model(prompt.box.reshape(2, 2)).reshape(4)
        return Prompt(self.to_model(prompt.points[shown]), prompt.labels[shown], box, prompt.mask)


@dataclass(frozen=True, slots=True, eq=False)
class SamEmbedding:
    """``mesh``: the mesh engine's own embedding; ``faces``: how many it is of; ``answers``: what SAM said of faces and
    heads so far, by face and outline (asked once, by whoever comes first)."""

    width: int
    height: int
    detail: Looked
    views: tuple[View, ...]
    mesh: Embedding
    faces: int
    answers: dict[Hashable, Any] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        answers = 2 * self.faces * self.views[0].grid ** 2 * 4
        return sum(view.embedding.nbytes for view in self.views) + answers + self.mesh.nbytes


def own(embedding: Embedding) -> SamEmbedding:
    """The embedding, which must be one of this engine's."""
    if not isinstance(embedding, SamEmbedding):
        raise TypeError("an embedding of another engine")
    return embedding


def coarse(patch: Patch, view: View) -> F32:
    """(L, L) the share of each cell of the view's mask grid that ``patch`` covers."""
    x, y = patch.x - view.box.x, patch.y - view.box.y
    return shares(patch.bits, x, y, view.frame, view.grid)


def drawn(logits: F32, view: View, box: PixelBox) -> Patch:
    """The mask of ``logits`` in a window of the picture; False outside the view."""
    shown = view.box.overlap(box)
    if not (shown.width and shown.height):
        return Patch.empty(box.x, box.y).cut(box)
    part = upscale(logits, view.frame, shown.x - view.box.x, shown.y - view.box.y, shown.width, shown.height)
    return Patch(shown.x, shown.y, np.asarray(part > 0)).cut(box)


def in_window(logits: F32, view: View, window: Window) -> Soft:
    """(S, S) float32: logits (L, L) of a view as a window of the picture sees them; 0 where the view shows nothing."""
    height, width = view.frame.scaled
    used = logits[: -(-height // CELL), : -(-width // CELL)]
    across, down = width / view.box.width / CELL, height / view.box.height / CELL
    inverse = window.inverse()
    inverse[:, 2] += inverse[:, :2] @ [0.5, 0.5] - [view.box.x, view.box.y]
    to_grid = np.array([[across], [down]]) * inverse
    to_grid[:, 2] -= 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(used, to_grid, (window.size, window.size), flags=flags), np.float32)
