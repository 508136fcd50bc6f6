"""The cut: its labels are the minimum of the stated energy, not merely near it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from sam_mask_service.segment.mincut import min_cut

NONE = np.zeros((4, 4), bool)


def _free(odds: np.ndarray, colours: np.ndarray | None = None) -> np.ndarray:
    shape = odds.shape
    grey = np.full((*shape, 2), 128, np.uint8) if colours is None else colours
    return min_cut(odds.astype(np.float32), grey, np.zeros(shape, bool), np.zeros(shape, bool))


def test_clear_evidence_is_followed() -> None:
    odds = np.where(np.arange(20) < 8, 5.0, -5.0)[None].repeat(20, 0)
    assert (_free(odds) == (odds > 0)).all()


def test_a_lonely_doubt_is_outvoted_by_its_neighbours() -> None:
    odds = np.full((20, 20), 5.0)
    odds[:, 12:] = -5
    odds[5, 5] = -0.5
    assert _free(odds)[5, 5]


def test_the_outline_runs_along_the_colour_edge_where_the_evidence_is_silent() -> None:
    odds = np.zeros((24, 24))
    odds[:, :6], odds[:, 18:] = 5, -5
    colours = np.full((24, 24, 2), 60, np.uint8)
    colours[:, 10:] = 190
    assert (_free(odds, colours) == (np.arange(24) < 10)).all()


def test_what_is_not_free_stays() -> None:
    odds = np.full((10, 10), 3.0, np.float32)
    odds[:, 5:] = -3
    never, always = np.zeros((10, 10), bool), np.zeros((10, 10), bool)
    never[0, 0], always[9, 9] = True, True
    bits = min_cut(odds, np.zeros((10, 10, 2), np.uint8), never, always)
    assert not bits[0, 0]
    assert bits[9, 9]


def test_with_a_margin_what_is_not_free_stays_and_what_is_free_is_cut() -> None:
    odds = np.where(np.arange(30) < 13, 5.0, -5.0)[None].repeat(30, 0).astype(np.float32)
    never, always = np.zeros((30, 30), bool), np.zeros((30, 30), bool)
    always[:, :10], never[:, 18:] = True, True
    always[0, 29], never[0, 29] = True, False  # far from all that is free
    bits = min_cut(odds, np.full((30, 30, 2), 128, np.uint8), never, always, margin=2)
    assert (bits[1:] == (np.arange(30) < 13)).all()
    assert bits[0, 29]


@pytest.mark.parametrize("sign", [1, -1])
def test_one_kind_only_needs_no_cut(sign: int) -> None:
    assert (_free(np.full((6, 6), 2.0 * sign)) == (sign > 0)).all()


@pytest.mark.parametrize("weight", [1.0, 3.0])
def test_no_other_labelling_is_cheaper(weight: float) -> None:
    """On 3 × 3 pixels all 512 labellings are tried, with OpenCV's own pair weights written out."""
    random = np.random.default_rng(5)
    for _ in range(20):
        odds = random.uniform(-6, 6, (3, 3))
        colours = random.integers(90, 160, (3, 3, 2)).astype(np.uint8)
        if (odds > 0).all() or (odds <= 0).all():
            continue
        best = min(
            _energy(np.array(c, bool).reshape(3, 3), weight * odds, odds, colours)
            for c in itertools.product((0, 1), repeat=9)
        )
        none = np.zeros((3, 3), bool)
        got = min_cut(odds.astype(np.float32), colours, none, none, weight)
        assert _energy(got, weight * odds, odds, colours) <= best + 0.15 * weight  # the log odds are rounded to a tenth


def _energy(bits: np.ndarray, evidence: np.ndarray, odds: np.ndarray, colours: np.ndarray) -> float:
    image = np.dstack([np.rint(128 + odds * 10), colours]).astype(float)
    pairs = [
        ((y, x), (y + dy, x + dx), np.hypot(dy, dx))
        for y in range(3)
        for x in range(3)
        for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1))
        if y + dy < 3 and 0 <= x + dx < 3
    ]
    squares = [((image[a] - image[b]) ** 2).sum() for a, b, _ in pairs]
    beta = 1 / (2 * sum(squares) / len(squares))
    smooth = sum(50 / d * np.exp(-beta * s) for (a, b, d), s in zip(pairs, squares, strict=True) if bits[a] != bits[b])
    return float(smooth - 0.75 * evidence[bits].sum())
