"""Colour densities."""

from __future__ import annotations

import numpy as np

from sam_mask_service.segment.colours import Palette, to_lab


def _halves() -> np.ndarray:
    rgb = np.zeros((10, 10, 3), np.uint8)
    rgb[:, :5], rgb[:, 5:] = (210, 160, 140), (40, 60, 120)
    return to_lab(rgb)


def test_a_colour_is_dense_among_its_own_and_absent_among_others() -> None:
    left = np.zeros((10, 10), np.float32)
    left[:, :5] = 1
    density = Palette(_halves()).density(left)
    assert (density[:, :5] > 0.01).all()
    assert (density[:, 5:] < 1e-6).all()


def test_weights_count_by_their_share() -> None:
    weights = np.ones((10, 10), np.float32)
    weights[:, 5:] = 3
    density = Palette(_halves()).density(weights)
    assert np.isclose(density[0, 9], 3 * density[0, 0], rtol=1e-4)


def test_a_near_colour_is_likelier_than_a_far_one() -> None:
    lab = np.full((1, 3, 3), 128, np.uint8)
    lab[0, 1, 1], lab[0, 2, 1] = 131, 150
    first = np.array([[1, 0, 0]], np.float32)
    density = Palette(lab).density(first)[0]
    assert density[0] > density[1] > density[2]


def test_nothing_weighed_gives_nothing() -> None:
    assert not Palette(_halves()).density(np.zeros((10, 10), np.float32)).any()
