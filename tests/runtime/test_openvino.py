"""Sessions: the same on every processor, for several callers at once, until a deadline."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import openvino as ov
import pytest
from openvino import opset15 as op

from sam_mask_service.deadline import Deadline
from sam_mask_service.errors import DeadlinePassed
from sam_mask_service.runtime import ops
from sam_mask_service.runtime.openvino import OpenVinoSession, core, small_session
from sam_mask_service.runtime.session import Session


def quantized(channels: int) -> ov.Model:
    """A 1 × 1 convolution as TensorFlow Lite quantizes one: 8-bit input and weights, all at their ends."""
    x = op.parameter([1, channels, 8, 8], np.float32)
    ends = [np.float32(v) for v in (0, 255, 0, 255)]
    inputs = op.fake_quantize(x, *(op.constant(v) for v in ends), 256)
    weights = op.constant(np.full((8, channels, 1, 1), 127, np.float32))
    bounds = [np.float32(v) for v in (-127, 127, -127, 127)]
    kernel = op.fake_quantize(weights, *(op.constant(v) for v in bounds), 255)
    return ov.Model([op.result(op.convolution(inputs, kernel, [1, 1], [0, 0], [0, 0], [1, 1]))], [x], "quantized")


def sum_and_product() -> ops.Model:
    a, b = ops.picture(1, 2, name="a"), ops.picture(1, 2, name="b")
    return ops.model([ops.add(a, b), ops.multiply(a, b)], [a, b], "two")


def test_products_of_quantized_networks_do_not_saturate() -> None:
    """255 · 127 twice is more than 16 bits hold: on processors without VNNI, 8-bit kernels cut it off."""
    (answer,) = small_session(quantized(16)).run([np.full((1, 16, 8, 8), 255, np.float32)])
    assert np.array_equal(answer, np.full_like(answer, 16 * 255 * 127))


def test_the_process_has_one_core() -> None:
    assert core() is core()


def test_outputs_come_in_the_networks_order_and_stay_the_callers() -> None:
    session: Session = small_session(sum_and_product())
    first = session.run([np.array([[1, 2]], np.float32), np.array([[3, 4]], np.float32)])
    session.run([np.zeros((1, 2), np.float32)] * 2)
    assert [one.tolist() for one in first] == [[[4, 6]], [[3, 8]]]
    assert len(session.outputs) == 2


def test_several_at_once_do_not_mix() -> None:
    session = small_session(sum_and_product(), requests=2)

    def twice(value: int) -> float:
        return float(session.run([np.full((1, 2), value, np.float32)] * 2)[0][0, 0])

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(twice, range(200))) == [2 * value for value in range(200)]


def test_a_turn_is_waited_for_until_the_deadline() -> None:
    session = OpenVinoSession(sum_and_product(), {})
    inputs = [np.ones((1, 2), np.float32)] * 2
    with session._turn(Deadline.after(30)), pytest.raises(DeadlinePassed):
        session.run(inputs, Deadline.after(0.02))
    assert session.run(inputs, Deadline.after(30))[0].tolist() == [[2, 2]]
