"""The operations that networks are built of, as plain records: a graph names them and its constants, and computes
nothing.

``graph.py`` makes layers of them. A runtime makes of each operation what its library has for it, by one function of the
same name (``openvino_ops.py``, ``torch_ops.py``). Shapes are those of one picture. Every operation does the same to
each entry of a longer first axis, so that a runtime may run several pictures, or prompts, at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """``kind``: the operation's name, which is its function's here. ``options``: what it takes besides tensors."""

    kind: str
    inputs: tuple[Node, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A whole graph; its inputs are ``picture`` nodes."""

    outputs: tuple[Node, ...]
    inputs: tuple[Node, ...]
    name: str


def picture(*shape: int, name: str) -> Node:
    """A float32 input of this shape."""
    return Node("picture", (), {"shape": shape, "name": name})


def model(outputs: Sequence[Node], inputs: Sequence[Node], name: str) -> Model:
    return Model(tuple(outputs), tuple(inputs), name)


def in_order(graph: Model) -> Iterator[Node]:
    """Every node once, behind its inputs."""
    seen: set[Node] = set()
    waiting = [(node, False) for node in (*reversed(graph.outputs), *reversed(graph.inputs))]
    while waiting:
        node, opened = waiting.pop()
        if node in seen:
            continue
        if opened:
            seen.add(node)
            yield node
        else:
            waiting += [(node, True), *((one, False) for one in reversed(node.inputs))]


def constant(values: Any) -> Node:
    """A float32 constant. Writable contiguous arrays are shared, others copied."""
    return Node("constant", (), {"values": np.ascontiguousarray(values, np.float32)})


def scalar(value: float) -> Node:
    return Node("constant", (), {"values": np.array(value, np.float32)})


def quantized_constant(weight: NDArray[Any]) -> Node:
    """W ≈ scale · q, q in −127…127, one scale per row."""
    return Node("quantized_constant", (), {"weight": weight})


def add(x: Node, y: Node) -> Node:
    return Node("add", (x, y))


def multiply(x: Node, y: Node) -> Node:
    """Value by value."""
    return Node("multiply", (x, y))


def divide(x: Node, y: Node) -> Node:
    """Value by value."""
    return Node("divide", (x, y))


def matmul(x: Node, y: Node) -> Node:
    """x · y over the last two axes."""
    return Node("matmul", (x, y))


def multiply_transposed(x: Node, y: Node) -> Node:
    """x · yᵀ over the last two axes."""
    return Node("multiply_transposed", (x, y))


def linear(x: Node, weight: Node, bias: Node) -> Node:
    """x · Wᵀ + b over the last axis."""
    return Node("linear", (x, weight, bias))


def layer_norm(x: Node, weight: Node, bias: Node, epsilon: float) -> Node:
    """(x − mean) / √(variance + ε) over the last axis, times ``weight``, and ``bias``."""
    return Node("layer_norm", (x, weight, bias), {"epsilon": epsilon})


def attention(q: Node, k: Node, v: Node, bias: Node) -> Node:
    """softmax(q · kᵀ + bias) · v of tensors (windows, heads, cells, depth); ``q`` is scaled already, ``bias`` (1,
    heads, cells, cells)."""
    return Node("attention", (q, k, v, bias))


def attention_by_places(
    q: Node, k: Node, v: Node, by_row: Node, by_column: Node, *, heads: int, side: int, apart: bool
) -> Node:
    """Attention among side² cells with a bias for each row and each column of keys.

    ``q`` (scaled), ``k``, ``v`` (windows, heads, side², depth); ``by_row``, ``by_column`` (windows, heads, side²,
    side): what is added to a query's scores of all keys in a row, in a column. ``apart``: a runtime without fused
    attention takes one head after the other, since the scores of all at once would fill its memory.
    """
    return Node("attention_by_places", (q, k, v, by_row, by_column), {"heads": heads, "side": side, "apart": apart})


def reshape(x: Node, *shape: int) -> Node:
    """A 0 keeps the input's size there, a −1 takes what is left."""
    return Node("reshape", (x,), {"shape": shape})


def transpose(x: Node, *order: int) -> Node:
    return Node("transpose", (x,), {"order": order})


def concat(parts: Sequence[Node], at: int) -> Node:
    """``parts`` side by side along axis ``at``. A part with one entry along the first axis stands beside each of the
    others' entries."""
    return Node("concat", tuple(parts), {"at": at})


def split_heads(x: Node, count: int, at: int) -> list[Node]:
    """``count`` equal pieces along axis ``at``."""
    pieces = Node("split", (x,), {"count": count, "at": at})
    return [Node("piece", (pieces,), {"index": i}) for i in range(count)]


def squeeze(x: Node, at: int) -> Node:
    return Node("squeeze", (x,), {"at": at})


def unsqueeze(x: Node, *axes: int) -> Node:
    """``x`` with axes of size 1 at these places of the result, in rising order."""
    return Node("unsqueeze", (x,), {"axes": axes})


def gather(x: Node, index: int, at: int) -> Node:
    """The slice number ``index`` along axis ``at``, without that axis."""
    return Node("gather", (x,), {"index": index, "at": at})


def pad(x: Node, *ends: int) -> Node:
    """``x`` with so many zeros behind it, one number for each axis."""
    return Node("pad", (x,), {"ends": ends})


def cut(x: Node, height: int, width: int) -> Node:
    """(N, H, W, C) → its first ``height`` rows and ``width`` columns."""
    return Node("cut", (x,), {"height": height, "width": width})


def softmax(x: Node, at: int) -> Node:
    return Node("softmax", (x,), {"at": at})


def relu(x: Node) -> Node:
    return Node("relu", (x,))


def gelu(x: Node) -> Node:
    """The exact one, by the error function."""
    return Node("gelu", (x,))


def gelu_by_tanh(x: Node) -> Node:
    """The approximation by the hyperbolic tangent."""
    return Node("gelu_by_tanh", (x,))


def convolution(x: Node, weight: Node, stride: int, pad: int, bias: Node | None = None) -> Node:
    """NCHW, the same stride and zeros along both axes. ``bias`` (1, outputs, 1, 1)."""
    return Node("convolution", _present(x, weight, bias), {"stride": stride, "pad": pad})


def group_convolution(x: Node, weight: Node, stride: int, pad: int, bias: Node | None = None) -> Node:
    """``weight`` (groups, outputs, inputs, H, W), ``bias`` (1, groups · outputs, 1, 1)."""
    return Node("group_convolution", _present(x, weight, bias), {"stride": stride, "pad": pad})


def _present(*inputs: Node | None) -> tuple[Node, ...]:
    return tuple(one for one in inputs if one is not None)
