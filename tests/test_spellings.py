"""Values as callers write them."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import Field

from sam_mask_service.spellings import read

Maybe = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] | None


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (int, " 5 ", 5),
        (int, "5.00", 5),
        (int, "-3", -3),
        (int, 1e3, 1000),
        (int | None, "5", 5),
        (float, 5, 5.0),
        (float, ".5", 0.5),
        (bool, "TRUE", True),
        (bool, 1, True),
        (bool, 0.0, False),
        (Maybe, "0, 2", [0, 2]),
        (Maybe, ["0", 2.0], [0, 2]),
        (list[list[float]] | None, [["1", 2]], [[1.0, 2.0]]),
        (list[list[float]] | None, "[[1, 2]]", [[1.0, 2.0]]),
        (dict[str, Any] | None, '{"a": "5"}', {"a": "5"}),
        (list, ["5"], ["5"]),
        (str, "5", "5"),
    ],
)
def test_what_is_meant(annotation: Any, value: Any, expected: Any) -> None:
    got = read(annotation, value)
    assert (got, repr(got)) == (expected, repr(expected))


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, 5.5),
        (int, True),
        (int, "1e3"),
        (int, "0x10"),
        (int, "٣"),
        (float, "NaN"),
        (float, 1 << 60),
        (bool, 2),
        (bool, "yes"),
        (int, None),
        (str, 5),
        (list[int], ""),
        (list[int], "[" * 100_000),
        (int, [1]),
        (int, float("inf")),
    ],
)
def test_what_is_not_meant_stays(annotation: Any, value: Any) -> None:
    assert read(annotation, value) is value
