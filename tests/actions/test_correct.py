"""Points correct a mask: what hangs together with them in colour, near them, and never beyond."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sam_mask_service.actions.correct import correct


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


@settings(max_examples=40)
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
