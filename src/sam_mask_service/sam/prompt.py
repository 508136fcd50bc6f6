"""SAM's prompt encoder in numpy: points and boxes to tokens (reference: segment_anything/modeling/prompt_encoder.py)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .checkpoint import State
from .config import F32, Architecture

_ROLES = ("not_a_point_embed", *(f"point_embeddings.{i}" for i in range(4)))
NOT_A_POINT, OUTSIDE, INSIDE = -1, 0, 1


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

    def tokens(self, points: NDArray[Any] | None, labels: NDArray[Any] | None, boxes: NDArray[Any] | None) -> F32:
        """(B, N, C) prompt tokens of B prompts.

        ``points`` (B, P, 2) with ``labels`` (B, P): 1 inside, 0 outside, −1 no point; ``boxes`` (B, 4): left, top, right, bottom.
        Points without boxes get one "no point" behind them, as the network was trained.
        """
        parts = []
        if points is not None and labels is not None:
            if boxes is None:
                points = np.concatenate([points, np.zeros_like(points[:, :1])], axis=1)
                labels = np.concatenate([labels, np.full_like(labels[:, :1], NOT_A_POINT)], axis=1)
            parts.append(self._points(points, labels))
        if boxes is not None:
            corners = self._placed(boxes.reshape(-1, 2, 2))
            parts.append(corners + self._roles[3:5])
        if not parts:
            raise ValueError("a prompt needs points or a box")
        return np.concatenate(parts, axis=1).astype(np.float32)

    def _points(self, points: NDArray[Any], labels: NDArray[Any]) -> F32:
        roles = self._roles[labels.astype(np.int64) + 1]
        placed = np.where(labels[..., None] == NOT_A_POINT, np.float32(0), self._placed(points))
        return np.asarray(placed + roles, np.float32)

    def _placed(self, pixels: NDArray[Any]) -> F32:
        """Half a pixel on, to the pixel's centre."""
        return self._encode((pixels.astype(np.float32) + np.float32(0.5)) / self.size)

    def _encode(self, unit: F32) -> F32:
        """Random Fourier features of positions in 0…1."""
        angles = np.float32(2 * np.pi) * ((2 * unit - 1) @ self._matrix)
        return np.concatenate([np.sin(angles), np.cos(angles)], axis=-1)
