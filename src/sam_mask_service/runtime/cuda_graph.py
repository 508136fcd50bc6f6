"""CUDA graphs: a network's kernels recorded once for each shape of its inputs, and launched as one from then on."""

from __future__ import annotations

import logging
from typing import Any

import torch

from .torch_network import TorchNetwork
from .torch_ops import Tensor

log = logging.getLogger(__name__)

SHAPES = 8
"""Recordings that are kept, each with memory of its own: batches of 1, 2, 4 … 32, and a decoder's first few."""
_WARM_UP = 3
"""Runs before the recording: libraries choose their kernels in them."""
FULL = ("out of memory", "ALLOC_FAILED", "can't allocate memory")
"""In the words of an error of memory that torch does not name as such: its libraries', the driver's, Apple's."""


def memory_is_full(error: BaseException) -> bool:
    """Whether it, or the error behind it, is one of memory: an interrupted recording ends with an error of its own."""
    if isinstance(error, torch.OutOfMemoryError) or any(mark in str(error) for mark in FULL):
        return True
    return error.__context__ is not None and memory_is_full(error.__context__)


class Recorded:
    """``network`` with its kernels recorded; further shapes than ``SHAPES`` run as they are. What cannot be recorded is
    said in the log and runs as it is. One caller at a time."""

    def __init__(self, network: TorchNetwork) -> None:
        self._network = network
        self._made: dict[Any, tuple[Any, list[Tensor], list[Tensor]]] = {}
        self._plain = False

    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        key = tuple(tuple(x.shape) for x in inputs)
        if self._plain or (key not in self._made and len(self._made) >= SHAPES):
            return self._network(*inputs)
        if key not in self._made and not self._record(key, inputs):
            return self._network(*inputs)
        graph, held, outputs = self._made[key]
        for place, value in zip(held, inputs, strict=True):
            place.copy_(value)
        graph.replay()
        return [output.clone() for output in outputs]

    def _record(self, key: Any, inputs: tuple[Tensor, ...]) -> bool:
        held = [x.clone() for x in inputs]
        side = torch.cuda.Stream(held[0].device)
        side.wait_stream(torch.cuda.current_stream(held[0].device))
        with torch.cuda.stream(side):
            for _ in range(_WARM_UP):
                self._network(*held)
        torch.cuda.current_stream(held[0].device).wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                outputs = self._network(*held)
        except RuntimeError as e:
            if memory_is_full(e):
                raise
            log.exception("%s cannot be recorded as a CUDA graph and runs kernel by kernel", self._network.name)
            self._plain = True
            return False
        self._made[key] = (graph, held, outputs)
        return True
