"""MobileSAM's TinyViT image encoder as an OpenVINO graph (reference: MobileSAM,
mobile_sam/modeling/tiny_vit_sam.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...runtime import ops as op
from ...runtime.graph import Graph, Shape, from_heads, to_heads, to_picture, to_rows
from ...runtime.ops import Model, Node, constant, gelu, scalar
from ..checkpoint import State
from ..checkpoint_errors import WrongArchitecture
from ..config import F32, Architecture
from ..tensors import MAX_DIM, Named, conv_bn, depth_of, linear, pair, shape_of
from .family import Family, Found
from .vit import neck, neck_shapes, projected

EPSILON = 1e-5
IMAGE_SIZE = 1024
"""The encoder holds no position table, so its input size cannot be read off the file; this is the published one."""


@dataclass(frozen=True, slots=True)
class TinyVitConfig:
    """One value per stage; stage 0 is convolutional (its head count and window are 0). ``hidden[s]``: inner width of
    its MLP or inverted bottleneck."""

    dims: tuple[int, ...]
    depths: tuple[int, ...]
    heads: tuple[int, ...]
    windows: tuple[int, ...]
    hidden: tuple[int, ...]
    local: int
    """Side of the depthwise convolution behind each attention."""

    def stride(self, stage: int) -> int:
        """Of the merging after ``stage``: MobileSAM's code keeps the resolution before these widths."""
        return 1 if self.dims[stage + 1] in (320, 448, 576) else 2


def _build(state: State, architecture: Architecture, config: TinyVitConfig, quantized: bool) -> Model:
    """(1, 3, S, S) float32, normalised and padded → (1, C, S/16, S/16) float32."""
    size = architecture.image_size
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
    """The file has query, key and value of each head side by side; with all queries first, then all keys, parting them
    costs nothing.

    In the reference the zeros that fill up the windows at the edge come before the norm, which makes its bias of them.
    As in ``vit``, filling cells have zeros for key and value here: what they would have is taken from all keys, which
    softmax does not see, and from all values, which is added to the projection's bias.
    """
    dim = shape[2]
    depth = dim // heads
    order = np.arange(3 * dim).reshape(heads, 3, depth).transpose(1, 0, 2).ravel()
    weight, bias = g[f"{name}.qkv.weight"][order], g[f"{name}.qkv.bias"][order]
    of_norm = weight.astype(np.float64) @ g[f"{name}.norm.bias"]
    y = g.affine(g.layer_norm(x, f"{name}.norm", EPSILON), weight, np.concatenate([bias[:dim], -of_norm[dim:]]))
    q, k, v = to_heads(y, shape, window, heads)
    bias_by_place = constant(biases(g[f"{name}.attention_biases"], window)[None])
    out = op.attention(op.multiply(q, scalar(depth**-0.5)), k, v, bias_by_place)
    return projected(g, from_heads(out, shape, window, heads), f"{name}.proj", (bias + of_norm)[2 * dim :])


def biases(table: NDArray[Any], window: int) -> F32:
    """(heads, window²) values by distance → (heads, window², window²): the distance (|Δrow|, |Δcolumn|) has index
    |Δrow| · window + |Δcolumn|, the order in which the reference first meets it."""
    cells = np.array(list(product(range(window), repeat=2)))
    apart = np.abs(cells[:, None] - cells[None])
    return np.asarray(table[:, apart[..., 0] * window + apart[..., 1]], np.float32)


def _read(state: State, image_size: int | None) -> Found[TinyVitConfig]:
    e = "image_encoder.layers."
    stages = depth_of(state, "image_encoder.layers.{}.blocks.0." + "conv1.c.weight")
    if stages != 1:
        raise WrongArchitecture("The checkpoint's TinyViT has not one convolutional stage.")
    depths, dims = (
        [depth_of(state, e + "0.blocks.{}.conv1.c.weight")],
        [shape_of(state, e + "0.blocks.0.conv3.c.weight", 4)[0]],
    )
    hidden, heads, windows = [shape_of(state, e + "0.blocks.0.conv1.c.weight", 4)[0]], [0], [0]
    local = shape_of(state, e + "1.blocks.0.local_conv.c.weight", 4)[2]
    while f"{e}{len(dims)}.blocks.0.attn.qkv.weight" in state and len(dims) < 8:
        p = f"{e}{len(dims)}.blocks."
        depths.append(depth_of(state, p + "{}.attn.qkv.weight"))
        dims.append(shape_of(state, p + "0.attn.qkv.weight", 2)[1])
        hidden.append(shape_of(state, p + "0.mlp.fc1.weight", 2)[0])
        count, cells = shape_of(state, p + "0.attn.attention_biases", 2)
        heads.append(count)
        windows.append(round(cells**0.5))
    if any(d % h or w < 1 for d, h, w in zip(dims[1:], heads[1:], windows[1:], strict=True)) or max(dims) > MAX_DIM:
        raise WrongArchitecture("The checkpoint's TinyViT has widths that its heads do not divide.")
    sizes = TinyVitConfig(tuple(dims), tuple(depths), tuple(heads), tuple(windows), tuple(hidden), local)
    return Found("mobile_sam", image_size or IMAGE_SIZE, sizes)


def _shapes(a: Architecture, c: TinyVitConfig) -> Named:
    e, dims = "image_encoder.", c.dims
    yield from conv_bn(e + "patch_embed.seq.0", dims[0] // 2, 3, 3, 3)
    yield from conv_bn(e + "patch_embed.seq.2", dims[0], dims[0] // 2, 3, 3)
    for i in range(c.depths[0]):
        p = f"{e}layers.0.blocks.{i}."
        yield from conv_bn(p + "conv1", c.hidden[0], dims[0], 1, 1)
        yield from conv_bn(p + "conv2", c.hidden[0], 1, 3, 3)
        yield from conv_bn(p + "conv3", dims[0], c.hidden[0], 1, 1)
    for s in range(len(dims) - 1):
        p = f"{e}layers.{s}.downsample."
        yield from conv_bn(p + "conv1", dims[s + 1], dims[s], 1, 1)
        yield from conv_bn(p + "conv2", dims[s + 1], 1, 3, 3)
        yield from conv_bn(p + "conv3", dims[s + 1], dims[s + 1], 1, 1)
    for s in range(1, len(dims)):
        for i in range(c.depths[s]):
            yield from _block_shapes(f"{e}layers.{s}.blocks.{i}.", c, s)
    yield from neck_shapes(dims[-1], a.decoder.dim)


def _block_shapes(p: str, c: TinyVitConfig, s: int) -> Named:
    dim = c.dims[s]
    yield p + "attn.attention_biases", (c.heads[s], c.windows[s] ** 2)
    yield from pair(p + "attn.norm", dim)
    yield from linear(p + "attn.qkv", 3 * dim, dim)
    yield from linear(p + "attn.proj", dim, dim)
    yield from pair(p + "mlp.norm", dim)
    yield from linear(p + "mlp.fc1", c.hidden[s], dim)
    yield from linear(p + "mlp.fc2", dim, c.hidden[s])
    yield from conv_bn(p + "local_conv", dim, 1, c.local, c.local)


TINYVIT = Family("MobileSAM", "image_encoder.patch_embed.seq.0.c.weight", TinyVitConfig, _read, _shapes, _build)
