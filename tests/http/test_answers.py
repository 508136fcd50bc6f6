"""JSON with pictures in it: the same as a serializer makes of their base64, without its looking at every character."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from sam_mask_service.http import answers
from sam_mask_service.http.answers import LONG, answer_bytes, json_bytes
from sam_mask_service.tasks import Answer

PICTURE = st.binary(max_size=12)
ROW = st.dictionaries(st.sampled_from(["mask_base64", "image_base64", "x", "y"]), PICTURE | st.text("ab"), max_size=3)


@given(st.dictionaries(st.sampled_from(["mask_base64", "a", "b", "masks", "c"]), PICTURE | st.lists(ROW), max_size=5))
def test_as_the_serializer_has_it(value: dict[str, Any]) -> None:
    assert json_bytes(value) == to_json(Answer(value).json())


def test_pictures_never_reach_the_serializer(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []

    def watched(value: Any, **options: Any) -> bytes:
        seen.append(to_json(value, **options))
        return seen[-1]

    monkeypatch.setattr(answers, "to_json", watched)
    long = b"\x00" * (LONG + 1)
    value = {
        "mask_base64": long,
        "masks": [{"face_id": 0, "mask_base64": long}],
        "image_base64": None,
        "n": float("inf"),
    }
    assert json.loads(json_bytes(value)) == {**Answer(value).json(), "n": None}
    assert len(seen[0]) < 400


def test_other_long_text_is_escaped_as_ever() -> None:
    value = {"detail": '"\n\u2028' * LONG, "list": [["a" * LONG]]}
    assert json.loads(json_bytes(value)) == value


@pytest.mark.parametrize("size", [1, LONG])
def test_long_pictures_are_written_in_a_thread(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[object] = []
    real = asyncio.to_thread

    async def watched(work: Any, *arguments: Any) -> Any:
        threads.append(work)
        return await real(work, *arguments)

    monkeypatch.setattr(asyncio, "to_thread", watched)
    picture = bytes(size)
    made = asyncio.run(answer_bytes(Answer({"mask_base64": picture, "stats": {}}, (picture,)), index=3))
    assert made == json_bytes({"index": 3, "mask_base64": picture, "stats": {}})
    assert len(threads) == (size >= LONG)
