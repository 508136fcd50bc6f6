"""Bodies piece by piece: limits of bytes, time and memory, and JSON with one meaning only."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam_mask_service.errors import BadRequest, Busy, ClientLeft, InvalidParameter, ServiceError, SlowRequest, TooLarge
from sam_mask_service.http import body, json_body, json_text
from sam_mask_service.http.body import check_declared_length, chunks
from sam_mask_service.http.json_body import parse_json
from sam_mask_service.http.json_text import read_text
from sam_mask_service.http.reserve import BodyReserve
from sam_mask_service.limits import BODY


def receiving(*pieces: bytes | None, pause: float = 0.0) -> Callable[[], Awaitable[dict[str, Any]]]:
    """ASGI's receive: the pieces, then the end; None stands for a client that leaves."""
    left = list(pieces)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(pause)
        piece = left.pop(0)
        if piece is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": bool(left)}

    return receive


def read(*pieces: bytes | None, most: int = 10, pause: float = 0.0, seconds: float = 5.0, reserve: int = 100) -> bytes:
    limits, memory = replace(BODY, seconds=seconds), BodyReserve(reserve)
    with memory.share() as share:
        got = asyncio.run(chunks(receiving(*pieces, pause=pause), limits, most, share))
        assert share.taken == sum(map(len, got)) == memory.used
    assert memory.used == 0
    return b"".join(got)


def test_pieces_are_put_together_up_to_the_limit() -> None:
    assert read(b"") == b""
    assert read(b"12345", b"", b"67890") == b"1234567890"
    with pytest.raises(TooLarge):
        read(b"12345", b"678901")


def test_client_that_leaves() -> None:
    with pytest.raises(ClientLeft):
        read(b"12345", None)


def test_pause_that_is_too_long_and_time_that_grows_with_what_came() -> None:
    with pytest.raises(SlowRequest):
        read(b"1", b"2", pause=0.2, seconds=0.05)
    limits = replace(BODY, seconds=0.2, rate=10)
    with BodyReserve(100).share() as share:
        pieces = asyncio.run(chunks(receiving(*[b"12345"] * 6, pause=0.1), limits, 100, share))
    assert b"".join(pieces) == b"12345" * 6, "0.6 s, of which 3 s were earned by 30 bytes"


def test_a_body_byte_by_byte_becomes_few_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """D02: an object and a parser's turn for every byte would take seconds and gigabytes."""
    monkeypatch.setattr(body, "PIECE", 4096)
    sent = [b"%d" % (i % 10) for i in range(3 * body.PIECE // 2)]
    with BodyReserve(body.PIECE * 2).share() as share:
        pieces = asyncio.run(chunks(receiving(*sent), replace(BODY, seconds=100), body.PIECE * 2, share))
    assert [len(piece) for piece in pieces] == [body.PIECE, body.PIECE // 2]
    assert b"".join(pieces) == b"".join(sent)


def test_memory_for_bodies_is_shared() -> None:
    memory = BodyReserve(10)
    with memory.share() as one, memory.share() as other:
        one.grow_to(6)
        one.grow_to(4)
        other.grow_to(4)
        with pytest.raises(Busy):
            other.grow_to(5)
    assert memory.used == 0
    with pytest.raises(ValueError, match="kept"), memory.share() as share:
        share.grow_to(10)
        raise ValueError("kept")
    assert memory.used == 0


@pytest.mark.parametrize("text", ["-1", "+5", "1e3", "0x5", "5.0", "", " 5", "٥", "1,1"])
def test_declared_length_that_is_no_number(text: str) -> None:
    with pytest.raises(BadRequest):
        check_declared_length(text, 10)


def test_declared_length() -> None:
    for text in (None, "0", "10", "0010"):
        check_declared_length(text, 10)
    for text in ("11", "9" * 40):
        with pytest.raises(TooLarge):
            check_declared_length(text, 10)


@given(st.dictionaries(st.text(max_size=5), st.one_of(st.integers(), st.booleans(), st.none(), st.text()), max_size=5))
def test_json_that_is_taken_is_what_was_sent(value: dict[str, Any]) -> None:
    assert parse_json(json.dumps(value).encode(), 10) == value


VALUES = st.recursive(
    st.one_of(st.integers(), st.booleans(), st.none(), st.text(), st.text('"\\\n{}[],:', max_size=6)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=3), VALUES, max_size=5), st.booleans())
def test_long_strings_come_out_as_they_were_sent(value: dict[str, Any], escaped: bool) -> None:
    """Read apart from the rest: here everything of more than three bytes is long."""
    with patch.object(json_body, "LONG", 5):
        assert parse_json(json.dumps(value, ensure_ascii=escaped).encode(), 10) == value


UNITS = st.one_of(st.text(max_size=3), st.sampled_from('\\/"\b\nA\U0001f600é漢'))


@given(st.lists(UNITS, max_size=400).map("".join), st.booleans())
def test_long_texts_are_cut_nowhere_within_a_character(text: str, escaped: bool) -> None:
    with patch.object(json_text, "PIECE", 80):
        assert read_text(json.dumps(text, ensure_ascii=escaped).encode()[1:-1]) == text


@pytest.mark.parametrize("unit", [r"\u0041", r"\ud83d\ude00", r"\n", r"\/", "a", "é", "漢", r"x\\"])
@pytest.mark.parametrize("before", range(13))
def test_every_place_of_a_cut(unit: str, before: int) -> None:
    text = ("b" * before + unit * 100).encode()
    with patch.object(json_text, "PIECE", 80):
        assert read_text(text) == json.loads(b'"' + text + b'"')


def test_backslashes_without_end_are_refused() -> None:
    with pytest.raises(InvalidParameter, match="backslashes"):
        read_text(b"\\" * 4 * json_text.PIECE)


@given(st.text('"\\a{}[],:1 ', max_size=40))
def test_long_strings_are_refused_as_short_ones_are(text: str) -> None:
    def outcome() -> Any:
        try:
            return parse_json(text.encode(), 10)
        except (BadRequest, InvalidParameter) as error:
            return type(error)

    short = outcome()
    with patch.object(json_body, "LONG", 1):
        assert outcome() == short


@given(st.binary(max_size=60))
def test_any_bytes_give_an_object_or_a_refusal(data: bytes) -> None:
    with contextlib.suppress(BadRequest, InvalidParameter):
        assert isinstance(parse_json(data, 10), dict)


@pytest.mark.parametrize(
    ("text", "error", "word"),
    [
        ('{"a": 1, "a": 1}', InvalidParameter, '"a" stands twice'),
        ('{"b": {"\\ud800": 1, "\\ud800": 2}}', InvalidParameter, "stands twice"),
        ('{"a": NaN}', InvalidParameter, "NaN"),
        ('{"a": 1e999}', InvalidParameter, "number"),
        ('{"a": ' + "1" * 401 + "}", InvalidParameter, "digits"),
        ('{"a": 0.' + "1" * 401 + "}", InvalidParameter, "digits"),
        ("{" + ",".join(f'"{i}": 1' for i in range(11)) + "}", InvalidParameter, "At most 10"),
        ('{"a": [' + "1," * 20_000 + "1]}", InvalidParameter, "values"),
        ('{"a": [' + '"",' * 4 * 20_000 + '""]}', InvalidParameter, "quotation"),
        ('{"a": ' + " " * (1 << 20) + "1}", InvalidParameter, "values"),
        ('{"a": "' + '\\"' * 8 * 20_000 + '"}', InvalidParameter, "quotation"),
        ('{"a": [' + ('"' + '\\"' * 1999 + '",') * 100 + '""]}', InvalidParameter, "quotation"),
        ('{"a": "' + "\\" * 70 + '"}', InvalidParameter, "backslashes"),
        ('{"' + "a" * 2000 + '": 1, "' + "a" * 2000 + '": 1}', InvalidParameter, "stands twice"),
        ('{"a": "' + "a" * 2000 + '\n"}', BadRequest, "JSON"),
        ('{"a": "' + "a" * 2000 + '\\x"}', BadRequest, "JSON"),
        ('{"a": "' + "a" * 2000, BadRequest, "JSON"),
        ("[1]", InvalidParameter, "object"),
        ('{"a": ' * 5000, BadRequest, "JSON"),
        ("{", BadRequest, "JSON"),
        ("", BadRequest, "JSON"),
    ],
    ids=lambda value: str(value)[:25],
)
def test_json_that_is_refused(text: str, error: type[ServiceError], word: str) -> None:
    with pytest.raises(error) as caught:
        parse_json(text.encode(), 10)
    assert word in caught.value.detail
