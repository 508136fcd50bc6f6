"""OpenVINO, on the CPU unless said otherwise: networks read from files, and compiled into sessions with a pool of
inference requests.

OpenVINO reads the TensorFlow Lite files that the mediapipe package carries; mediapipe itself is never imported (its
import costs 150 MB and a second). Precision of small networks is pinned to f32: the default depends on the processor
(bfloat16 where it has it), and the scores would then differ from machine to machine. For the same reason quantized
networks are computed in f32 too: without VNNI OpenVINO's 8-bit products saturate, and the face-parsing network then
sees half a face.
"""

from __future__ import annotations

import functools
import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13 as op

from ..deadline import NO_DEADLINE, Deadline
from ..errors import DeadlinePassed
from . import ops
from .machine import Arithmetic, cpu_options
from .openvino_ops import lowered
from .session import Runtime, Tensor


@functools.cache
def core() -> ov.Core:
    """The process's one OpenVINO core: its plugins load once."""
    return ov.Core()


def read(path: Path) -> ov.Model:
    """The network in a TensorFlow Lite or ONNX file. Raises RuntimeError when there is none in it."""
    return core().read_model(str(path))


def widened(model: ov.Model, size: int, trained: int) -> ov.Model:
    """The full-range network for a window of ``size`` (a multiple of 32) in place of ``trained``: it is convolutional
    throughout, so that only the sizes written into its three up-samplings and two last reshapes change.

    One wide window costs as much as the small ones that would tile it without any overlap.
    """
    for node in model.get_ordered_ops():
        shape = node.output(0).get_partial_shape()
        if node.get_type_name() == "Interpolate":
            sides = np.array([int(shape[1].get_length()), int(shape[2].get_length())]) * size // trained
            node.input(1).replace_source_output(op.constant(sides.astype(np.int32)).output(0))
        elif node.get_type_name() == "Reshape" and shape.rank.get_length() == 3:
            flat = np.array([1, -1, int(shape[2].get_length())], np.int64)
            node.input(1).replace_source_output(op.constant(flat).output(0))
    model.get_parameters()[0].set_partial_shape(ov.PartialShape([1, size, size, 3]))
    model.validate_nodes_and_infer_types()
    return model


class OpenVinoSession:
    """``session.Session`` of ``model``, compiled with OpenVINO's ``options``; ``requests`` calls of it run at once."""

    def __init__(
        self, model: ops.Model | ov.Model, options: dict[str, Any], requests: int = 1, device: str = "CPU"
    ) -> None:
        graph = lowered(model)
        compiled = core().compile_model(graph, device, options)
        self.outputs = tuple(next(iter(output.get_names()), "") for output in graph.outputs)
        self._free: queue.SimpleQueue[ov.InferRequest] = queue.SimpleQueue()
        for _ in range(requests):
            self._free.put(compiled.create_infer_request())

    def run(self, inputs: Sequence[Tensor], deadline: Deadline = NO_DEADLINE) -> list[Tensor]:
        with self._turn(deadline) as request:
            results = request.infer(dict(enumerate(inputs)), share_inputs=True, share_outputs=True)
            return [np.array(results[i]) for i in range(len(results))]

    @contextmanager
    def _turn(self, deadline: Deadline) -> Iterator[ov.InferRequest]:
        deadline.check()
        try:
            request = self._free.get(timeout=min(max(0.0, deadline.remaining()), threading.TIMEOUT_MAX))
        except queue.Empty:
            raise DeadlinePassed from None
        try:
            yield request
        finally:
            self._free.put(request)


def session(model: ops.Model, arithmetic: Arithmetic, threads: int) -> OpenVinoSession:
    """For a large network, which one call at a time computes with all ``threads``."""
    return OpenVinoSession(model, cpu_options(arithmetic, threads))


OPENVINO = Runtime("cpu", session)


def gpu_session(model: ops.Model, arithmetic: Arithmetic, _: int) -> OpenVinoSession:
    """On an Intel GPU, by OpenVINO's own plug-in."""
    options: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": arithmetic.rest}
    return OpenVinoSession(model, options, device="GPU")


INTEL_GPU = Runtime("intel-gpu", gpu_session)


def small_session(model: ops.Model | ov.Model, requests: int = 1) -> OpenVinoSession:
    """For a small network, exact: ``requests`` streams of one thread each."""
    options: dict[str, Any] = {
        "INFERENCE_NUM_THREADS": requests,
        "NUM_STREAMS": requests,
        "INFERENCE_PRECISION_HINT": "f32",
        "LP_TRANSFORMS_MODE": "NO",
        "ENABLE_CPU_PINNING": False,
    }
    return OpenVinoSession(model, options, requests)
