"""MobileSAM's TinyViT image encoder as an OpenVINO graph (reference: MobileSAM, mobile_sam/modeling/tiny_vit_sam.py)."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..runtime import ops as op
from ..runtime.graph import Graph, Shape, from_heads, to_heads, to_picture, to_rows
from ..runtime.ops import Model, Node, constant, gelu, multiply_transposed, scalar
from .checkpoint import State
from .config import F32, Architecture, TinyVitConfig
from .vit import neck, projected

EPSILON = 1e-5


def build(state: State, architecture: Architecture, *, quantized: bool = False) -> Model:
    """(1, 3, S, S) float32, normalised and padded → (1, C, S/16, S/16) float32."""
    config, size = architecture.encoder, architecture.image_size
    assert isinstance(config, TinyVitConfig)  # noqa: S101 - the caller chose this builder by the type
    g = Graph(state, "image_encoder.", quantized=quantized)
    picture = op.picture(1, 3, size, size, name="picture")
    x = gelu(g.convolution_bn(picture, "patch_embed.seq.0", stride=2, pad=1))
    x = g.convolution_bn(x, "patch_embed.seq.2", stride=2, pad=1)
    side = size // 4
    for i in range(config.depths[0]):
        x = _bottleneck(g, x, f"layers.0.blocks.{i}")
    for stage in range(1, len(config.dims)):
        stride = config.stride(stage - 1)
        x, side = _merge(g, x, f"layers.{stage - 1}.downsample", stride), -(-side // stride)
        shape = (side, side, config.dims[stage])
        x = to_rows(x, shape)
        for i in range(config.depths[stage]):
            x = _block(g, x, f"layers.{stage}.blocks.{i}", config, stage, shape)
        x = to_picture(x, shape)
    return op.model([neck(g, x)], [picture], "mobile_sam_image_encoder")


def _bottleneck(g: Graph, x: Node, name: str) -> Node:
    """MBConv: widen, convolve each channel, narrow, add."""
    y = gelu(g.convolution_bn(x, f"{name}.conv1"))
    y = gelu(g.convolution_bn(y, f"{name}.conv2", pad=1))
    return gelu(op.add(g.convolution_bn(y, f"{name}.conv3"), x))


def _merge(g: Graph, x: Node, name: str, stride: int) -> Node:
    y = gelu(g.convolution_bn(x, f"{name}.conv1"))
    y = gelu(g.convolution_bn(y, f"{name}.conv2", stride=stride, pad=1))
    return g.convolution_bn(y, f"{name}.conv3")


def _block(g: Graph, x: Node, name: str, config: TinyVitConfig, stage: int, shape: Shape) -> Node:
    x = op.add(x, _attention(g, x, f"{name}.attn", config.heads[stage], shape, config.windows[stage]))
    x = to_rows(g.convolution_bn(to_picture(x, shape), f"{name}.local_conv", pad=config.local // 2), shape)
    y = g.linear(g.layer_norm(x, f"{name}.mlp.norm", EPSILON), f"{name}.mlp.fc1")
    return op.add(x, g.linear(gelu(y), f"{name}.mlp.fc2"))


def _attention(g: Graph, x: Node, name: str, heads: int, shape: Shape, window: int) -> Node:
    """The file has query, key and value of each head side by side; with all queries first, then all keys, parting them costs
    nothing.

    In the reference the zeros that fill up the windows at the edge come before the norm, which makes its bias of them. As in
    ``vit``, filling cells have zeros for key and value here: what they would have is taken from all keys, which softmax does not
    see, and from all values, which is added to the projection's bias.
    """
    dim = shape[2]
    depth = dim // heads
    order = np.arange(3 * dim).reshape(heads, 3, depth).transpose(1, 0, 2).ravel()
    weight, bias = g[f"{name}.qkv.weight"][order], g[f"{name}.qkv.bias"][order]
    of_norm = weight.astype(np.float64) @ g[f"{name}.norm.bias"]
    y = g.affine(g.layer_norm(x, f"{name}.norm", EPSILON), weight, np.concatenate([bias[:dim], -of_norm[dim:]]))
    q, k, v = to_heads(y, shape, window, heads)
    scores = multiply_transposed(op.multiply(q, scalar(depth**-0.5)), k)
    bias_by_place = constant(biases(g[f"{name}.attention_biases"], window)[None])
    out = op.matmul(op.softmax(op.add(scores, bias_by_place), 3), v)
    return projected(g, from_heads(out, shape, window, heads), f"{name}.proj", (bias + of_norm)[2 * dim :])


def biases(table: NDArray[Any], window: int) -> F32:
    """(heads, window²) values by distance → (heads, window², window²): the distance (|Δrow|, |Δcolumn|) has index
    |Δrow| · window + |Δcolumn|, the order in which the reference first meets it."""
    cells = np.array(list(product(range(window), repeat=2)))
    apart = np.abs(cells[:, None] - cells[None])
    return np.asarray(table[:, apart[..., 0] * window + apart[..., 1]], np.float32)
