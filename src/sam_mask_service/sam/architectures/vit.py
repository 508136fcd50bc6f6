"""SAM's ViT image encoder as an OpenVINO graph (reference: segment_anything/modeling/image_encoder.py).

Attention with decomposed relative positions: score(i, j) = q_i·k_j/√d + q_i·Rh[row i − row j] + q_i·Rw[column i −
column j]. In the global blocks the bias of all heads would be 12 × 4096 × 4096 values at once; one head at a time it is
4096 × 4096, reused, and OpenVINO fuses score, bias, softmax and product. Measured on one global block of ViT-B (two
cores, bf16): all heads at once 190 ms and 471 MB, one head at a time 195 ms and 132 MB, the bias folded into wider
heads 302 ms and 121 MB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...runtime import ops as op
from ...runtime.graph import Graph, from_heads, to_heads, to_picture, to_rows
from ...runtime.ops import Model, Node, constant, gelu, multiply_transposed, reshape, scalar, transpose
from ..checkpoint import State
from ..checkpoint_errors import WrongArchitecture
from ..config import EMBEDDING_STRIDE, F32, Architecture
from ..tensors import MAX_DIM, Named, depth_of, linear, pair, shape_of
from .family import Family, Found

EPSILON = 1e-6
_NAMES = {(768, 12): "vit_b", (1024, 24): "vit_l", (1280, 32): "vit_h"}


@dataclass(frozen=True, slots=True)
class VitConfig:
    """``windows[i]``: window size of block i in cells, 0 where the attention is global."""

    dim: int
    heads: int
    hidden: int
    patch: int
    windows: tuple[int, ...]


def _build(state: State, architecture: Architecture, config: VitConfig, quantized: bool) -> Model:
    """(1, 3, S, S) float32, normalised and padded → (1, C, S/16, S/16) float32."""
    size, grid = architecture.image_size, architecture.grid
    g = Graph(state, "image_encoder.", quantized=quantized)
    picture = op.picture(1, 3, size, size, name="picture")
    x = op.convolution(picture, constant(g["patch_embed.proj.weight"]), config.patch, 0)
    shape = (grid, grid, config.dim)
    x = op.add(to_rows(x, shape), constant(g["patch_embed.proj.bias"]))
    x = op.add(x, constant(g["pos_embed"].reshape(1, -1, config.dim)))
    for i, window in enumerate(config.windows):
        x = _block(g, x, f"blocks.{i}", config, grid, window)
    return op.model([neck(g, to_picture(x, shape))], [picture], "sam_image_encoder")


def neck(g: Graph, x: Node) -> Node:
    """(1, C, H, W) → (1, 256, H, W); also MobileSAM's."""
    x = g.layer_norm_2d(g.convolution(x, "neck.0"), "neck.1", EPSILON)
    return g.layer_norm_2d(g.convolution(x, "neck.2", pad=1), "neck.3", EPSILON)


def _block(g: Graph, x: Node, name: str, config: VitConfig, grid: int, window: int) -> Node:
    y = g.layer_norm(x, f"{name}.norm1", EPSILON)
    x = op.add(x, _attention(g, y, f"{name}.attn", config, grid, window or grid))
    y = gelu(g.linear(g.layer_norm(x, f"{name}.norm2", EPSILON), f"{name}.mlp.lin1"))
    return op.add(x, g.linear(y, f"{name}.mlp.lin2"))


def _attention(g: Graph, x: Node, name: str, config: VitConfig, grid: int, side: int) -> Node:
    """Attention inside each square of ``side`` cells. All heads of a window in one product, of the whole grid one by
    one.

    The reference fills the windows at the edge up with zeros first, so that a filling cell has the biases of key and
    value for key and value. Here it has zeros, and no cell is multiplied that is none: the keys' bias adds the same to
    all scores of a query, which softmax does not see, and the values' comes through unchanged, since weights sum to 1:
    it is added to the projection's.
    """
    heads, dim = config.heads, config.dim
    shape = (grid, grid, dim)
    weight, bias = g[f"{name}.qkv.weight"], g[f"{name}.qkv.bias"]
    asked = np.concatenate([bias[:dim], np.zeros(2 * dim, np.float32)])
    q, k, v = to_heads(g.affine(x, weight, asked), shape, side, heads)
    rows, columns = _positions(g, name, q, heads, side)
    q = op.multiply(q, scalar((dim // heads) ** -0.5))
    out = op.attention_by_places(q, k, v, rows, columns, heads=heads, side=side, apart=side >= grid)
    return projected(g, from_heads(out, shape, side, heads), f"{name}.proj", bias[2 * dim :])


def projected(g: Graph, x: Node, name: str, values: NDArray[Any]) -> Node:
    """The projection behind an attention whose values lack ``values`` (C,)."""
    weight, bias = g[f"{name}.weight"], g[f"{name}.bias"]
    return g.affine(x, weight, bias + weight.astype(np.float64) @ values)


def _positions(g: Graph, name: str, q: Node, heads: int, side: int) -> list[Node]:
    """q (windows, heads, side², depth) → its products with the vectors of all rows and of all columns, each (windows,
    heads, side², side). All heads at once: small tensors, and a quarter of the graph's nodes less to compile."""
    rows, columns = (constant(relative(g[f"{name}.rel_pos_{a}"], side)[None]) for a in "hw")
    q = reshape(q, -1, side, side, g[f"{name}.rel_pos_h"].shape[1])
    by_column = multiply_transposed(transpose(q, 0, 2, 1, 3), columns)
    both = multiply_transposed(q, rows), transpose(by_column, 0, 2, 1, 3)
    return [reshape(x, -1, heads, side * side, side) for x in both]


def relative(table: NDArray[Any], side: int) -> F32:
    """(2·side − 1, d) table → (side, side, d): entry [i, j] belongs to the distance i − j."""
    index = np.arange(side)[:, None] - np.arange(side)[None] + side - 1
    return np.asarray(table[index], np.float32)


def _read(state: State, _: int | None) -> Found[VitConfig]:
    e = "image_encoder."
    _, grid, _, dim = shape_of(state, e + "pos_embed", 4)
    patch = shape_of(state, e + "patch_embed.proj.weight", 4)[2]
    windows = []
    for i in range(depth_of(state, e + "blocks.{}.attn.qkv.weight")):
        rows = shape_of(state, f"{e}blocks.{i}.attn.rel_pos_h", 2)[0]
        windows.append(0 if rows == 2 * grid - 1 else (rows + 1) // 2)
    head = shape_of(state, e + "blocks.0.attn.rel_pos_h", 2)[1]
    hidden = shape_of(state, e + "blocks.0.mlp.lin1.weight", 2)[0]
    if dim > MAX_DIM or dim % head or patch != EMBEDDING_STRIDE or max(windows) > grid + 64:
        raise WrongArchitecture(
            f"The checkpoint's encoder ({dim} wide, heads of {head}, patches of {patch}) is not SAM's."
        )
    name = _NAMES.get((dim, len(windows)), "vit")
    return Found(name, grid * patch, VitConfig(dim, dim // head, hidden, patch, tuple(windows)))


def _shapes(a: Architecture, c: VitConfig) -> Named:
    e, grid = "image_encoder.", a.grid
    yield e + "pos_embed", (1, grid, grid, c.dim)
    yield from pair(e + "patch_embed.proj", c.dim, 3, c.patch, c.patch)
    for i, window in enumerate(c.windows):
        p = f"{e}blocks.{i}."
        rows = 2 * (window or grid) - 1
        yield from pair(p + "norm1", c.dim)
        yield p + "attn.rel_pos_h", (rows, c.dim // c.heads)
        yield p + "attn.rel_pos_w", (rows, c.dim // c.heads)
        yield from linear(p + "attn.qkv", 3 * c.dim, c.dim)
        yield from linear(p + "attn.proj", c.dim, c.dim)
        yield from pair(p + "norm2", c.dim)
        yield from linear(p + "mlp.lin1", c.hidden, c.dim)
        yield from linear(p + "mlp.lin2", c.dim, c.hidden)
    yield from neck_shapes(c.dim, a.decoder.dim)


def neck_shapes(width: int, out: int) -> Named:
    n = "image_encoder.neck."
    yield n + "0.weight", (out, width, 1, 1)
    yield from pair(n + "1", out)
    yield n + "2.weight", (out, out, 3, 3)
    yield from pair(n + "3", out)


VIT = Family("SAM 1 (vit_b, vit_l, vit_h)", "image_encoder.pos_embed", VitConfig, _read, _shapes, _build)
