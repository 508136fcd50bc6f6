"""Windows: there and back again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam_mask_service.segment.crop import Window, cut, paste, upright
from sam_mask_service.segment.face_view import transferred

ANGLES = st.floats(-np.pi, np.pi)


def _window(centre: tuple[float, float], side: float, angle: float, size: int = 64) -> Window:
    return upright(np.array(centre), side, np.array([np.sin(angle), -np.cos(angle)]), size)


@given(ANGLES, st.floats(5, 5000))
def test_up_in_the_picture_is_up_in_the_window(angle: float, side: float) -> None:
    window = _window((100, 80), side, angle)
    tip = np.array([[100 + 0.5 * side * np.sin(angle), 80 - 0.5 * side * np.cos(angle)]], np.float64)
    assert window.points(tip.astype(np.float32))[0] == pytest.approx([32, 0], abs=0.01)
    assert window.scale == pytest.approx(64 / side)


@pytest.mark.parametrize("side", [16, 64, 300, 1500])
@pytest.mark.parametrize("angle", [0.0, 0.7, np.pi / 2, -2.5])
def test_what_is_cut_and_pasted_lies_where_it_was(side: float, angle: float) -> None:
    shape = (int(2 * side) + 20, int(1.7 * side) + 20)
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    disc = np.hypot(x - 0.9 * side, y - side) < 0.3 * side
    image = np.repeat((disc * 255).astype(np.uint8)[..., None], 3, 2)
    window = _window((0.9 * side, side), side, angle)
    soft = cut(image, window)[..., 0].astype(np.float32) / np.float32(255)
    patch = paste(soft, window, shape[1], shape[0])
    out = patch.place(shape[1], shape[0])
    assert (out & disc).sum() / (out | disc).sum() > 0.97 - 1.5 / side


def test_beyond_the_picture_its_border_goes_on_and_counts_as_outside() -> None:
    image = np.full((20, 20, 3), 90, np.uint8)
    window = _window((0, 0), 20, 0.0)
    assert (cut(image, window) == 90).all()
    within = window.within(20, 20)
    assert within[40, 40]
    assert not within[10, 40]
    assert not within[40, 10]


@pytest.mark.parametrize("centre", [(-500.0, -500.0), (900.0, 30.0)])
def test_a_window_far_outside_gives_an_empty_patch_inside_the_picture(centre: tuple[float, float]) -> None:
    window = _window(centre, 30, 0.3)
    assert cut(np.zeros((40, 50, 3), np.uint8), window).shape == (64, 64, 3)
    patch = paste(np.zeros((64, 64), np.float32), window, 50, 40)
    assert not patch.bits.any()
    assert 0 <= patch.x < 50
    assert 0 <= patch.y < 40


def test_a_map_moves_from_window_to_window() -> None:
    wide, narrow = _window((50, 50), 40, 0.2, 80), _window((50, 50), 20, 0.2, 40)
    soft = np.zeros((80, 80), np.float32)
    soft[20:60, 20:60] = 1
    assert transferred(soft, wide, narrow)[2:-2, 2:-2].min() > 0.99
    assert transferred(soft, wide, wide) is soft


@given(ANGLES, st.floats(20, 400), st.floats(-60, 160), st.floats(-60, 140))
def test_a_clipped_window_shows_the_picture_from_border_to_border(
    angle: float, side: float, x: float, y: float
) -> None:
    window = _window((x, y), side, angle)
    clipped = window.clipped(100, 80)
    corners = np.array([[0, 0], [100, 0], [0, 80], [100, 80]], np.float32)
    low, high = clipped.points(corners).min(0), clipped.points(corners).max(0)
    assert clipped is window or ((low <= 0.01) & (high >= window.size - 0.01)).all()
    inside = np.array([[50, 40], [5, 5], [95, 70]], np.float32)
    seen = ((window.points(inside) >= 0) & (window.points(inside) <= window.size)).all(1)
    still = clipped.points(inside)[seen]
    assert ((still >= -0.01) & (still <= window.size + 0.01)).all()


@pytest.mark.parametrize(
    ("centre", "side", "same"),
    [((50.0, 40.0), 60.0, True), ((500.0, 40.0), 60.0, True), ((50.0, 40.0), 90.0, False), ((0.0, 40.0), 60.0, False)],
    ids=["within", "misses", "taller", "beside"],
)
def test_a_window_that_the_picture_fills_or_misses_stays(centre: tuple[float, float], side: float, same: bool) -> None:
    window = _window(centre, side, 0.0)
    assert (window.clipped(100, 80) is window) == same


def test_a_clipped_window_repeats_no_border() -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, :30] = 200
    clipped = cut(image, _window((0, 20), 60, 0.0).clipped(60, 40))  # sees columns 0 to 30 and all rows
    assert (clipped[:, :60] == 200).all()


def test_another_size_shows_the_same() -> None:
    window = _window((30, 20), 50, 0.4)
    corners = np.array([[30, 20], [41, 12]], np.float32)
    assert window.resized(256).points(corners) == pytest.approx(4 * window.points(corners))
