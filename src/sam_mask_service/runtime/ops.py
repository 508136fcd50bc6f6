"""The operations that networks are built of: OpenVINO's, as many as are used. Shapes are known when a network is built.

``graph.py`` makes layers of them. Another runtime that is to build the same networks gives these functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset15 as op

Node = Any
"""An output of a graph; OpenVINO has no types for it."""
Model = Any
"""A whole graph, not compiled yet."""


def picture(*shape: int, name: str) -> Node:
    """A float32 input of this shape."""
    return op.parameter(list(shape), np.float32, name)


def model(outputs: Sequence[Node], inputs: Sequence[Node], name: str) -> Model:
    return ov.Model([op.result(output) for output in outputs], list(inputs), name)


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


def quantized_constant(weight: NDArray[Any]) -> Node:
    """W ≈ scale · q, q in −127…127, one scale per row."""
    scale = np.maximum(np.abs(weight).max(axis=1, keepdims=True), np.float32(1e-12)) / np.float32(127)
    q = np.rint(weight / scale).astype(np.int8)
    return op.multiply(op.convert(op.constant(q), "f32"), constant(scale))


def add(x: Node, y: Node) -> Node:
    return op.add(x, y)


def multiply(x: Node, y: Node) -> Node:
    """Value by value."""
    return op.multiply(x, y)


def divide(x: Node, y: Node) -> Node:
    """Value by value."""
    return op.divide(x, y)


def matmul(x: Node, y: Node) -> Node:
    """x · y over the last two axes."""
    return op.matmul(x, y, False, False)


def multiply_transposed(x: Node, y: Node) -> Node:
    """x · yᵀ over the last two axes."""
    return op.matmul(x, y, False, True)


def reshape(x: Node, *shape: int) -> Node:
    """A 0 keeps the input's size there."""
    return op.reshape(x, whole(*shape), True)


def transpose(x: Node, *order: int) -> Node:
    return op.transpose(x, whole(*order))


def concat(parts: Sequence[Node], at: int) -> Node:
    """``parts`` side by side along axis ``at``."""
    return op.concat(list(parts), at)


def split_heads(x: Node, count: int, at: int) -> list[Node]:
    """``count`` equal pieces along axis ``at``."""
    return list(op.split(x, axis(at), count).outputs())


def squeeze(x: Node, at: int) -> Node:
    return op.squeeze(x, axis(at))


def unsqueeze(x: Node, *axes: int) -> Node:
    return op.unsqueeze(x, whole(*axes))


def gather(x: Node, index: int, at: int) -> Node:
    """The slice number ``index`` along axis ``at``, without that axis."""
    return op.gather(x, axis(index), axis(at))


def pad(x: Node, *ends: int) -> Node:
    """``x`` with so many zeros behind it, one number for each axis."""
    return op.pad(x, whole(*[0] * len(ends)), whole(*ends), "constant")


def cut(x: Node, height: int, width: int) -> Node:
    """(N, H, W, C) → its first ``height`` rows and ``width`` columns."""
    return op.slice(x, whole(0, 0), whole(height, width), whole(1, 1), whole(1, 2))


def softmax(x: Node, at: int) -> Node:
    return op.softmax(x, at)


def relu(x: Node) -> Node:
    return op.relu(x)


def gelu(x: Node) -> Node:
    """The exact one, by the error function."""
    return op.gelu(x, "erf")


def gelu_by_tanh(x: Node) -> Node:
    """The approximation by the hyperbolic tangent."""
    return op.gelu(x, "tanh")


def mean_variance_norm(x: Node, at: int, epsilon: float) -> Node:
    """(x − mean) / √(variance + ε) along axis ``at``."""
    return op.mvn(x, whole(at), True, epsilon, "inside_sqrt")


def convolution(x: Node, weight: Node, stride: int, pad: int) -> Node:
    """NCHW, the same stride and zeros along both axes."""
    return op.convolution(x, weight, [stride] * 2, [pad] * 2, [pad] * 2, [1, 1])


def group_convolution(x: Node, weight: Node, stride: int, pad: int) -> Node:
    """``weight`` (groups, outputs, inputs, H, W)."""
    return op.group_convolution(x, weight, [stride] * 2, [pad] * 2, [pad] * 2, [1, 1])
