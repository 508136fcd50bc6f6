"""Tensors by name: what a checkpoint must hold for a layer, and sizes read off those that it holds."""

from __future__ import annotations

from collections.abc import Iterator

from .checkpoint import State
from .checkpoint_errors import WrongArchitecture

Named = Iterator[tuple[str, tuple[int, ...]]]
"""Names and shapes."""
MAX_GRID, MAX_DIM, MAX_DEPTH = 128, 4096, 64
"""No file makes a graph builder allocate without end."""


def linear(name: str, outputs: int, inputs: int) -> Named:
    yield f"{name}.weight", (outputs, inputs)
    yield f"{name}.bias", (outputs,)


def pair(name: str, *weight: int, bias: int | None = None) -> Named:
    yield f"{name}.weight", weight
    yield f"{name}.bias", (weight[0] if bias is None else bias,)


def conv_bn(name: str, *weight: int, names: tuple[str, str] = ("c", "bn")) -> Named:
    yield f"{name}.{names[0]}.weight", weight
    for part in ("weight", "bias", "running_mean", "running_var"):
        yield f"{name}.{names[1]}.{part}", (weight[0],)


def shape_of(state: State, key: str, dims: int) -> tuple[int, ...]:
    if key not in state:
        raise WrongArchitecture(f"The checkpoint does not fit this service's SAM: {key!a} is missing.")
    shape = state[key].shape
    if len(shape) != dims or max(shape) > 16 * MAX_DIM:
        raise WrongArchitecture(f"The checkpoint does not fit this service's SAM: {key!a} is {shape}.")
    return tuple(shape)


def depth_of(state: State, pattern: str) -> int:
    """How many of ``pattern.format(0)``, ``pattern.format(1)``, … there are."""
    depth = 0
    while pattern.format(depth) in state and depth < MAX_DEPTH:
        depth += 1
    if not depth:
        raise WrongArchitecture(f"The checkpoint does not fit this service's SAM: {pattern.format(0)!a} is missing.")
    return depth
