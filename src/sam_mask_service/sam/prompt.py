"""SAM's prompt encoder in numpy: points and boxes to tokens (reference:
segment_anything/modeling/prompt_encoder.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .checkpoint import State
from .config import F32, Architecture

_ROLES = ("not_a_point_embed", *(f"point_embeddings.{i}" for i in range(4)))
NOT_A_POINT, OUTSIDE, INSIDE = -1, 0, 1
_NO_POINTS = np.zeros((0, 2), np.float32)
_NO_LABELS = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Prompt:
    """One question to SAM, of points, a box, or both.

    ``points`` (P, 2) float32 x, y; ``labels`` (P,) int64: INSIDE or OUTSIDE; ``box`` (4,) float32 left, top, right,
    bottom, or None; ``mask`` (4g, 4g) float32 logits of a mask to start from, or None. Pixels of the model's square,
    unless said otherwise.
    """

    points: F32 = field(default_factory=_NO_POINTS.copy)
    labels: NDArray[np.int64] = field(default_factory=_NO_LABELS.copy)
    box: F32 | None = None
    mask: F32 | None = None


class PromptEncoder:
    """Pure and thread-safe after construction. Coordinates are pixels of the model's square input."""

    def __init__(self, state: State, architecture: Architecture) -> None:
        self.size = np.float32(architecture.image_size)
        self.grid = architecture.grid
        prefix = "prompt_encoder."
        self._matrix: F32 = np.array(state[f"{prefix}pe_layer.positional_encoding_gaussian_matrix"])
        self._roles: F32 = np.concatenate([state[f"{prefix}{name}.weight"] for name in _ROLES])
        self.no_mask: F32 = np.array(state[f"{prefix}no_mask_embed.weight"]).reshape(1, -1, 1, 1)

    def grid_positions(self) -> F32:
        """(g², C): the positional encoding of the embedding's cells, row by row."""
        centres = (np.arange(self.grid, dtype=np.float32) + np.float32(0.5)) / np.float32(self.grid)
        x, y = np.meshgrid(centres, centres)
        return self._encode(np.stack([x, y], axis=-1)).reshape(self.grid * self.grid, -1)

    def tokens(self, prompt: Prompt) -> F32:
        """(N, C): one token a point, two a box. Points without a box get one "not a point" behind them and no prompt
        gets any other: so was the network trained, and each more of them changes its answer."""
        points, labels = prompt.points, prompt.labels
        if prompt.box is None:
            points = np.concatenate([points, np.zeros((1, 2), np.float32)])
            labels = np.append(labels, NOT_A_POINT)
            if len(points) == 1:
                raise ValueError("a prompt needs points or a box")
        roles = self._roles[labels + 1]
        tokens = np.where(labels[:, None] == NOT_A_POINT, roles, self._placed(points) + roles)
        if prompt.box is not None:
            tokens = np.concatenate([tokens, self._placed(prompt.box.reshape(2, 2)) + self._roles[3:5]])
        return np.asarray(tokens, np.float32)

    def _placed(self, pixels: F32) -> F32:
        """Half a pixel on, to the pixel's centre."""
        return self._encode((pixels.astype(np.float32) + np.float32(0.5)) / self.size)

    def _encode(self, unit: F32) -> F32:
        """Random Fourier features of positions in 0…1."""
        angles = np.float32(2 * np.pi) * ((2 * unit - 1) @ self._matrix)
        return np.concatenate([np.sin(angles), np.cos(angles)], axis=-1)
