"""The matte on drawn hair: strands that the outline cut off come back, the inside and the far background stay."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sam_mask_service.geometry import RGB, Bits
from sam_mask_service.segment.matte import REACH, matte


def head(side: int, strands: int) -> tuple[RGB, Bits, Bits]:
    """(picture, truth, drawn): a dark disc with thin dark strands on a light ground; what was drawn is the disc."""
    y, x = np.mgrid[:side, :side] - side / 2
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    disc = radius < side * 0.3
    hair = (radius < side * 0.34) & (np.abs(np.sin(angle * strands)) < 0.12)
    picture = np.full((side, side, 3), 225, np.uint8)
    picture[disc | hair] = (40, 30, 25)
    return picture, np.asarray(disc | hair), np.asarray(disc)


def whole(picture: RGB, bits: Bits) -> np.ndarray:
    x, y, alpha = matte(picture, 0, 0, bits)
    out = np.zeros(bits.shape, np.uint8)
    out[y : y + alpha.shape[0], x : x + alpha.shape[1]] = alpha
    return out


def test_strands_come_back() -> None:
    picture, truth, drawn = head(400, 24)
    alpha = whole(picture, drawn).astype(float) / 255
    y, x = np.mgrid[:400, :400] - 200
    radius = np.hypot(x, y)
    assert alpha[truth & ~drawn].mean() > 0.8
    assert alpha[~truth & (radius < 136)].mean() < 0.25
    assert alpha[radius > 136].mean() < 0.01
    assert (alpha[radius < 100] == 1).all()


def test_nothing_changes_outside_the_band() -> None:
    picture, _, drawn = head(300, 20)
    alpha = whole(picture, drawn)
    y, x = np.mgrid[:300, :300] - 150
    far = REACH * np.sqrt(drawn.sum()) + 2
    assert (alpha[np.hypot(x, y) < 90 - far] == 255).all()
    assert (alpha[np.hypot(x, y) > 90 + far] == 0).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.integers(2, 60), st.integers(0, 20), st.integers(0, 20))
def test_any_patch_gives_an_alpha_inside_the_picture(seed: int, height: int, width: int, x: int, y: int) -> None:
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 255, (90, 90, 3), dtype=np.uint8)
    x0, y0, alpha = matte(picture, x, y, rng.random((height, width)) < 0.7)
    assert alpha.dtype == np.uint8
    assert x0 >= 0 and y0 >= 0
    assert x0 + alpha.shape[1] <= 90 and y0 + alpha.shape[0] <= 90


@pytest.mark.parametrize("pixels", [0, 1])
def test_an_empty_or_tiny_mask_stays_as_it_is(pixels: int) -> None:
    bits = np.zeros((5, 5), bool)
    bits.flat[:pixels] = True
    _, _, alpha = matte(np.zeros((20, 20, 3), np.uint8), 3, 3, bits)
    assert int((alpha == 255).sum()) == pixels
