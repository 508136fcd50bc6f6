"""Region expressions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam_mask_service.errors import InvalidParameter
from sam_mask_service.patch import Patch
from sam_mask_service.segment.region_table import names
from sam_mask_service.segment.regions import Sign, combine, parse_regions


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("face", [(1, "face")]),
        ("face,-glasses,hair", [(1, "face"), (-1, "glasses"), (1, "hair")]),
        (" Head , - Hat ", [(1, "head"), (-1, "hat")]),
        ("+eyes,brows", [(1, "eyes"), (1, "brows")]),
    ],
)
def test_expressions(text: str, terms: list[tuple[Sign, str]]) -> None:
    assert parse_regions(text) == terms


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("fase", "face"),
        ("face,-glases", "glasses"),
        ("xyzzy", "known: face"),
        ("beard", "known: face"),
        ("", "empty"),
        ("face,,hair", "empty"),
        ("face,-", "empty"),
        ("-face", "first part"),
        (",".join(["face"] * 17), "at most 16"),
    ],
)
def test_mistakes_are_named(text: str, says: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        parse_regions(text)
    assert says in caught.value.detail


@given(st.lists(st.sampled_from(names()), min_size=1, max_size=16))
def test_every_list_of_names_is_an_expression(names: list[str]) -> None:
    last = list(dict.fromkeys(reversed(names)))[::-1]
    assert parse_regions(",".join(names)) == [(1, name) for name in last]


@given(st.text(max_size=60))
def test_any_text_parses_or_is_refused(text: str) -> None:
    try:
        assert all(name in names() for _, name in parse_regions(text))
    except InvalidParameter as e:
        assert len(e.detail) < 300


def _square(x: int, y: int, side: int) -> Patch:
    return Patch(x, y, np.ones((side, side), bool))


def test_combine_adds_and_takes_away_from_left_to_right() -> None:
    whole, part = _square(2, 3, 4), _square(3, 4, 2)
    out = combine([(1, whole), (-1, part)])
    assert (out.x, out.y, out.bits.shape, int(out.bits.sum())) == (2, 3, (4, 4), 12)
    assert int(combine([(1, whole), (-1, part), (1, part)]).bits.sum()) == 16
    assert int(combine([(1, part), (1, whole), (-1, whole)]).bits.sum()) == 0


def test_combine_spans_both_windows() -> None:
    out = combine([(1, _square(0, 0, 2)), (1, _square(5, 7, 1))])
    assert (out.x, out.y, out.bits.shape) == (0, 0, (8, 6))
    assert out.bits[7, 5]
    assert int(out.bits.sum()) == 5
