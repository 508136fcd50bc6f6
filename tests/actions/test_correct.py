"""Points correct a mask: what hangs together with them in colour, near them, and never beyond."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sam_mask_service.actions.correct import correct
from sam_mask_service.actions.points import missed
from sam_mask_service.patch import Finish, Patch


def scene() -> np.ndarray:
    """A red square (20…59) on blue, 100 × 100."""
    image = np.full((100, 100, 3), (20, 40, 200), np.uint8)
    image[20:60, 20:60] = (200, 30, 30)
    return image


def test_a_point_adds_the_thing_that_it_lies_on() -> None:
    out = correct(scene(), np.zeros((100, 100), bool), [(40, 40, 1)], 120)
    assert out[24:56, 24:56].all()
    assert not out[70:].any()
    assert not out[:, 70:].any()


def test_a_point_takes_the_thing_away() -> None:
    out = correct(scene(), np.ones((100, 100), bool), [(40, 40, 0)], 120)
    assert not out[24:56, 24:56].any()
    assert out[70:].all()


def test_the_last_point_wins() -> None:
    out = correct(scene(), np.zeros((100, 100), bool), [(40, 40, 1), (40, 40, 0)], 120)
    assert not out.any()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 1), st.floats(8, 400))
def test_a_point_reaches_a_quarter_of_the_face_and_not_farther(x: int, y: int, sign: int, size: float) -> None:
    before = np.full((100, 100), not sign, bool)
    out = correct(scene(), before, [(x, y, sign)], size)
    assert out[y, x] == bool(sign)
    rows, columns = np.nonzero(out != before)
    assert np.hypot(rows - y, columns - x).max(initial=0) <= max(3, 0.25 * size) + 2


def test_noise_still_gives_a_small_disc() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (80, 80, 3), np.uint8)
    out = correct(noise, np.zeros((80, 80), bool), [(40, 40, 1)], 200)
    assert out[34:46, 40].all()


def test_a_point_on_its_side_changes_nothing() -> None:
    """What is masked already cannot be added, whatever hangs together with it."""
    before = np.zeros((100, 100), bool)
    before[30:50, 30:50] = True
    assert np.array_equal(correct(scene(), before, [(40, 40, 1), (70, 70, 0)], 120), before)


@pytest.mark.parametrize("grow", [0, 5, 40])
@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize("size", [40.0, 200.0])
def test_what_a_point_did_outlasts_the_growth(sign: int, size: float, grow: int) -> None:
    """By default a mask is widened by five pixels and smoothed: that closed what was taken out of a small face."""
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    grow = -grow if sign else grow
    out = correct(noise, np.full((200, 200), not sign), [(100, 100, sign)], size, grow=grow)
    finished = Patch(0, 0, out).finished(Finish(grow, 10, 0), 200, 200)
    assert (finished.values[100, 100] > 127) == bool(sign)
    assert missed(Patch(0, 0, out), [(100, 100, sign)], size, grow) == []


def test_a_patch_has_no_islands() -> None:
    """A mole on what is taken away goes along."""
    image = scene()
    image[38:42, 48:52] = (40, 90, 30)
    out = correct(image, np.ones((100, 100), bool), [(35, 40, 0)], 120)
    assert not out[24:56, 24:56].any()
