"""The few building blocks that SAM's graphs are made of, over OpenVINO's operations. Tensors are named by the state dict's keys.

Weights become constants that share memory with the mapped checkpoint; OpenVINO's CPU plug-in packs them into its own layout when
it compiles, after which the file's pages are the kernel's to drop.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from openvino import opset15 as op

from .checkpoint import State
from .config import F32

Node = Any
"""An output of an OpenVINO graph; the package has no types for it."""
Shape = tuple[int, int, int]
"""Height, width and channels of a grid of cells. Between convolutions it is kept as rows, (1, H · W, C): of four axes OpenVINO
takes the second for the channels, and lays a sum out anew for that."""


def constant(values: Any) -> Node:
    """A float32 constant. Writable contiguous arrays are shared, others copied."""
    array = np.ascontiguousarray(values, np.float32)
    return op.constant(array, shared_memory=array.flags.writeable)


def scalar(value: float) -> Node:
    return op.constant(np.array(value, np.float32))


def whole(*values: int) -> Node:
    return op.constant(np.array(values, np.int64))


def axis(value: int) -> Node:
    return op.constant(np.int64(value))


def reshape(x: Node, *shape: int) -> Node:
    """A 0 keeps the input's size there."""
    return op.reshape(x, whole(*shape), True)


def transpose(x: Node, *order: int) -> Node:
    return op.transpose(x, whole(*order))


def multiply_transposed(x: Node, y: Node) -> Node:
    """x · yᵀ over the last two axes."""
    return op.matmul(x, y, False, True)


def split_heads(x: Node, count: int, at: int) -> list[Node]:
    """``count`` equal pieces along axis ``at``."""
    return list(op.split(x, axis(at), count).outputs())


class Graph:
    """Builds nodes from the tensors under ``prefix``. ``quantized``: fully connected layers keep 8-bit weights (one scale per
    output), which OpenVINO multiplies with activations quantised on the fly."""

    def __init__(self, state: State, prefix: str, *, quantized: bool = False) -> None:
        self.prefix = prefix
        self.quantized = quantized
        self._state = state

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._state[self.prefix + name]

    def linear(self, x: Node, name: str) -> Node:
        """x · Wᵀ + b."""
        return self.affine(x, self[f"{name}.weight"], self[f"{name}.bias"])

    def affine(self, x: Node, weight: NDArray[Any], bias: NDArray[Any]) -> Node:
        """x · Wᵀ + b, of weights that are no layer's own."""
        matrix = quantized_constant(weight) if self.quantized else constant(weight)
        return op.add(multiply_transposed(x, matrix), constant(bias))

    def layer_norm(self, x: Node, name: str, epsilon: float) -> Node:
        """Over the last axis."""
        y = op.mvn(x, whole(-1), True, epsilon, "inside_sqrt")
        return op.add(op.multiply(y, constant(self[f"{name}.weight"])), constant(self[f"{name}.bias"]))

    def layer_norm_2d(self, x: Node, name: str, epsilon: float = 1e-6) -> Node:
        """Over the channels of an NCHW tensor."""
        return transpose(self.layer_norm(transpose(x, 0, 2, 3, 1), name, epsilon), 0, 3, 1, 2)

    def convolution(self, x: Node, name: str, *, stride: int = 1, pad: int = 0, bias: bool = False) -> Node:
        y = op.convolution(x, constant(self[f"{name}.weight"]), [stride] * 2, [pad] * 2, [pad] * 2, [1, 1])
        return op.add(y, self._channel(f"{name}.bias")) if bias else y

    def convolution_bn(self, x: Node, name: str, *, stride: int = 1, pad: int = 0) -> Node:
        """A convolution without bias and the batch norm behind it (epsilon 1e-5), folded into one. Depthwise when the weight's
        second size is 1."""
        weight, bias = self._folded(name)
        spans = [stride] * 2, [pad] * 2, [pad] * 2, [1, 1]
        if weight.shape[1] == 1 and weight.shape[0] > 1:
            y = op.group_convolution(x, constant(weight[:, None]), *spans)
        else:
            y = op.convolution(x, constant(weight), *spans)
        return op.add(y, constant(bias.reshape(1, -1, 1, 1)))

    def _folded(self, name: str) -> tuple[F32, F32]:
        part = {p: self[f"{name}.bn.{p}"].astype(np.float64) for p in ("weight", "bias", "running_mean", "running_var")}
        scale = part["weight"] / np.sqrt(part["running_var"] + 1e-5)
        weight = self[f"{name}.c.weight"].astype(np.float64) * scale[:, None, None, None]
        return weight.astype(np.float32), (part["bias"] - part["running_mean"] * scale).astype(np.float32)

    def _channel(self, name: str) -> Node:
        return constant(self[name].reshape(1, -1, 1, 1))

    def multilayer(self, x: Node, name: str, depth: int) -> Node:
        """``depth`` linear layers with ReLU between them."""
        for i in range(depth):
            x = self.linear(x, f"{name}.layers.{i}")
            x = op.relu(x) if i < depth - 1 else x
        return x


def quantized_constant(weight: NDArray[Any]) -> Node:
    """W ≈ scale · q, q in −127…127, one scale per row."""
    scale = np.maximum(np.abs(weight).max(axis=1, keepdims=True), np.float32(1e-12)) / np.float32(127)
    q = np.rint(weight / scale).astype(np.int8)
    return op.multiply(op.convert(op.constant(q), "f32"), constant(scale))


def gelu(x: Node) -> Node:
    """The exact one, by the error function."""
    return op.gelu(x, "erf")


def to_rows(x: Node, shape: Shape) -> Node:
    """(1, C, H, W) → (1, H · W, C)."""
    h, w, channels = shape
    return reshape(transpose(x, 0, 2, 3, 1), 1, h * w, channels)


def to_picture(x: Node, shape: Shape) -> Node:
    """(1, H · W, C) → (1, C, H, W)."""
    return transpose(reshape(x, 1, *shape), 0, 3, 1, 2)


def windows(shape: Shape, size: int) -> tuple[int, int]:
    """How many squares of ``size`` cells cover the grid, down and across."""
    return -(-shape[0] // size), -(-shape[1] // size)


def to_heads(x: Node, shape: Shape, size: int, heads: int) -> list[Node]:
    """(1, H · W, 3 · C): queries, keys and values of each cell → each (windows, heads, size², C / heads), the windows at the edge
    filled up with zeros. One transposition: cells to windows, channels to heads."""
    h, w, channels = shape
    down, across = windows(shape, size)
    x = reshape(x, 1, h, w, 3 * channels)
    if (down * size, across * size) != (h, w):
        x = op.pad(x, whole(0, 0, 0, 0), whole(0, down * size - h, across * size - w, 0), "constant")
    x = reshape(x, down, size, across, size, 3, heads, channels // heads)
    x = reshape(transpose(x, 4, 0, 2, 5, 1, 3, 6), 3, down * across, heads, size * size, channels // heads)
    return [op.squeeze(part, axis(0)) for part in split_heads(x, 3, 0)]


def from_heads(x: Node, shape: Shape, size: int, heads: int) -> Node:
    """The inverse, the filling cut off: (windows, heads, size², C / heads) → (1, H · W, C)."""
    h, w, channels = shape
    down, across = windows(shape, size)
    x = transpose(reshape(x, down, across, heads, size, size, channels // heads), 0, 3, 1, 4, 2, 5)
    x = reshape(x, 1, down * size, across * size, channels)
    if (down * size, across * size) != (h, w):
        x = op.slice(x, whole(0, 0), whole(h, w), whole(1, 1), whole(1, 2))
    return reshape(x, 1, h * w, channels)
