"""SAM's two image encoders in plain float64 numpy, written from the papers' definitions: slow, simple, and independent
of the graphs that they check."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam_mask_service.sam.architectures.tinyvit import TinyVitConfig
from sam_mask_service.sam.architectures.vit import VitConfig
from sam_mask_service.sam.config import Architecture

Array = NDArray[np.float64]
State = dict[str, NDArray[Any]]
_ERF = np.vectorize(math.erf)


def gelu(x: Array) -> Array:
    return np.asarray(x / 2 * (1 + _ERF(x / math.sqrt(2))))


class Net:
    def __init__(self, state: State) -> None:
        self.state = {key.removeprefix("image_encoder."): value.astype(np.float64) for key, value in state.items()}

    def linear(self, x: Array, name: str) -> Array:
        return np.asarray(x @ self.state[f"{name}.weight"].T + self.state[f"{name}.bias"])

    def norm(self, x: Array, name: str, epsilon: float) -> Array:
        """Over the last axis."""
        centred = x - x.mean(-1, keepdims=True)
        y = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon)
        return np.asarray(y * self.state[f"{name}.weight"] + self.state[f"{name}.bias"])

    def convolve(self, x: Array, weight: Array, stride: int, pad: int) -> Array:
        """(C, H, W) → (O, H', W'); depthwise when the weight has one input."""
        padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
        views = np.lib.stride_tricks.sliding_window_view(padded, weight.shape[2:], axis=(1, 2))[:, ::stride, ::stride]
        if weight.shape[1] == 1 and len(x) > 1:
            return np.asarray(np.einsum("chwij,cij->chw", views, weight[:, 0]))
        return np.asarray(np.einsum("chwij,ocij->ohw", views, weight))

    def convolve_bn(self, x: Array, name: str, stride: int = 1, pad: int = 0) -> Array:
        y = self.convolve(x, self.state[f"{name}.c.weight"], stride, pad)
        scale, shift, mean, var = (
            self.state[f"{name}.bn.{part}"][:, None, None] for part in ("weight", "bias", "running_mean", "running_var")
        )
        return np.asarray((y - mean) / np.sqrt(var + 1e-5) * scale + shift)

    def neck(self, x: Array) -> Array:
        """(H, W, C) → (C', H, W)."""
        x = self.norm(x @ self.state["neck.0.weight"][:, :, 0, 0].T, "neck.1", 1e-6)
        x = self.convolve(x.transpose(2, 0, 1), self.state["neck.2.weight"], 1, 1)
        return self.norm(x.transpose(1, 2, 0), "neck.3", 1e-6).transpose(2, 0, 1)


def by_window(x: Array, size: int, attend: Any) -> Array:
    """``attend`` on every window of an (H, W, C) map, padded with zeros below and right."""
    h, w, _ = x.shape
    padded = np.pad(x, ((0, -h % size), (0, -w % size), (0, 0)))
    out = np.zeros_like(padded)
    for top in range(0, padded.shape[0], size):
        for left in range(0, padded.shape[1], size):
            rows, columns = slice(top, top + size), slice(left, left + size)
            out[rows, columns] = attend(padded[rows, columns])
    return out[:h, :w]


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(e / e.sum(-1, keepdims=True))


def encode_vit(state: State, a: Architecture, picture: Array) -> Array:
    """``picture`` (3, S, S), normalised → (C, S/16, S/16)."""
    net, c = Net(state), a.encoder
    assert isinstance(c, VitConfig)
    x = net.convolve(picture, net.state["patch_embed.proj.weight"], c.patch, 0).transpose(1, 2, 0)
    x = x + net.state["patch_embed.proj.bias"] + net.state["pos_embed"][0]
    for i, window in enumerate(c.windows):
        name = f"blocks.{i}"
        y = net.norm(x, f"{name}.norm1", 1e-6)
        x = x + by_window(y, window or a.grid, lambda part, n=name: vit_attention(net, part, f"{n}.attn", c.heads))
        y = net.linear(net.norm(x, f"{name}.norm2", 1e-6), f"{name}.mlp.lin1")
        x = x + net.linear(gelu(y), f"{name}.mlp.lin2")
    return net.neck(x)


def vit_attention(net: Net, x: Array, name: str, heads: int) -> Array:
    """One score after the other: q·k/√d + q·Rh[row − row'] + q·Rw[column − column']."""
    side, _, dim = x.shape
    depth = dim // heads
    qkv = net.linear(x.reshape(-1, dim), f"{name}.qkv").reshape(-1, 3, heads, depth)
    out = np.zeros((side * side, heads, depth))
    row, column = np.divmod(np.arange(side * side), side)
    for head in range(heads):
        q, k, v = qkv[:, 0, head], qkv[:, 1, head], qkv[:, 2, head]
        scores = q @ k.T / math.sqrt(depth)
        for i in range(side * side):
            scores[i] += net.state[f"{name}.rel_pos_h"][row[i] - row + side - 1] @ q[i]
            scores[i] += net.state[f"{name}.rel_pos_w"][column[i] - column + side - 1] @ q[i]
        out[:, head] = softmax(scores) @ v
    return net.linear(out.reshape(-1, dim), f"{name}.proj").reshape(side, side, dim)


def encode_tinyvit(state: State, a: Architecture, picture: Array) -> Array:
    net, c = Net(state), a.encoder
    assert isinstance(c, TinyVitConfig)
    x = net.convolve_bn(gelu(net.convolve_bn(picture, "patch_embed.seq.0", 2, 1)), "patch_embed.seq.2", 2, 1)
    for i in range(c.depths[0]):
        name = f"layers.0.blocks.{i}"
        y = gelu(net.convolve_bn(gelu(net.convolve_bn(x, f"{name}.conv1")), f"{name}.conv2", 1, 1))
        x = gelu(net.convolve_bn(y, f"{name}.conv3") + x)
    for stage in range(1, len(c.dims)):
        name = f"layers.{stage - 1}.downsample"
        x = gelu(net.convolve_bn(gelu(net.convolve_bn(x, f"{name}.conv1")), f"{name}.conv2", c.stride(stage - 1), 1))
        x = net.convolve_bn(x, f"{name}.conv3")
        for i in range(c.depths[stage]):
            x = tinyvit_block(net, x, f"layers.{stage}.blocks.{i}", c.heads[stage], c.windows[stage], c.local)
    return net.neck(x.transpose(1, 2, 0))


def tinyvit_block(net: Net, x: Array, name: str, heads: int, window: int, local: int) -> Array:
    x = x + by_window(
        x.transpose(1, 2, 0), window, lambda part: tinyvit_attention(net, part, f"{name}.attn", heads)
    ).transpose(2, 0, 1)
    y = net.convolve_bn(x, f"{name}.local_conv", 1, local // 2).transpose(1, 2, 0)
    hidden = gelu(net.linear(net.norm(y, f"{name}.mlp.norm", 1e-5), f"{name}.mlp.fc1"))
    return np.asarray((y + net.linear(hidden, f"{name}.mlp.fc2")).transpose(2, 0, 1))


def tinyvit_attention(net: Net, x: Array, name: str, heads: int) -> Array:
    side, _, dim = x.shape
    depth = dim // heads
    y = net.norm(x.reshape(-1, dim), f"{name}.norm", 1e-5)
    qkv = net.linear(y, f"{name}.qkv").reshape(-1, heads, 3, depth)
    row, column = np.divmod(np.arange(side * side), side)
    apart = abs(row[:, None] - row) * side + abs(column[:, None] - column)
    out = np.zeros((side * side, heads, depth))
    for head in range(heads):
        q, k, v = qkv[:, head, 0], qkv[:, head, 1], qkv[:, head, 2]
        out[:, head] = softmax(q @ k.T / math.sqrt(depth) + net.state[f"{name}.attention_biases"][head][apart]) @ v
    return net.linear(out.reshape(-1, dim), f"{name}.proj").reshape(side, side, dim)
