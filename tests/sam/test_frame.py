"""Scaling in and out: against Pillow and plain interpolation, window by window."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sam_mask_service.sam.frame import DEVIATION, MEAN, Frame, shares, to_input, upscale


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [(1024, 1024, (1024, 1024)), (2000, 1333, (682, 1024)), (30, 40, (1024, 768)), (1, 5000, (1024, 1))],
)
def test_the_longer_side_fills_the_square(width: int, height: int, expected: tuple[int, int]) -> None:
    assert Frame(width, height, 1024).scaled == expected


def test_input_is_normalised_and_padded_with_zeros() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 48, 3), dtype=np.uint8)
    x = to_input(image, 64)
    assert x.shape == (1, 3, 64, 64) and x.dtype == np.float32
    assert np.allclose(x[0, :, :, :48].transpose(1, 2, 0) * DEVIATION + MEAN, image, atol=1e-4)
    assert not x[..., 48:].any()


def test_input_is_scaled_as_the_reference_scales() -> None:
    image = np.random.default_rng(0).integers(0, 256, (100, 80, 3), dtype=np.uint8)
    x = to_input(image, 64)[0, :, :64, :51].transpose(1, 2, 0) * DEVIATION + MEAN
    pillow = np.asarray(Image.fromarray(image).resize((51, 64), Image.Resampling.BILINEAR))
    assert np.allclose(x, pillow, atol=1e-4)


def plain_bilinear(a: np.ndarray, height: int, width: int) -> np.ndarray:
    """Interpolation without aligned corners, one sample after the other."""
    out = np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            v = max((y + 0.5) * a.shape[0] / height - 0.5, 0)
            u = max((x + 0.5) * a.shape[1] / width - 0.5, 0)
            i, j = min(int(v), a.shape[0] - 1), min(int(u), a.shape[1] - 1)
            k, m = min(i + 1, a.shape[0] - 1), min(j + 1, a.shape[1] - 1)
            top = a[i, j] * (1 - u + j) + a[i, m] * (u - j)
            bottom = a[k, j] * (1 - u + j) + a[k, m] * (u - j)
            out[y, x] = top * (1 - v + i) + bottom * (v - i)
    return out


@pytest.mark.parametrize(("width", "height"), [(40, 30), (20, 55), (32, 32)])
def test_upscale_is_two_bilinear_steps(width: int, height: int) -> None:
    logits = np.random.default_rng(1).standard_normal((8, 8)).astype(np.float32)
    frame = Frame(width, height, 32)
    used = plain_bilinear(logits, 32, 32)[: frame.scaled[0], : frame.scaled[1]]
    assert np.allclose(upscale(logits, frame), plain_bilinear(used, height, width), atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_window_is_a_part_of_the_whole(data: st.DataObject) -> None:
    frame = Frame(data.draw(st.integers(1, 90)), data.draw(st.integers(1, 90)), 64)
    x, y = data.draw(st.integers(0, frame.width - 1)), data.draw(st.integers(0, frame.height - 1))
    w, h = data.draw(st.integers(1, frame.width - x)), data.draw(st.integers(1, frame.height - y))
    logits = np.random.default_rng(2).standard_normal((16, 16)).astype(np.float32)
    assert np.allclose(upscale(logits, frame, x, y, w, h), upscale(logits, frame)[y : y + h, x : x + w], atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_shares_keep_the_area(data: st.DataObject) -> None:
    """The cells hold the mask's area, wherever it lies, and no cell more than all of itself."""
    frame = Frame(data.draw(st.integers(1, 200)), data.draw(st.integers(1, 200)), 64)
    w, h = data.draw(st.integers(1, frame.width)), data.draw(st.integers(1, frame.height))
    x, y = data.draw(st.integers(0, frame.width - w)), data.draw(st.integers(0, frame.height - h))
    found = shares(np.ones((h, w), bool), x, y, frame, 16)
    height, width = (n / 4 for n in frame.scaled)
    assert found.sum() == pytest.approx(h / frame.height * height * w / frame.width * width, rel=1e-4)
    assert found.max() <= 1 + 1e-5 and found.min() >= 0


def test_shares_leave_out_what_lies_outside() -> None:
    frame = Frame(64, 64, 64)
    assert shares(np.ones((200, 200), bool), -50, -50, frame, 16).sum() == pytest.approx(256)
    assert not shares(np.ones((5, 5), bool), 100, 100, frame, 16).any()
    assert not shares(np.ones((5, 5), bool), -10, -10, frame, 16).any()


def test_points_go_to_the_square() -> None:
    frame = Frame(200, 100, 64)
    assert frame.scaled == (32, 64)
    assert np.allclose(frame.to_model(np.array([[200.0, 100.0], [0.0, 50.0]], np.float32)), [[64, 32], [0, 16]])
