"""Strips: their sections cover them, and what is seen in one lies where it lies in the picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam_mask_service.faces.sections import sections
from sam_mask_service.faces.tiles import Pyramid, letterbox

from .test_tiles import SIZE, dot, seen_at


@pytest.mark.parametrize("shape", [(120, 300), (300, 120), (960, 384), (5, 900)])
def test_an_ordinary_shape_is_looked_at_as_one(shape: tuple[int, int]) -> None:
    picture = Pyramid(np.zeros((*shape, 3), np.uint8))
    [only] = sections(picture, 64)
    assert only.picture is picture and (only.x, only.y, only.inner) == (0, 0, (False,) * 4)


@given(st.integers(1, 800), st.integers(1000, 40_000), st.booleans(), st.integers(2, 64))
def test_sections_cover_a_strip_and_share_a_square(across: int, along: int, wide: bool, most: int) -> None:
    shape = (across, along) if wide else (along, across)
    parts = sections(Pyramid(np.broadcast_to(np.uint8(0), (*shape, 3))), most)
    assert len(parts) <= most
    starts_at = [part.x if wide else part.y for part in parts]
    ends = [s + part.picture.shape[1 if wide else 0] for s, part in zip(starts_at, parts, strict=True)]
    assert starts_at[0] == 0 and ends[-1] == along
    for end, start in zip(ends, starts_at[1:], strict=False):
        assert end - start >= across - 1, "a face as large as the strip is wide is whole in one of the two"
    before, after = (0, 2) if wide else (1, 3)
    assert [part.inner[before] for part in parts] == [s > 0 for s in starts_at]
    assert [part.inner[after] for part in parts] == [end < along for end in ends]


def test_a_sections_view_lies_in_the_picture() -> None:
    picture = dot(120, 4000, 60, 2500)
    seen = [part.view(lambda p: letterbox(p, SIZE)) for part in sections(picture, 64)]
    hits = [window for window in seen if window.pixels.max() > 60]
    assert hits
    for window in hits:
        assert seen_at(window) == pytest.approx((60, 2500), abs=6)
