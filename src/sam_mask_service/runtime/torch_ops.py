"""What each operation of ``ops.py`` is in torch: one function of its name, on tensors of a device.

Attention is torch's fused one, which holds no scores of all cells at once. A bias by rows and columns of keys enters it
in one of the ``FORMS``: *folded* into wider queries and keys, q' = [q, by row, by column] and k' = [k, which row, which
column], whose product has the bias in it; or as a *bias*, all scores' at once or (*apart*) one head after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.nn import functional as f

from .ops import Node

Tensor = Any
"""A torch tensor; torch is not there to be looked at where types are checked."""


def add(x: Tensor, y: Tensor) -> Tensor:
    return x + y


def multiply(x: Tensor, y: Tensor) -> Tensor:
    return x * y


def divide(x: Tensor, y: Tensor) -> Tensor:
    return x / y


def matmul(x: Tensor, y: Tensor) -> Tensor:
    return torch.matmul(x, y)


def multiply_transposed(x: Tensor, y: Tensor) -> Tensor:
    return torch.matmul(x, y.mT)


def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return f.linear(x, weight, bias)


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, *, epsilon: float) -> Tensor:
    return f.layer_norm(x, weight.shape, weight, bias, epsilon)


def attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    return f.scaled_dot_product_attention(q, k, v, attn_mask=bias, scale=1.0)


def folded(q: Tensor, k: Tensor, v: Tensor, by_row: Tensor, by_column: Tensor) -> Tensor:
    """Values are filled up to the same width: torch's fastest kernels want all three alike."""
    side = by_row.shape[-1]
    places = torch.eye(side, dtype=k.dtype, device=k.device)
    rows = places.repeat_interleave(side, 0).expand(*k.shape[:2], -1, -1)
    columns = places.repeat(side, 1).expand(*k.shape[:2], -1, -1)
    asked, keys = torch.cat([q, by_row, by_column], -1), torch.cat([k, rows, columns], -1)
    values = f.pad(v, (0, keys.shape[-1] - v.shape[-1]))
    return f.scaled_dot_product_attention(asked, keys, values, scale=1.0)[..., : v.shape[-1]]


def biased(q: Tensor, k: Tensor, v: Tensor, by_row: Tensor, by_column: Tensor) -> Tensor:
    scores = by_row[..., :, None] + by_column[..., None, :]
    return attention(q, k, v, scores.flatten(-2))


def biased_apart(*inputs: Tensor) -> Tensor:
    """The biases of one head among all cells are as many as fit into memory well."""
    parts = zip(*(x.split(1, 1) for x in inputs), strict=True)
    return torch.cat([biased(*part) for part in parts], 1)


FORMS: dict[str, Callable[..., Tensor]] = {"folded": folded, "bias": biased, "apart": biased_apart}


def reshape(x: Tensor, *, shape: tuple[int, ...]) -> Tensor:
    return x.reshape([x.shape[i] if size == 0 else size for i, size in enumerate(shape)])


def transpose(x: Tensor, *, order: tuple[int, ...]) -> Tensor:
    return x.permute(order)


def concat(*parts: Tensor, at: int) -> Tensor:
    entries = max(part.shape[0] for part in parts)
    return torch.cat([part.expand(entries, *part.shape[1:]) if at else part for part in parts], at)


def split(x: Tensor, *, count: int, at: int) -> tuple[Tensor, ...]:
    return tuple(x.chunk(count, at))


def piece(pieces: tuple[Tensor, ...], *, index: int) -> Tensor:
    return pieces[index]


def squeeze(x: Tensor, *, at: int) -> Tensor:
    return x.squeeze(at)


def unsqueeze(x: Tensor, *, axes: tuple[int, ...]) -> Tensor:
    for at in axes:
        x = x.unsqueeze(at)
    return x


def gather(x: Tensor, *, index: int, at: int) -> Tensor:
    return x.select(at, index)


def pad(x: Tensor, *, ends: tuple[int, ...]) -> Tensor:
    return f.pad(x, [size for end in reversed(ends) for size in (0, end)])


def cut(x: Tensor, *, height: int, width: int) -> Tensor:
    return x[:, :height, :width]


def softmax(x: Tensor, *, at: int) -> Tensor:
    return x.softmax(at)


def relu(x: Tensor) -> Tensor:
    return x.relu()


def gelu(x: Tensor) -> Tensor:
    return f.gelu(x)


def gelu_by_tanh(x: Tensor) -> Tensor:
    return f.gelu(x, approximate="tanh")


def convolution(x: Tensor, weight: Tensor, bias: Tensor = None, *, stride: int, pad: int, groups: int = 1) -> Tensor:
    """The bias enters with the products: added to what comes out it would be another pass over all of it."""
    return f.conv2d(x, weight, None if bias is None else bias.flatten(), stride, pad, groups=groups)


def group_convolution(x: Tensor, weight: Tensor, bias: Tensor = None, *, stride: int, pad: int) -> Tensor:
    return convolution(x, weight.flatten(0, 1), bias, stride=stride, pad=pad, groups=weight.shape[0])


_ALL: tuple[Callable[..., Any], ...] = (
    add, multiply, divide, matmul, multiply_transposed, linear, layer_norm, attention, reshape, transpose, concat,
    split, piece, squeeze, unsqueeze, gather, pad, cut, softmax, relu, gelu, gelu_by_tanh, convolution,
    group_convolution,
)  # fmt: skip
OPERATIONS: dict[str, Callable[..., Any]] = {function.__name__: function for function in _ALL}
"""All but inputs, constants and attention by places, which has several forms."""


def function_of(node: Node, form: str) -> Callable[..., Any]:
    """From the tensors of a node's inputs to its own."""
    if node.kind != "attention_by_places":
        return partial(OPERATIONS[node.kind], **node.options)
    return FORMS["bias" if form == "apart" and not node.options["apart"] else form]
