"""A card without torch: its tensors are arrays, its networks OpenVINO's, one entry after the other. For what batching
and faults do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sam_mask_service.errors import DeviceFull, DeviceLost
from sam_mask_service.geometry import RGB
from sam_mask_service.runtime.machine import EXACT, Precision
from sam_mask_service.runtime.openvino import session
from sam_mask_service.runtime.ops import Model
from sam_mask_service.sam.card import Network

Array = NDArray[Any]


@dataclass
class ArrayCard:
    """``fits``: pictures at once before memory is full. ``ran``: name of a network and how many entries, run by run."""

    fits: int = 64
    name: str = "cuda:0"
    lost: str | None = None
    ran: list[tuple[str, int]] = field(default_factory=list)

    def network(self, graph: Model, precision: Precision, form: str | None = None) -> Network:
        made = session(graph, EXACT, 1)

        def run(*inputs: Array) -> list[Array]:
            if self.lost is not None:
                raise DeviceLost
            entries = max(len(one) for one in inputs)
            if entries > self.fits:
                raise DeviceFull
            self.ran.append((graph.name, entries))
            shapes = [node.options["shape"] for node in graph.inputs]
            pairs = list(zip(inputs, shapes, strict=True))
            rows = [made.run([_entry(values, i, shape) for values, shape in pairs]) for i in range(entries)]
            return [np.concatenate(parts) for parts in zip(*rows, strict=True)]

        return run

    def picture(self, image: RGB, size: tuple[int, int], square: int, mean: Array, deviation: Array) -> Array:
        scaled = np.asarray(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR), np.float32)
        out = np.zeros((1, 3, square, square), np.float32)
        out[0, :, : size[0], : size[1]] = ((scaled - mean) / deviation).transpose(2, 0, 1)
        return out

    def tensor(self, values: Array) -> Array:
        return np.array(values)

    def array(self, tensor: Array) -> NDArray[np.float32]:
        return np.array(tensor, np.float32)

    def together(self, tensors: Sequence[Array]) -> Array:
        return np.concatenate(tensors)

    def apart(self, tensor: Array) -> list[Array]:
        return [tensor[i : i + 1].copy() for i in range(len(tensor))]

    def wait(self) -> None:
        if self.lost is not None:
            raise DeviceLost

    def room(self, use: Callable[[], Any]) -> int:
        use()
        return 8


def _entry(values: Array, index: int, shape: tuple[int, ...]) -> Array:
    one = values[min(index, len(values) - 1)][None]
    return np.ascontiguousarray(np.broadcast_to(one, shape), np.float32)
