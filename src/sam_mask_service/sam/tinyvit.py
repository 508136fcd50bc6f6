"""MobileSAM's TinyViT image encoder as an OpenVINO graph (reference: MobileSAM, mobile_sam/modeling/tiny_vit_sam.py)."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset15 as op

from .checkpoint import State
from .config import F32, Architecture, TinyVitConfig
from .graph import (
    Graph,
    Node,
    axis,
    constant,
    gelu,
    multiply_transposed,
    reshape,
    scalar,
    split_heads,
    transpose,
    unwindows,
    windows,
)
from .vit import neck

EPSILON = 1e-5


def build(state: State, architecture: Architecture, *, quantized: bool = False) -> Any:
    """``ov.Model``: (1, 3, S, S) float32, normalised and padded → (1, C, S/16, S/16) float32."""
    config, size = architecture.encoder, architecture.image_size
    assert isinstance(config, TinyVitConfig)  # noqa: S101 - the caller chose this builder by the type
    g = Graph(state, "image_encoder.", quantized=quantized)
    picture = op.parameter([1, 3, size, size], np.float32, "picture")
    x = gelu(g.convolution_bn(picture, "patch_embed.seq.0", stride=2, pad=1))
    x = g.convolution_bn(x, "patch_embed.seq.2", stride=2, pad=1)
    side = size // 4
    for i in range(config.depths[0]):
        x = _bottleneck(g, x, f"layers.0.blocks.{i}")
    for stage in range(1, len(config.dims)):
        stride = config.stride(stage - 1)
        x, side = transpose(_merge(g, x, f"layers.{stage - 1}.downsample", stride), 0, 2, 3, 1), -(-side // stride)
        for i in range(config.depths[stage]):
            x = _block(g, x, f"layers.{stage}.blocks.{i}", config, stage, side)
        x = transpose(x, 0, 3, 1, 2) if stage < len(config.dims) - 1 else x
    return ov.Model([op.result(neck(g, x))], [picture], "mobile_sam_image_encoder")


def _bottleneck(g: Graph, x: Node, name: str) -> Node:
    """MBConv: widen, convolve each channel, narrow, add."""
    y = gelu(g.convolution_bn(x, f"{name}.conv1"))
    y = gelu(g.convolution_bn(y, f"{name}.conv2", pad=1))
    return gelu(op.add(g.convolution_bn(y, f"{name}.conv3"), x))


def _merge(g: Graph, x: Node, name: str, stride: int) -> Node:
    y = gelu(g.convolution_bn(x, f"{name}.conv1"))
    y = gelu(g.convolution_bn(y, f"{name}.conv2", stride=stride, pad=1))
    return g.convolution_bn(y, f"{name}.conv3")


def _block(g: Graph, x: Node, name: str, config: TinyVitConfig, stage: int, side: int) -> Node:
    """NHWC in and out. The padding of the windows comes before the norm, as in the reference."""
    window, dim = config.windows[stage], config.dims[stage]
    shape = (1, side, side, dim)
    y, counts = windows(x, shape, window)
    y = _attention(g, y, f"{name}.attn", config.heads[stage], dim, counts[0] * counts[1], window)
    x = transpose(op.add(x, unwindows(y, shape, window, counts)), 0, 3, 1, 2)
    x = transpose(g.convolution_bn(x, f"{name}.local_conv", pad=config.local // 2), 0, 2, 3, 1)
    y = g.linear(g.layer_norm(x, f"{name}.mlp.norm", EPSILON), f"{name}.mlp.fc1")
    return op.add(x, g.linear(gelu(y), f"{name}.mlp.fc2"))


def _attention(g: Graph, x: Node, name: str, heads: int, dim: int, count: int, window: int) -> Node:
    """The file has query, key and value of each head side by side; with all queries first, then all keys, parting them costs
    nothing."""
    cells, depth = window * window, dim // heads
    x = g.layer_norm(reshape(x, count, cells, dim), f"{name}.norm", EPSILON)
    order = np.arange(3 * dim).reshape(heads, 3, depth).transpose(1, 0, 2).ravel()
    qkv = transpose(reshape(g.linear(x, f"{name}.qkv", order), count, cells, 3, heads, depth), 2, 0, 3, 1, 4)
    q, k, v = (op.squeeze(part, axis(0)) for part in split_heads(qkv, 3, 0))
    scores = multiply_transposed(op.multiply(q, scalar(depth**-0.5)), k)
    bias = constant(biases(g[f"{name}.attention_biases"], window)[None])
    out = op.matmul(op.softmax(op.add(scores, bias), 3), v, False, False)
    return g.linear(reshape(transpose(out, 0, 2, 1, 3), count, cells, dim), f"{name}.proj")


def biases(table: NDArray[Any], window: int) -> F32:
    """(heads, window²) values by distance → (heads, window², window²): the distance (|Δrow|, |Δcolumn|) has index
    |Δrow| · window + |Δcolumn|, the order in which the reference first meets it."""
    cells = np.array(list(product(range(window), repeat=2)))
    apart = np.abs(cells[:, None] - cells[None])
    return np.asarray(table[:, apart[..., 0] * window + apart[..., 1]], np.float32)
