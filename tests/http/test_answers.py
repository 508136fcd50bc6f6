"""JSON with pictures in it: the same as a serializer makes, without its looking at every character."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from sam_mask_service.http import answers
from sam_mask_service.http.answers import LONG, json_bytes

BASE64 = st.text("ABCabc012+/=", max_size=12)
ROW = st.dictionaries(st.sampled_from(["mask_base64", "image_base64", "x_base64", "y", "z"]), BASE64, max_size=3)


@given(
    st.dictionaries(st.sampled_from(["mask_base64", "a_base64", "b", "masks", "c"]), BASE64 | st.lists(ROW), max_size=5)
)
def test_as_the_serializer_has_it(value: dict[str, Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "LONG", 3)
        assert json_bytes(value) == to_json(value)


def test_pictures_never_reach_the_serializer(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []

    def watched(value: Any, **options: Any) -> bytes:
        seen.append(to_json(value, **options))
        return seen[-1]

    monkeypatch.setattr(answers, "to_json", watched)
    long = "A" * (LONG + 1)
    value = {
        "mask_base64": long,
        "masks": [{"face_id": 0, "mask_base64": long}],
        "image_base64": "short",
        "n": float("inf"),
    }
    assert json.loads(json_bytes(value)) == {**value, "n": None}
    assert len(seen[0]) < 400


def test_other_long_text_is_escaped_as_ever() -> None:
    value = {"detail": '"\n\u2028' * LONG, "list": [["a" * LONG]]}
    assert json.loads(json_bytes(value)) == value
