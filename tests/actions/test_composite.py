"""The edit goes in, and nothing else moves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sam_mask_service.actions.composite import composite, match_seam, read_change
from sam_mask_service.errors import InvalidParameter
from sam_mask_service.geometry import Bits
from sam_mask_service.mask import feather
from sam_mask_service.targets import TARGETS, apply, fit

U8 = NDArray[np.uint8]


def noise(height: int, width: int, seed: int = 0) -> U8:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def disc(height: int, width: int, radius: float) -> Bits:
    y, x = np.mgrid[:height, :width] + 0.5
    return np.asarray((x - width / 2) ** 2 + (y - height / 2) ** 2 <= radius**2)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(16, 90),
    st.integers(16, 90),
    st.floats(0, 30),
    st.floats(0, 20),
    st.sampled_from(["openai", "openai-dalle2", "flux-fill-dev", "a1111"]),
    st.booleans(),
)
def test_outside_the_mask_every_pixel_is_the_original_bit_for_bit(
    height: int, width: int, radius: float, soft: float, name: str, match: bool
) -> None:
    original, alpha = noise(height, width), feather(disc(height, width, radius), soft)
    transform = fit(width, height, TARGETS[name])
    edited = noise(transform.height, transform.width, 1)
    out = composite(original, edited, alpha, transform, "seam" if match else "none")
    assert np.array_equal(out[alpha == 0], original[alpha == 0])


def test_inside_the_mask_every_pixel_is_the_edit() -> None:
    original, edited, alpha = noise(60, 70), noise(60, 70, 1), feather(disc(60, 70, 20), 6)
    out = composite(original, edited, alpha)
    assert np.array_equal(out[alpha == 255], edited[alpha == 255])
    between = (alpha > 0) & (alpha < 255)
    share = alpha[between, None] / 255
    assert np.abs(out[between] - (original[between] * (1 - share) + edited[between] * share)).max() <= 0.5


def test_an_edit_of_a_padded_picture_lands_where_it_was() -> None:
    original = noise(50, 71)
    transform = fit(71, 50, TARGETS["openai-dalle2"])
    edited = apply(original, transform)
    alpha = feather(disc(50, 71, 15), 4)
    assert np.array_equal(composite(original, edited, alpha, transform), original)


def test_an_edit_in_the_double_size_is_scaled_back() -> None:
    original = np.full((40, 60, 3), 10, np.uint8)
    edited = np.full((80, 120, 3), 200, np.uint8)
    alpha = feather(disc(40, 60, 10), 0)
    out = composite(original, edited, alpha)
    assert set(np.unique(out).tolist()) == {10, 200}


@pytest.mark.parametrize("size", [(40, 40), (60, 40), (41, 70)])
def test_another_aspect_needs_its_transform(size: tuple[int, int]) -> None:
    with pytest.raises(InvalidParameter, match="transform"):
        composite(noise(40, 60), noise(*size), np.zeros((40, 60), np.uint8))


def test_a_foreign_transform_is_refused() -> None:
    transform = fit(61, 40, TARGETS["openai"])
    with pytest.raises(InvalidParameter, match="another size"):
        composite(noise(40, 60), noise(transform.height, transform.width), np.zeros((40, 60), np.uint8), transform)


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="differ"):
        composite(noise(40, 60), noise(40, 60), np.zeros((40, 61), np.uint8))


def test_the_seam_match_takes_out_a_colour_cast() -> None:
    """An edit that came back darker and redder than its surroundings, with a new thing in the middle."""
    y, x = np.mgrid[:160, :200]
    original = np.stack([90 + x // 4, 120 + y // 4, 100 + 0 * x], axis=2).astype(np.uint8)
    edited = np.clip(original.astype(int) + (12 + x[..., None] // 20) * np.array([1, -1, -2]), 0, 255).astype(np.uint8)
    alpha = feather(disc(160, 200, 50), 8)
    edited[75:85, 95:105] = 250
    inside = (alpha == 255) & (edited != 250).any(axis=2)
    before = np.abs(edited[inside].astype(int) - original[inside]).mean()
    out = composite(original, edited, alpha, match="seam")
    after = np.abs(out[inside].astype(int) - original[inside]).mean()
    assert before > 15
    assert after < 3
    assert out[80, 100].max() > 200  # the new thing is still there


@pytest.mark.parametrize("value", [0, 255])
def test_without_a_ring_the_seam_match_changes_nothing(value: int) -> None:
    edited = noise(20, 20, 1)
    assert np.array_equal(match_seam(noise(20, 20), edited, np.full((20, 20), value, np.uint8)), edited)


def test_masks_are_read_by_what_marks_the_change() -> None:
    grey = np.array([[0, 100, 255]], np.uint8)
    assert np.array_equal(read_change(grey, "white"), grey)
    assert np.array_equal(read_change(grey, "black"), 255 - grey)
    assert np.array_equal(read_change(np.dstack([grey] * 3), "white"), grey)
    rgba = np.dstack([np.zeros((1, 3, 3), np.uint8), grey])
    assert np.array_equal(read_change(rgba, "transparent"), 255 - grey)


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 3)])
def test_no_alpha_no_transparency(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidParameter, match="alpha"):
        read_change(np.zeros(shape, np.uint8), "transparent")


def test_a_photo_is_no_mask() -> None:
    with pytest.raises(InvalidParameter, match="not a mask"):
        read_change(noise(8, 8), "white")
