"""A small compiled network with a pool of inference requests: called from several threads, each call on its own request.

OpenVINO reads TensorFlow Lite files as they are. Precision is pinned to f32: the default depends on the processor (bfloat16 where
it has it), and the scores would then differ from machine to machine. For the same reason quantized networks are computed in f32
too: without VNNI OpenVINO's 8-bit products saturate, and the face-parsing network then sees half a face.
"""

from __future__ import annotations

import functools
import queue
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

Tensor = NDArray[np.float32]


@functools.cache
def core() -> ov.Core:
    """The process's one OpenVINO core: its plugins load once."""
    return ov.Core()


class Network:
    """``model`` compiled for the CPU with ``requests`` streams of one thread each.

    Called with a (1, H, W, C) float32 tensor it returns one array per output, in the model's order, owned by the caller.
    A call waits while all requests are taken.
    """

    def __init__(self, model: ov.Model, requests: int = 1) -> None:
        config: dict[str, Any] = {
            "INFERENCE_NUM_THREADS": requests,
            "NUM_STREAMS": requests,
            "INFERENCE_PRECISION_HINT": "f32",
            "LP_TRANSFORMS_MODE": "NO",
            "ENABLE_CPU_PINNING": False,
        }
        compiled = core().compile_model(model, "CPU", config)
        self._free: queue.SimpleQueue[ov.InferRequest] = queue.SimpleQueue()
        for _ in range(requests):
            self._free.put(compiled.create_infer_request())

    def __call__(self, tensor: Tensor) -> list[Tensor]:
        request = self._free.get()
        try:
            request.infer([tensor], share_inputs=True)
            return [np.array(output.data) for output in request.output_tensors]
        finally:
            self._free.put(request)
