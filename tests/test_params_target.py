"""``target`` and ``edit``: they set ``invert``, and refuse what contradicts them."""

from __future__ import annotations

from typing import Any

import pytest

from sam_mask_service.errors import InvalidParameter
from sam_mask_service.params import MaskParams, parse


@pytest.mark.parametrize(
    ("values", "invert"),
    [
        ({"target": "ideogram-edit"}, True),
        ({"target": "ideogram-edit", "edit": "everything_else"}, False),
        ({"target": "a1111"}, False),
        ({"target": "a1111", "edit": "everything_else"}, True),
        ({"target": "a1111", "invert": False}, False),
        ({"target": "comfyui", "mode": "combined"}, True),
        ({"target": None}, True),
    ],
)
def test_a_target_sets_invert(values: dict[str, Any], invert: bool) -> None:
    assert parse(MaskParams, values).invert is invert


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"target": "no-such"}, "target"),
        ({"target": "a1111", "invert": True}, "invert"),
        ({"edit": "everything_else"}, "edit: goes with target"),
        ({"target": "a1111", "mode": "separate"}, "mode first or combined"),
        ({"target": "a1111", "edit": "nothing"}, "edit"),
        ({"target": "a1111", "invert": "yes"}, "invert"),
        ({"target": 7}, "target"),
    ],
)
def test_contradictions_are_refused_by_name(values: dict[str, Any], word: str) -> None:
    with pytest.raises(InvalidParameter, match=word):
        parse(MaskParams, values)


def test_parameters_that_are_ready_pass_as_they_are() -> None:
    ready = MaskParams(target="a1111")
    assert MaskParams.model_validate(ready) is ready
    with pytest.raises(ValueError, match="dictionary"):
        MaskParams.model_validate("text")
