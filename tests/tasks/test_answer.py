"""One kind of answer: pictures stand in it as bytes, and become base64 where JSON is wanted."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam_mask_service.errors import InvalidParameter
from sam_mask_service.tasks import Answer

PICTURE = st.binary(max_size=9)
PLAIN = st.integers() | st.text(max_size=3) | st.none() | st.lists(st.integers(), max_size=2)
ROW = st.dictionaries(st.text("abc", max_size=3), PICTURE | PLAIN, max_size=4)
BODY = st.dictionaries(st.text("abc", max_size=3), PICTURE | PLAIN | st.lists(ROW, min_size=1, max_size=3), max_size=4)


@given(BODY)
def test_json_is_the_body_with_text_for_bytes(body: dict[str, Any]) -> None:
    def back(text: Any, was: Any) -> Any:
        if isinstance(was, bytes):
            return base64.b64decode(text)
        if isinstance(was, list) and was and isinstance(was[0], dict):
            return [{name: back(row[name], old[name]) for name in old} for row, old in zip(text, was, strict=True)]
        return text

    made = Answer(body).json()
    assert list(made) == list(body)
    assert {name: back(made[name], body[name]) for name in body} == body


def test_the_bare_answer_holds_no_picture() -> None:
    body = {"a_base64": b"x", "rows": [{"id": 1, "b_base64": b"y"}], "none": None, "empty": []}
    assert Answer(body).bare() == {"rows": [{"id": 1}], "none": None, "empty": []}


@pytest.mark.parametrize("pictures", [(), (b"a", b"b")])
def test_one_picture_or_none(pictures: tuple[bytes, ...]) -> None:
    assert Answer({}, (b"a",)).picture == b"a"
    with pytest.raises(InvalidParameter, match=f"holds {len(pictures)}"):
        _ = Answer({}, pictures).picture
