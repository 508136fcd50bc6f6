"""Fisher's lines: exact on what a line can tell, silent on what it cannot, whichever side is small."""

from __future__ import annotations

import numpy as np
import pytest

from sam_mask_service.geometry import Bits
from sam_mask_service.segment.discriminant import lines

SIZE = 60
Guide = np.ndarray


def halves(at: int = SIZE // 2) -> Bits:
    return np.broadcast_to(np.arange(SIZE) < at, (SIZE, SIZE)).copy()


def painted(inside: Bits, one: object, other: object, noise: float = 0.0) -> Guide:
    clean = np.where(inside[..., None], one, other)  # type: ignore[call-overload]
    return np.asarray(clean + np.random.default_rng(0).normal(0, noise, (*inside.shape, 3)), np.float32)


SURE = np.ones((SIZE, SIZE), np.float32)


@pytest.mark.parametrize("at", [30, 4, 56])
def test_two_colours_are_told_whichever_side_is_narrow(at: int) -> None:
    sides = halves(at)
    guide = painted(sides, (0.2, 0.1, 0.1), (0.7, 0.8, 0.6), 0.01)
    got = lines(guide, sides, SURE, 6)
    near = np.abs(np.arange(SIZE) - at + 0.5) < 3
    assert (got.told[:, near] > 0.85).all()
    alpha = got.alpha(guide)
    assert np.abs(alpha[:, near] - sides[:, near]).max() < 0.2
    middle = np.full_like(guide, 0.45)
    assert np.abs(got.alpha(middle)[:, near] - 0.5).max() < 0.1


def test_one_colour_on_both_sides_tells_nothing() -> None:
    guide = painted(halves(), (0.5, 0.4, 0.3), (0.5, 0.4, 0.3), 0.05)
    got = lines(guide, halves(), SURE, 8)
    assert got.told.max() < 0.2


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_flat_pictures_and_missing_sides_are_finite_and_silent(value: float) -> None:
    guide = np.full((SIZE, SIZE, 3), value, np.float32)
    for sides in (halves(), np.ones((SIZE, SIZE), bool), np.zeros((SIZE, SIZE), bool)):
        got = lines(guide, sides, SURE, 5)
        assert np.isfinite(got.alpha(guide)).all()
        assert got.told.max() < 0.01


def test_only_trusted_pixels_teach() -> None:
    """A strip that was drawn on the wrong side, and is not trusted, changes no line."""
    true = halves()
    guide = painted(true, (0.1, 0.1, 0.1), (0.8, 0.8, 0.9), 0.01)
    wrong, trust = halves(36), SURE.copy()
    trust[:, 26:40] = 0
    alpha = lines(guide, wrong, trust, 12).alpha(guide)
    assert np.abs(alpha[:, 27:39] - true[:, 27:39]).max() < 0.2


def test_another_size_says_the_same() -> None:
    guide = painted(halves(), (0.2, 0.3, 0.1), (0.6, 0.5, 0.9), 0.01)
    got = lines(guide, halves(), SURE, 6)
    large = got.resized(2 * SIZE, 3 * SIZE)
    assert large.slope.shape == (3 * SIZE, 2 * SIZE, 3)
    assert large.offset.shape == large.told.shape == (3 * SIZE, 2 * SIZE)
    assert abs(float(large.told.mean() - got.told.mean())) < 0.01
