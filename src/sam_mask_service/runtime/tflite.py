"""Reads a small TFLite network into OpenVINO, for the files that OpenVINO's own reader refuses.

mediapipe's selfie and hair networks use three operators of mediapipe's own (transposed convolution with bias, max
pooling that remembers where the maximum was, and its inverse), which no general reader knows. They and the twelve plain
operators that stand beside them are rows of ``_OPERATORS``; the meaning of the three follows
``mediapipe/util/tflite/operations``. Activations are NCHW inside, NHWC at both ends.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino as ov
from flatbuffers import number_types as fb  # type: ignore[import-untyped]
from openvino import opset13 as op

from ..errors import Internal
from .tflite_file import Array, Fields, Graph, Node, Operator

_ACTIVATIONS: dict[int, Callable[[Node], Node]] = {
    0: lambda x: x,
    1: op.relu,
    3: lambda x: op.clamp(x, 0.0, 6.0),
}


def _padding(options: Fields) -> str:
    return "same_upper" if options.number(0, fb.Int8Flags) == 0 else "valid"


def _strides(options: Fields) -> list[int]:
    return [options.number(2, default=1), options.number(1, default=1)]


def _biased(x: Node, bias: Array) -> Node:
    return op.add(x, bias.astype(np.float32).reshape(1, -1, 1, 1))


def _convolution(g: Graph, o: Operator) -> Node:
    kernel = g.constant(o.inputs[1]).transpose(0, 3, 1, 2)
    dilations = [o.options.number(5, default=1), o.options.number(4, default=1)]
    y = op.convolution(
        g.nodes[o.inputs[0]], np.ascontiguousarray(kernel), _strides(o.options), [0, 0], [0, 0], dilations,
        auto_pad=_padding(o.options),
    )  # fmt: skip
    return _ACTIVATIONS[o.options.number(3, fb.Int8Flags)](_biased(y, g.constant(o.inputs[2])))


def _depthwise(g: Graph, o: Operator) -> Node:
    kernel = g.constant(o.inputs[1]).transpose(3, 0, 1, 2)[:, :, None]
    dilations = [o.options.number(6, default=1), o.options.number(5, default=1)]
    y = op.group_convolution(
        g.nodes[o.inputs[0]], np.ascontiguousarray(kernel), _strides(o.options), [0, 0], [0, 0], dilations,
        auto_pad=_padding(o.options),
    )  # fmt: skip
    return _ACTIVATIONS[o.options.number(4, fb.Int8Flags)](_biased(y, g.constant(o.inputs[2])))


def _transposed(g: Graph, o: Operator) -> Node:
    _, height, width = o.custom[:3]
    kernel = g.constant(o.inputs[1]).transpose(3, 0, 1, 2)
    # what sticks out over stride × input is cut at the end, as SAME does for the matching convolution
    end = [max(0, kernel.shape[2] - int(height)), max(0, kernel.shape[3] - int(width))]
    y = op.convolution_backprop_data(
        g.nodes[o.inputs[0]], np.ascontiguousarray(kernel), [int(height), int(width)], None, [0, 0], end, [1, 1]
    )
    return _biased(y, g.constant(o.inputs[2]))


def _average_pool(g: Graph, o: Operator) -> Node:
    size = [o.options.number(4), o.options.number(3)]
    y = op.avg_pool(g.nodes[o.inputs[0]], _strides(o.options), [0, 0], [0, 0], size, True, auto_pad=_padding(o.options))
    return _ACTIVATIONS[o.options.number(5, fb.Int8Flags)](y)


def _resize(g: Graph, o: Operator) -> Node:
    mode = "align_corners" if o.options.number(2, fb.BoolFlags) else "asymmetric"
    mode = "half_pixel" if o.options.number(3, fb.BoolFlags) else mode
    size = g.constant(o.inputs[1]).astype(np.int64)
    return op.interpolate(
        g.nodes[o.inputs[0]], size, "linear_onnx", "sizes", coordinate_transformation_mode=mode,
        axes=np.array([2, 3], np.int64),
    )  # fmt: skip


def _operand(g: Graph, tensor: int) -> Node:
    return g.nodes[tensor] if tensor in g.nodes else g.constant(tensor)


def _add(g: Graph, o: Operator) -> Node:
    y = op.add(_operand(g, o.inputs[0]), _operand(g, o.inputs[1]))
    return _ACTIVATIONS[o.options.number(0, fb.Int8Flags)](y)


def _multiply(g: Graph, o: Operator) -> Node:
    y = op.multiply(_operand(g, o.inputs[0]), _operand(g, o.inputs[1]))
    return _ACTIVATIONS[o.options.number(0, fb.Int8Flags)](y)


def _prelu(g: Graph, o: Operator) -> Node:
    return op.prelu(g.nodes[o.inputs[0]], g.constant(o.inputs[1]).reshape(-1))


def _corners(x: Node) -> list[Node]:
    """The four pixels of each 2 × 2 window as four maps."""
    return [
        op.strided_slice(x, [0, 0, dy, dx], [0, 0, 0, 0], [1, 1, 2, 2], [1, 1, 0, 0], [1, 1, 1, 1])
        for dy in (0, 1)
        for dx in (0, 1)
    ]


def _max_pool(g: Graph, o: Operator) -> Node:
    """The maximum of each 2 × 2 window; which corner held it (the first of equals) goes to the second output."""
    corners = _corners(g.nodes[o.inputs[0]])
    best = op.maximum(op.maximum(corners[0], corners[1]), op.maximum(corners[2], corners[3]))
    held, free = [], None
    for corner in corners:
        equal = op.equal(corner, best)
        held.append(op.convert(equal if free is None else op.logical_and(equal, free), "f32"))
        free = op.logical_not(equal) if free is None else op.logical_and(free, op.logical_not(equal))
    g.nodes[o.outputs[1]] = held
    return best


def _max_unpool(g: Graph, o: Operator) -> Node:
    x, held = g.nodes[o.inputs[0]], g.nodes[o.inputs[1]]
    _, height, width, channels = g.shape(o.inputs[0])
    parts = [op.unsqueeze(op.multiply(x, corner), np.int64(2)) for corner in held]
    grid = op.reshape(op.concat(parts, 2), np.array([1, channels, 2, 2, height, width]), False)
    turned = op.transpose(grid, np.array([0, 1, 4, 2, 5, 3]))
    return op.reshape(turned, np.array([1, channels, 2 * height, 2 * width]), False)


_OPERATORS: dict[str, Callable[[Graph, Operator], Node]] = {
    "add": _add,
    "average_pool": _average_pool,
    "concatenation": lambda g, o: op.concat([g.nodes[i] for i in o.inputs], 1),
    "convolution": _convolution,
    "depthwise_convolution": _depthwise,
    "logistic": lambda g, o: op.sigmoid(g.nodes[o.inputs[0]]),
    "multiply": _multiply,
    "relu": lambda g, o: op.relu(g.nodes[o.inputs[0]]),
    "resize_bilinear": _resize,
    "prelu": _prelu,
    "hard_swish": lambda g, o: op.hswish(g.nodes[o.inputs[0]]),
    "Convolution2DTransposeBias": _transposed,
    "MaxPoolingWithArgmax2D": _max_pool,
    "MaxUnpooling2D": _max_unpool,
}


def read(path: Path) -> ov.Model:
    """The network in the file as an OpenVINO model with one input and one output, both (1, H, W, C) float32.

    Raises Internal for an operator outside the table.
    """
    g = Graph(path.read_bytes())
    source = int(g.subgraph.vector(1)[0])
    image = op.parameter(g.shape(source), np.float32, name="image")
    g.nodes[source] = op.transpose(image, np.array([0, 3, 1, 2]))
    for o in g.operators():
        if o.kind == "dequantize":
            g.constants[o.outputs[0]] = g.constant(o.inputs[0])
        elif o.kind in _OPERATORS:
            g.nodes[o.outputs[0]] = _OPERATORS[o.kind](g, o)
        else:
            raise Internal(f"The network {path.name} uses an unknown operator: {o.kind}.")
    out = op.transpose(g.nodes[int(g.subgraph.vector(2)[0])], np.array([0, 2, 3, 1]))
    return ov.Model([out], [image], path.stem)
