"""Base64 in all the ways in which it is written, and what is none."""

from __future__ import annotations

import base64
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam_mask_service.base64_text import read
from sam_mask_service.errors import InvalidParameter

DATA = bytes(range(256)) + b"\xfb\xff\xbe"
PLAIN = base64.b64encode(DATA).decode()
SAFE = base64.urlsafe_b64encode(DATA).decode()
ODD = base64.b64encode(DATA[:-1]).decode()


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        SAFE,
        f"  {PLAIN}\n",
        "\r\n".join(textwrap.wrap(PLAIN, 76)),
        "\n\t".join(textwrap.wrap(PLAIN, 60)),
        f"data:image/png;base64,{PLAIN}",
        f"DATA:IMAGE/PNG;BASE64,{PLAIN}",
        f" data:image/jpeg;charset=utf-8;name=a.jpg;base64,{PLAIN}",
        f'data:image/png;name="a, b;c.png";base64,{PLAIN}',
        f"data:image/png; base64 , {PLAIN}",
        f"data:;base64,{SAFE}",
        "data:image/png;base64," + PLAIN.replace("+", "%2B").replace("/", "%2f"),
    ],
)
def test_spellings(text: str) -> None:
    assert read(text) == DATA


@pytest.mark.parametrize(
    "text", [ODD, ODD.rstrip("="), f"data:image/png;base64,{ODD.rstrip('=')}", ODD.replace("=", "\n=")]
)
def test_padding_may_be_left_out(text: str) -> None:
    assert read(text) == DATA[:-1]


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("", "nothing in it"),
        ("data:image/png;base64,", "nothing in it"),
        ("====", "nothing in it"),
        ("abcde", "cut off"),
        ("abc=defg", "before its end"),
        ("ab===", "does not fit"),
        ("abcd=", "does not fit"),
        ("abcd====", "does not fit"),
        ("ab+/cd-_", "one alphabet"),
        ("abc!", "beyond"),
        ("abcé", "beyond"),
        ("abcd%2B", "beyond"),
        ("https://example.com/a.png", "image_url"),
        ("data:image/png,abcd", ";base64,"),
        ("data:" + "x" * 50_000 + ";base64,abcd", ";base64,"),
    ],
)
def test_what_is_wrong_is_said(text: str, advice: str) -> None:
    with pytest.raises(InvalidParameter, match=advice):
        read(text)


@given(st.binary(min_size=1, max_size=400), st.booleans(), st.booleans(), st.integers(1, 80))
def test_every_spelling_of_any_bytes(data: bytes, safe: bool, padded: bool, width: int) -> None:
    text = (base64.urlsafe_b64encode if safe else base64.b64encode)(data).decode()
    lines = [text[at : at + width] for at in range(0, len(text), width)]
    written = "\r\n".join(lines)
    assert read(written if padded else written.rstrip("=\r\n")) == data


def test_slices_are_put_together() -> None:
    data = bytes(1_000_003)
    assert read(base64.b64encode(data).decode()) == data
