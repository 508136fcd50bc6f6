"""The small networks give the same on every processor."""

from __future__ import annotations

import numpy as np
import openvino as ov
from openvino import opset15 as op

from sam_mask_service.faces.network import Network


def quantized(channels: int) -> ov.Model:
    """A 1 × 1 convolution as TensorFlow Lite quantizes one: 8-bit input and weights, all at their ends."""
    x = op.parameter([1, channels, 8, 8], np.float32)
    ends = [np.float32(v) for v in (0, 255, 0, 255)]
    inputs = op.fake_quantize(x, *(op.constant(v) for v in ends), 256)
    weights = op.constant(np.full((8, channels, 1, 1), 127, np.float32))
    bounds = [np.float32(v) for v in (-127, 127, -127, 127)]
    kernel = op.fake_quantize(weights, *(op.constant(v) for v in bounds), 255)
    return ov.Model([op.result(op.convolution(inputs, kernel, [1, 1], [0, 0], [0, 0], [1, 1]))], [x], "quantized")


def test_products_of_quantized_networks_do_not_saturate() -> None:
    """255 · 127 twice is more than 16 bits hold: on processors without VNNI, 8-bit kernels cut it off."""
    answer = Network(quantized(16))(np.full((1, 16, 8, 8), 255, np.float32))[0]
    assert np.array_equal(answer, np.full_like(answer, 16 * 255 * 127))
