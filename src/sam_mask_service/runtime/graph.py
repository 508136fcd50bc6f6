"""The few layers that SAM's graphs are made of, over ``ops``. Tensors are named by the state dict's keys.

Weights become constants that share memory with the mapped checkpoint; OpenVINO's CPU plug-in packs them into its own
layout when it compiles, after which the file's pages are the kernel's to drop.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import ops as op
from .ops import Node, constant, multiply_transposed, quantized_constant, reshape, split_heads, transpose
from .session import Tensor

Weights = Mapping[str, NDArray[Any]]
"""A state dict: the tensors of a network by name."""
Shape = tuple[int, int, int]
"""Height, width and channels of a grid of cells. Between convolutions it is kept as rows, (N, H · W, C): of four axes
OpenVINO takes the second for the channels, and lays a sum out anew for that."""


class BatchNorm(NamedTuple):
    """What the two parts of a convolution and the batch norm behind it are called, and the norm's epsilon."""

    convolution: str = "c"
    norm: str = "bn"
    epsilon: float = 1e-5


_BATCH_NORM = BatchNorm()


class Graph:
    """Builds nodes from the tensors under ``prefix``. ``quantized``: fully connected layers keep 8-bit weights (one
    scale per output), which OpenVINO multiplies with activations quantised on the fly. ``batch_norm``: as this network
    has it."""

    def __init__(
        self, state: Weights, prefix: str, *, quantized: bool = False, batch_norm: BatchNorm = _BATCH_NORM
    ) -> None:
        self.prefix = prefix
        self.quantized = quantized
        self._batch_norm = batch_norm
        self._state = state

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._state[self.prefix + name]

    def linear(self, x: Node, name: str) -> Node:
        """x · Wᵀ + b."""
        return self.affine(x, self[f"{name}.weight"], self[f"{name}.bias"])

    def affine(self, x: Node, weight: NDArray[Any], bias: NDArray[Any]) -> Node:
        """x · Wᵀ + b, of weights that are no layer's own."""
        matrix = quantized_constant(weight) if self.quantized else constant(weight)
        return op.linear(x, matrix, constant(bias))

    def layer_norm(self, x: Node, name: str, epsilon: float) -> Node:
        """Over the last axis."""
        return op.layer_norm(x, constant(self[f"{name}.weight"]), constant(self[f"{name}.bias"]), epsilon)

    def layer_norm_2d(self, x: Node, name: str, epsilon: float = 1e-6) -> Node:
        """Over the channels of an NCHW tensor."""
        return transpose(self.layer_norm(transpose(x, 0, 2, 3, 1), name, epsilon), 0, 3, 1, 2)

    def convolution(
        self, x: Node, name: str, *, stride: int = 1, pad: int = 0, bias: bool = False, groups: int = 1
    ) -> Node:
        weight = self[f"{name}.weight"]
        added = _by_channel(self[f"{name}.bias"]) if bias else None
        if groups > 1:
            parts = weight.reshape(groups, -1, *weight.shape[1:])
            return op.group_convolution(x, constant(parts), stride, pad, added)
        return op.convolution(x, constant(weight), stride, pad, added)

    def convolution_bn(self, x: Node, name: str, *, stride: int = 1, pad: int = 0) -> Node:
        """A convolution without bias and the batch norm behind it, folded into one. Depthwise when the weight's second
        size is 1."""
        weight, bias = self._folded(name)
        if weight.shape[1] == 1 and weight.shape[0] > 1:
            return op.group_convolution(x, constant(weight[:, None]), stride, pad, _by_channel(bias))
        return op.convolution(x, constant(weight), stride, pad, _by_channel(bias))

    def _folded(self, name: str) -> tuple[Tensor, Tensor]:
        convolution, norm, epsilon = self._batch_norm
        kinds = ("weight", "bias", "running_mean", "running_var")
        part = {kind: self[f"{name}.{norm}.{kind}"].astype(np.float64) for kind in kinds}
        scale = part["weight"] / np.sqrt(part["running_var"] + epsilon)
        weight = self[f"{name}.{convolution}.weight"].astype(np.float64) * scale[:, None, None, None]
        return weight.astype(np.float32), (part["bias"] - part["running_mean"] * scale).astype(np.float32)

    def multilayer(self, x: Node, name: str, depth: int) -> Node:
        """``depth`` linear layers with ReLU between them."""
        for i in range(depth):
            x = self.linear(x, f"{name}.layers.{i}")
            x = op.relu(x) if i < depth - 1 else x
        return x


def _by_channel(values: NDArray[Any]) -> Node:
    return constant(values.reshape(1, -1, 1, 1))


def to_rows(x: Node, shape: Shape) -> Node:
    """(N, C, H, W) → (N, H · W, C)."""
    h, w, channels = shape
    return reshape(transpose(x, 0, 2, 3, 1), 0, h * w, channels)


def to_picture(x: Node, shape: Shape) -> Node:
    """(N, H · W, C) → (N, C, H, W)."""
    return transpose(reshape(x, 0, *shape), 0, 3, 1, 2)


def windows(shape: Shape, size: int) -> tuple[int, int]:
    """How many squares of ``size`` cells cover the grid, down and across."""
    return -(-shape[0] // size), -(-shape[1] // size)


def to_heads(x: Node, shape: Shape, size: int, heads: int) -> list[Node]:
    """(N, H · W, 3 · C): queries, keys and values of each cell → each (windows, heads, size², C / heads), those of all
    pictures one behind the other, the windows at the edge filled up with zeros. One transposition: cells to windows,
    channels to heads."""
    h, w, channels = shape
    down, across = windows(shape, size)
    x = reshape(x, 0, h, w, 3 * channels)
    if (down * size, across * size) != (h, w):
        x = op.pad(x, 0, down * size - h, across * size - w, 0)
    x = reshape(x, -1, size, across, size, 3, heads, channels // heads)
    x = reshape(transpose(x, 4, 0, 2, 5, 1, 3, 6), 3, -1, heads, size * size, channels // heads)
    return [op.squeeze(part, 0) for part in split_heads(x, 3, 0)]


def from_heads(x: Node, shape: Shape, size: int, heads: int) -> Node:
    """The inverse, the filling cut off: (windows, heads, size², C / heads) → (N, H · W, C)."""
    h, w, channels = shape
    down, across = windows(shape, size)
    x = transpose(reshape(x, -1, across, heads, size, size, channels // heads), 0, 3, 1, 4, 2, 5)
    x = reshape(x, -1, down * size, across * size, channels)
    if (down * size, across * size) != (h, w):
        x = op.cut(x, h, w)
    return reshape(x, 0, h * w, channels)


def enlarged(x: Node, side: int, grid: int) -> Node:
    """(N, C, side, side) → (N, C, grid, grid), bicubic."""
    weights = constant(bicubic(side, grid)[None, None])
    return multiply_transposed(op.matmul(weights, x), weights)


def bicubic(source: int, target: int) -> Tensor:
    """(target, source): each target sample as a sum of source samples, as torch has it: Keys' kernel with a = −0.75,
    corners not aligned, the outermost samples going on beyond the edge."""
    a = -0.75
    place = (np.arange(target) + 0.5) * source / target - 0.5
    low = np.floor(place).astype(int)
    out = np.zeros((target, source))
    for tap in range(-1, 3):
        apart = np.abs(place - (low + tap))
        inner = ((a + 2) * apart - (a + 3)) * apart**2 + 1
        outer = ((apart - 5) * apart + 8) * apart * a - 4 * a
        np.add.at(out, (np.arange(target), np.clip(low + tap, 0, source - 1)), np.where(apart <= 1, inner, outer))
    return out.astype(np.float32)
