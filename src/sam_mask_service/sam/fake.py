"""A SAM without weights, whose candidates are chosen by name: for tests of what the segmenter does with good and bad
ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..deadline import NO_DEADLINE, Deadline
from ..geometry import RGB
from .backend import Features
from .config import F32
from .prompt import INSIDE, Prompt

_LOGIT = 10.0
_CELL = 4


def _ellipse(box: NDArray[Any], side: int, grow: float = 1.0) -> NDArray[np.bool_]:
    """The ellipse in ``box`` (cells), its axes times ``grow``."""
    y, x = np.mgrid[:side, :side] + 0.5
    centre, half = (box[:2] + box[2:]) / 2, np.maximum((box[2:] - box[:2]) / 2 * grow, 0.01)
    return np.asarray(((x - centre[0]) / half[0]) ** 2 + ((y - centre[1]) / half[1]) ** 2 <= 1)


def _body(box: NDArray[Any], side: int) -> NDArray[np.bool_]:
    """The face and a trunk below it, to the bottom."""
    width = box[2] - box[0]
    trunk = np.zeros((side, side), bool)
    low, high = int(max(0, box[0] - width)), int(box[2] + width)
    trunk[int(max(0, box[3])) :, low:high] = True
    return _ellipse(box, side) | trunk


CANDIDATES: dict[str, Callable[[NDArray[Any], int], NDArray[Any]]] = {
    "face": lambda box, side: _ellipse(box, side),
    "larger": lambda box, side: _ellipse(box, side, 1.15),
    "body": _body,
    "background": lambda box, side: ~_ellipse(box, side),
    "everything": lambda _, side: np.ones((side, side), bool),
    "nothing": lambda _, side: np.zeros((side, side), bool),
    "hole": lambda box, side: _ellipse(box, side) & ~_ellipse(box, side, 0.3),
    "island": lambda box, side: (
        _ellipse(box, side) | _ellipse(box + 2.2 * (box[2] - box[0]) * np.array([1, 0, 1, 0]), side, 0.2)
    ),
    "speck": lambda box, side: _ellipse(box, side, 0.1),
    "nan": lambda _, side: np.full((side, side), np.nan),
}
"""Name → mask on the model's grid, from the prompt's box in cells."""


@dataclass(slots=True)
class FakeSam:
    """``candidates``: (name, predicted IoU) of each of the M masks; ``shape``: replaces the answer's shape by a wrong
    one. ``calls`` lists what was asked: ("encode", shape) and ("decode", how many, with a mask prompt); ``prompts``
    holds them."""

    candidates: Sequence[tuple[str, float]] = (("face", 0.9),)
    image_size: int = 1024
    shape: tuple[int, ...] | None = None
    fault: Callable[[], None] | None = None
    name: str = "fake"
    precision: str = "f32"
    device: str = "cpu"
    lost: str | None = None
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    prompts: list[Prompt] = field(default_factory=list)

    def encode(self, image: RGB, deadline: Deadline = NO_DEADLINE) -> F32:
        deadline.check()
        self.calls.append(("encode", image.shape))
        if self.fault is not None:
            self.fault()
        return np.zeros((1, 256, self.image_size // 16, self.image_size // 16), np.float32)

    def decode(
        self, embedding: Features, prompts: Sequence[Prompt], deadline: Deadline = NO_DEADLINE
    ) -> tuple[F32, F32]:
        deadline.check()
        side = self.image_size // _CELL
        self.calls.append(("decode", len(prompts), any(prompt.mask is not None for prompt in prompts)))
        self.prompts.extend(prompts)
        masks = np.stack(
            [
                np.stack([_logits(CANDIDATES[name](_box(prompt) / _CELL, side)) for name, _ in self.candidates])
                for prompt in prompts
            ]
        )
        predicted = np.tile(np.array([score for _, score in self.candidates], np.float32), (len(prompts), 1))
        return (masks if self.shape is None else np.zeros(self.shape, np.float32)), predicted


def _logits(mask: NDArray[Any]) -> F32:
    return np.asarray(np.where(mask, _LOGIT, -_LOGIT) if mask.dtype == bool else mask, np.float32)


def _box(prompt: Prompt) -> NDArray[Any]:
    """The box of a prompt, or about the face that its points inside are eyes, nose and mouth of."""
    if prompt.box is not None:
        return np.asarray(prompt.box, np.float64)
    inside = prompt.points[prompt.labels == INSIDE].astype(np.float64)
    inside = inside if len(inside) else prompt.points.astype(np.float64)
    low, high = inside.min(axis=0), inside.max(axis=0)
    margin = np.maximum(32, 0.75 * (high - low))
    return np.concatenate([low - margin, high + margin])
