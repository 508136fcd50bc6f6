"""Mask algebra: by tables, and by properties against a brute-force reading of the same sentence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam_mask_service import mask
from sam_mask_service.geometry import Bits, PixelBox

from .support.docstrings import run_examples, without_example

SHAPES = st.tuples(st.integers(3, 24), st.integers(3, 24))


@st.composite
def bits(draw: st.DrawFn) -> Bits:
    shape = draw(SHAPES)
    seed = draw(st.integers(0, 2**32 - 1))
    share = draw(st.sampled_from([0.0, 0.02, 0.3, 0.9, 1.0]))
    return np.asarray(np.random.default_rng(seed).random(shape) < share)


def brute_distance(m: Bits) -> np.ndarray:
    y, x = np.nonzero(m)
    if not y.size:
        return np.full(m.shape, np.inf)
    gy, gx = np.mgrid[: m.shape[0], : m.shape[1]]
    return np.asarray(np.sqrt(((gy[..., None] - y) ** 2 + (gx[..., None] - x) ** 2).min(-1)))


def disc(size: int, radius: float) -> Bits:
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return np.asarray(x * x + y * y <= radius * radius)


def test_every_public_function_has_an_example_that_holds() -> None:
    run_examples(mask)
    assert without_example(mask) == []


@given(bits())
def test_distance_is_euclidean(m: Bits) -> None:
    np.testing.assert_allclose(mask.distance_to(m), brute_distance(m), atol=1e-3)


@given(bits(), st.integers(1, 30))
def test_expand_is_every_pixel_within_the_distance(m: Bits, pixels: int) -> None:
    np.testing.assert_array_equal(mask.expand(m, pixels), brute_distance(m) <= pixels + 1e-9)


@given(bits(), st.integers(1, 30))
def test_shrink_is_expand_of_the_background_and_spares_the_border_of_the_picture(m: Bits, pixels: int) -> None:
    expected = m if not m.any() else ~(brute_distance(~m) <= pixels + 1e-9)
    np.testing.assert_array_equal(mask.expand(m, -pixels), expected)


@given(bits(), st.integers(0, 100))
def test_smooth_stays_two_valued_and_keeps_empty_and_full(m: Bits, passes: int) -> None:
    out = mask.smooth(m, passes)
    assert out.dtype == np.bool_
    assert out.shape == m.shape
    if not m.any() or m.all():
        np.testing.assert_array_equal(out, m)


def test_smooth_removes_a_spur_and_keeps_the_disc() -> None:
    round_ = disc(201, 80)
    spurred = round_.copy()
    spurred[100, :25] = True
    out = mask.smooth(spurred, 10)
    assert not out[100, :15].any()
    assert mask.iou(out, round_) > 0.99


def test_smoothing_is_relative_to_the_size() -> None:
    """The same shape at twice the size is smoothed alike."""
    small = disc(101, 40)
    small[50:52, :] = True
    large = np.repeat(np.repeat(small, 2, 0), 2, 1)
    again = np.repeat(np.repeat(mask.smooth(small, 30), 2, 0), 2, 1)
    assert mask.iou(mask.smooth(large, 30), again) > 0.97


@given(bits(), st.floats(0.5, 5.9))
def test_a_narrow_feather_crosses_a_half_at_the_outline(m: Bits, width: float) -> None:
    alpha = mask.feather(m, width)
    assert alpha.dtype == np.uint8
    if m.any() and not m.all():
        assert (alpha[m] >= 127).all()
        assert (alpha[~m] <= 128).all()


@given(bits(), st.floats(6, 40))
def test_a_wide_feather_crosses_a_half_within_a_quarter_of_it(m: Bits, width: float) -> None:
    alpha = mask.feather(m, width)
    if m.any() and not m.all():
        assert (alpha[mask.distance_to(~m) > width / 4 + 1] >= 127).all()
        assert (alpha[mask.distance_to(m) > width / 4 + 1] <= 128).all()


@pytest.mark.parametrize("width", [12, 30, 60, 120])
def test_teeth_of_an_outline_throw_no_streaks_into_its_feather(width: int) -> None:
    comb = np.zeros((3 * width, 600), bool)
    comb[: 3 * width // 2] = True
    tooth = np.arange(600) % (width // 2) < 2
    comb[3 * width // 2 : 3 * width // 2 + width // 10, tooth] = True
    alpha = mask.feather(comb, width)[:, 2 * width : -2 * width].astype(int)
    assert np.ptp(alpha, axis=1).max() <= 5


def test_a_large_mask_is_feathered_in_tiles_as_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    m = disc(400, 150)
    whole = mask.feather(m, 40)
    monkeypatch.setattr(mask, "_TILE", 64)
    np.testing.assert_allclose(mask.feather(m, 40).astype(int), whole, atol=1)


@pytest.mark.parametrize("width", [4, 9, 20])
def test_feather_is_a_ramp_of_that_width(width: int) -> None:
    half = np.zeros((5, 100), bool)
    half[:, 50:] = True
    row = mask.feather(half, width)[2].astype(int)
    expected = np.rint(np.clip(0.5 + (np.arange(100) + 0.5 - 50) / width, 0, 1) * 255)
    np.testing.assert_allclose(row, expected, atol=1)


def test_feather_zero_is_hard() -> None:
    assert set(np.unique(mask.feather(disc(21, 6), 0))) == {0, 255}


def test_fill_holes_leaves_bays_open() -> None:
    ring = disc(41, 18) & ~disc(41, 9)
    assert mask.fill_holes(ring)[20, 20]
    bay = ring.copy()
    bay[20, 20:] = False
    assert not mask.fill_holes(bay)[20, 20]


def test_largest_part_and_parts_touching() -> None:
    m = np.zeros((20, 40), bool)
    m[2:6, 2:6] = True
    m[2:18, 20:38] = True
    large = mask.largest_part(m)
    assert large[10, 30]
    assert not large[3, 3]
    np.testing.assert_array_equal(mask.largest_part(large), large)
    seed = np.zeros_like(m)
    seed[4, 4] = True
    touched = mask.parts_touching(m, seed)
    assert touched[3, 3]
    assert not touched[10, 30]


def test_band_holds_any_proposal() -> None:
    prior = disc(101, 30)
    sure, possible = mask.band(prior, 5, 8)
    everything, nothing = np.ones_like(prior), np.zeros_like(prior)
    np.testing.assert_array_equal(mask.clip_to_band(everything, sure, possible), possible)
    np.testing.assert_array_equal(mask.clip_to_band(nothing, sure, possible), sure)
    assert not (sure & ~prior).any()
    assert not (prior & ~possible).any()


@given(bits(), bits())
def test_iou_is_symmetric_and_bounded(a: Bits, b: Bits) -> None:
    if a.shape == b.shape:
        assert mask.iou(a, b) == mask.iou(b, a)
        assert 0 <= mask.iou(a, b) <= 1
    assert mask.iou(a, a) == 1


@given(bits())
def test_bounds_is_tight(m: Bits) -> None:
    box = mask.bounds(m)
    if box is None:
        assert not m.any()
        return
    inside = m[box.rows, box.columns]
    assert inside.sum() == m.sum()
    assert inside[0].any() and inside[-1].any() and inside[:, 0].any() and inside[:, -1].any()


def test_bounds_of_a_point() -> None:
    m = np.zeros((5, 7), bool)
    m[3, 6] = True
    assert mask.bounds(m) == PixelBox(6, 3, 1, 1)
