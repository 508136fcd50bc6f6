"""Transparency taken off and put back."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sam_mask_service.image import lifted, on_white


@given(st.integers(0, 2**32 - 1))
def test_lifted_shows_the_same_over_white(seed: int) -> None:
    rgba = np.random.default_rng(seed).integers(0, 256, (5, 7, 4), np.uint8)
    shown = on_white(rgba)
    back = lifted(shown, rgba[:, :, 3])
    assert np.abs(on_white(back).astype(int) - shown).max() <= 1
    opaque = rgba[:, :, 3] == 255
    np.testing.assert_array_equal(back[opaque, :3], rgba[opaque, :3])


def test_no_hidden_colour_comes_along() -> None:
    rgba = np.array([[[10, 20, 30, 0]]], np.uint8)
    assert lifted(on_white(rgba), rgba[:, :, 3]).tolist() == [[[255, 255, 255, 0]]]
