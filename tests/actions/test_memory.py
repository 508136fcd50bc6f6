"""What putting pictures together may hold in memory beside them: a small multiple, whatever their shapes."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from sam_mask_service.actions import composite, cutout
from sam_mask_service.actions.anonymise import blend

SIDE = 2000
PICTURE = np.zeros((SIDE, SIDE, 3), np.uint8)
ALPHA = np.pad(np.full((SIDE - 400, SIDE - 400), 255, np.uint8), 200)
SIZE = PICTURE.nbytes


def peak_of(work: Callable[[], object]) -> int:
    """Bytes that ``work`` held at once; OpenCV's results are counted, as they are numpy's."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("shape", [(60_000, 16, 3), (16, 60_000, 3), (SIDE, SIDE, 3), (1, 1, 3)], ids=str)
def test_backdrop_of_any_shape(shape: tuple[int, int, int]) -> None:
    """A thin one that is scaled as a whole to cover the frame would take 2000 × 7,500,000 pixels."""
    backdrop = np.full(shape, 9, np.uint8)
    assert peak_of(lambda: cutout(PICTURE, ALPHA, background=backdrop)) < 6 * SIZE
    out, cut = cutout(PICTURE, ALPHA, background=backdrop)
    assert out.shape == (cut.height, cut.width, 3)
    assert (out[0, 0] == 9).all()


def test_blend() -> None:
    assert peak_of(lambda: blend(PICTURE, PICTURE, ALPHA)) < 3 * SIZE


def test_composite_with_its_colours_matched() -> None:
    edited = np.full_like(PICTURE, 9)
    assert peak_of(lambda: composite(PICTURE, edited, ALPHA, match="seam")) < 7 * SIZE
