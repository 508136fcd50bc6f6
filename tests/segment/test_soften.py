"""The guided filter against its definition, and the small helpers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sam_mask_service.segment.soften import guided, one_piece, opened, signed_distance


def _reference(image: NDArray[np.uint8], soft: NDArray[np.float32], radius: int, eps: float) -> NDArray[np.float64]:
    """The filter's definition, window by window, with a matrix solver."""
    guide, height, width = image / 255.0, *soft.shape
    padded = np.pad(guide, ((radius, radius), (radius, radius), (0, 0)), mode="symmetric")
    wide = np.pad(soft, radius, mode="symmetric")
    a, b = np.zeros((height, width, 3)), np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            i = padded[y : y + 2 * radius + 1, x : x + 2 * radius + 1].reshape(-1, 3)
            p = wide[y : y + 2 * radius + 1, x : x + 2 * radius + 1].ravel()
            spread = np.cov(i.T, bias=True) + eps * np.eye(3)
            a[y, x] = np.linalg.solve(spread, (i * p[:, None]).mean(0) - i.mean(0) * p.mean())
            b[y, x] = p.mean() - a[y, x] @ i.mean(0)
    pa = np.pad(a, ((radius, radius), (radius, radius), (0, 0)), mode="symmetric")
    pb = np.pad(b, radius, mode="symmetric")
    out = np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            rows, columns = slice(y, y + 2 * radius + 1), slice(x, x + 2 * radius + 1)
            out[y, x] = pa[rows, columns].mean((0, 1)) @ guide[y, x] + pb[rows, columns].mean()
    return out


def test_the_guided_filter_is_the_published_one() -> None:
    random = np.random.default_rng(3)
    image = random.integers(0, 255, (14, 17, 3), np.uint8)
    soft = (random.random((14, 17)) > 0.5).astype(np.float32)
    assert np.abs(guided(image, soft, 2, 1e-2) - _reference(image, soft, 2, 1e-2)).max() < 1e-3


def test_it_moves_a_rough_edge_to_the_pictures_edge() -> None:
    image = np.full((40, 40, 3), 30, np.uint8)
    image[:, 20:] = 220
    rough = np.zeros((40, 40), np.float32)
    rough[:, 22:] = 1
    assert ((guided(image, rough, 6, 1e-3) > 0.5) == (np.arange(40) >= 20)).mean() > 0.97


def test_signed_distance_changes_sign_at_the_outline() -> None:
    bits = np.zeros((9, 9), bool)
    bits[2:7, 2:7] = True
    distance = signed_distance(bits)
    assert ((distance > 0) == bits).all()
    assert distance[4, 4] == 3
    assert distance[4, 0] == -2


def test_one_piece_keeps_the_largest_and_fills_it() -> None:
    bits = np.zeros((9, 9), bool)
    bits[1:6, 1:6] = True
    bits[3, 3] = False
    bits[8, 8] = True
    clean = one_piece(bits)
    assert clean.sum() == 25
    assert not one_piece(np.zeros((3, 3), bool)).any()


def test_opened_drops_thin_tongues() -> None:
    bits = np.zeros((20, 20), bool)
    bits[5:15, 5:15] = True
    bits[9, 15:] = True
    assert not opened(bits, 2)[9, 17]
    assert opened(bits, 2)[10, 10]
