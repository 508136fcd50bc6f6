"""What each operation of ``ops.py`` is in OpenVINO: one function of its name, from nodes to a node; and a whole graph
made of them. OpenVINO has no types for its nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset15 as op

from . import ops

Node = Any


def lowered(graph: ops.Model | ov.Model) -> ov.Model:
    """The graph for OpenVINO to compile; what is OpenVINO's already is given back."""
    if not isinstance(graph, ops.Model):
        return graph
    made: dict[ops.Node, Any] = {}
    for node in ops.in_order(graph):
        made[node] = OPERATIONS[node.kind](*(made[one] for one in node.inputs), **node.options)
    return ov.Model([op.result(made[one]) for one in graph.outputs], [made[one] for one in graph.inputs], graph.name)


def picture(*, shape: tuple[int, ...], name: str) -> Node:
    return op.parameter(list(shape), np.float32, name)


def constant(*, values: NDArray[np.float32]) -> Node:
    return op.constant(values, shared_memory=values.flags.writeable and values.ndim > 0)


def quantized_constant(*, weight: NDArray[Any]) -> Node:
    scale = np.maximum(np.abs(weight).max(axis=1, keepdims=True), np.float32(1e-12)) / np.float32(127)
    q = np.rint(weight / scale).astype(np.int8)
    return op.multiply(op.convert(op.constant(q), "f32"), constant(values=scale))


def _whole(*values: int) -> Node:
    return op.constant(np.array(values, np.int64))


def _axis(value: int) -> Node:
    return op.constant(np.int64(value))


def add(x: Node, y: Node) -> Node:
    return op.add(x, y)


def multiply(x: Node, y: Node) -> Node:
    return op.multiply(x, y)


def divide(x: Node, y: Node) -> Node:
    return op.divide(x, y)


def matmul(x: Node, y: Node) -> Node:
    return op.matmul(x, y, False, False)


def multiply_transposed(x: Node, y: Node) -> Node:
    return op.matmul(x, y, False, True)


def linear(x: Node, weight: Node, bias: Node) -> Node:
    return op.add(multiply_transposed(x, weight), bias)


def layer_norm(x: Node, weight: Node, bias: Node, *, epsilon: float) -> Node:
    return op.add(op.multiply(op.mvn(x, _whole(-1), True, epsilon, "inside_sqrt"), weight), bias)


def attention(q: Node, k: Node, v: Node, bias: Node) -> Node:
    return matmul(softmax(add(multiply_transposed(q, k), bias), at=3), v)


def attention_by_places(
    q: Node, k: Node, v: Node, by_row: Node, by_column: Node, *, heads: int, side: int, apart: bool
) -> Node:
    """OpenVINO fuses score, bias, softmax and product of a head."""
    inputs = q, k, v, by_row, by_column
    if not apart:
        return _attend(*inputs, heads=heads, side=side)
    parts = zip(*(split(x, count=heads, at=1) for x in inputs), strict=True)
    return concat(*(_attend(*part, heads=1, side=side) for part in parts), at=1)


def _attend(q: Node, k: Node, v: Node, by_row: Node, by_column: Node, *, heads: int, side: int) -> Node:
    cells = side * side
    rows = reshape(by_row, shape=(-1, heads, side, side, side, 1))
    bias = op.add(rows, reshape(by_column, shape=(-1, heads, side, side, 1, side)))
    return attention(q, k, v, reshape(bias, shape=(-1, heads, cells, cells)))


def reshape(x: Node, *, shape: tuple[int, ...]) -> Node:
    return op.reshape(x, _whole(*shape), True)


def transpose(x: Node, *, order: tuple[int, ...]) -> Node:
    return op.transpose(x, _whole(*order))


def concat(*parts: Node, at: int) -> Node:
    return op.concat(list(parts), at)


def split(x: Node, *, count: int, at: int) -> list[Node]:
    return list(op.split(x, _axis(at), count).outputs())


def piece(pieces: list[Node], *, index: int) -> Node:
    return pieces[index]


def squeeze(x: Node, *, at: int) -> Node:
    return op.squeeze(x, _axis(at))


def unsqueeze(x: Node, *, axes: tuple[int, ...]) -> Node:
    return op.unsqueeze(x, _whole(*axes))


def gather(x: Node, *, index: int, at: int) -> Node:
    return op.gather(x, _axis(index), _axis(at))


def pad(x: Node, *, ends: tuple[int, ...]) -> Node:
    return op.pad(x, _whole(*[0] * len(ends)), _whole(*ends), "constant")


def cut(x: Node, *, height: int, width: int) -> Node:
    return op.slice(x, _whole(0, 0), _whole(height, width), _whole(1, 1), _whole(1, 2))


def softmax(x: Node, *, at: int) -> Node:
    return op.softmax(x, at)


def relu(x: Node) -> Node:
    return op.relu(x)


def gelu(x: Node) -> Node:
    return op.gelu(x, "erf")


def gelu_by_tanh(x: Node) -> Node:
    return op.gelu(x, "tanh")


def convolution(x: Node, weight: Node, bias: Node | None = None, *, stride: int, pad: int) -> Node:
    y = op.convolution(x, weight, [stride] * 2, [pad] * 2, [pad] * 2, [1, 1])
    return y if bias is None else op.add(y, bias)


def group_convolution(x: Node, weight: Node, bias: Node | None = None, *, stride: int, pad: int) -> Node:
    y = op.group_convolution(x, weight, [stride] * 2, [pad] * 2, [pad] * 2, [1, 1])
    return y if bias is None else op.add(y, bias)


_ALL: tuple[Callable[..., Any], ...] = (
    picture, constant, quantized_constant, add, multiply, divide, matmul, multiply_transposed, linear, layer_norm,
    attention, attention_by_places, reshape, transpose, concat, split, piece, squeeze, unsqueeze, gather, pad, cut,
    softmax, relu, gelu, gelu_by_tanh, convolution, group_convolution,
)  # fmt: skip
OPERATIONS: dict[str, Callable[..., Any]] = {function.__name__: function for function in _ALL}
