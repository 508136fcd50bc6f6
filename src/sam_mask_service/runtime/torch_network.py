"""A graph of ``ops.py`` that torch runs on its device: weights there once, then step after step, each tensor let go of
where nothing needs it any more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from . import ops
from .torch_ops import Tensor, function_of

HELD = ("picture", "constant")
"""Nodes that nothing computes."""


@dataclass(frozen=True, slots=True)
class _Step:
    """``inputs``, ``output``: places among the tensors; ``spent``: those that no later step reads."""

    compute: Callable[..., Any]
    inputs: tuple[int, ...]
    output: int
    spent: tuple[int, ...]


class TorchNetwork:
    """``form``: how biases by places enter attention (``torch_ops.FORMS``). Inputs and outputs are float32 tensors of
    the device; what is between is ``dtype``. One input may hold several entries where another holds one for all."""

    def __init__(self, graph: ops.Model, device: Any, dtype: Any, form: str) -> None:
        self.name = graph.name
        self.dtype = dtype
        nodes = list(ops.in_order(graph))
        places = {node: i for i, node in enumerate(nodes)}
        self._inputs = [places[node] for node in graph.inputs]
        self._outputs = [places[node] for node in graph.outputs]
        self._fixed = {
            places[node]: torch.tensor(np.array(node.options["values"]), dtype=dtype, device=device)
            for node in nodes
            if node.kind == "constant"
        }
        self._steps = list(_steps(nodes, places, {*self._outputs, *self._inputs, *self._fixed}, form))

    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        with torch.inference_mode():
            held: dict[int, Any] = dict(self._fixed)
            for place, value in zip(self._inputs, inputs, strict=True):
                held[place] = _laid(value.to(self.dtype))
            for step in self._steps:
                held[step.output] = step.compute(*(held[i] for i in step.inputs))
                for place in step.spent:
                    del held[place]
            return [held[place].float() for place in self._outputs]


def _laid(x: Tensor) -> Tensor:
    """Pictures with their channels innermost: convolutions are faster so, and rows of cells need no copy."""
    return x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x


def _steps(nodes: Sequence[ops.Node], places: dict[ops.Node, int], kept: set[int], form: str) -> list[_Step]:
    last: dict[int, int] = {places[one]: places[node] for node in nodes for one in node.inputs}
    spent: dict[int, list[int]] = {}
    for place, reader in last.items():
        if place not in kept:
            spent.setdefault(reader, []).append(place)
    return [
        _Step(
            function_of(node, form),
            tuple(places[one] for one in node.inputs),
            places[node],
            tuple(spent.get(places[node], ())),
        )
        for node in nodes
        if node.kind not in HELD
    ]
