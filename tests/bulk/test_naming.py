"""No result meets another, and every name can be written."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam_mask_service.bulk.naming import json_line, meant, output_names, shown, written


@pytest.mark.parametrize(
    ("relative", "expected"),
    [
        (["a.jpg"], ["a.png"]),
        (["a.jpg", "a.png"], ["a.jpg.png", "a.png.png"]),
        (["A.jpg", "a.jpeg"], ["A.jpg.png", "a.jpeg.png"]),
        (["x/a.jpg", "y/a.jpg"], ["x/a.png", "y/a.png"]),
        (["a.jpg", "a.jpg"], ["a.jpg.png", "a.jpg.2.png"]),
    ],
)
def test_names_of_outputs(relative: list[str], expected: list[str]) -> None:
    assert output_names(relative) == expected


@given(st.lists(st.from_regex(r"[abAB]{1,2}\.(jpg|png|webp)", fullmatch=True), max_size=12))
def test_outputs_never_meet(names: list[str]) -> None:
    made = [str(name).casefold() for name in output_names(names)]
    assert len(set(made)) == len(made)


def test_names_that_keep_their_format() -> None:
    names = output_names(["a.jpg", "x/a.jpg", "b.PNG", "a.jpg"], None)
    assert names == ["a.jpg.jpg", "x/a.jpg", "b.PNG", "a.jpg.2.jpg"]


def test_a_result_that_keeps_its_format_has_a_suffix_that_results_have() -> None:
    names = output_names(["a.gif", "b.bmp", "b.png", "c.JPG", "d.webp"], None)
    assert names == ["a.png", "b.bmp.png", "b.png.png", "c.JPG", "d.webp"]


@given(st.lists(st.from_regex(r"a(\.(jpg|png|2|a)){0,4}", fullmatch=True), max_size=12))
def test_outputs_never_meet_whatever_the_names_hold(names: list[str]) -> None:
    for suffix in ".png", None:
        made = [str(name).casefold() for name in output_names(names, suffix)]
        assert len(set(made)) == len(made)


def test_the_bytes_decide_the_suffix_of_a_result_that_keeps_its_format() -> None:
    paths = ["a.png", "a.jpg", "b.jpg", "c", "2024.05.01", "d.heic"]
    names = output_names(paths, None, ["JPEG", "JPEG", "PNG", "JPEG", "WEBP", "HEIF"])
    assert names == [*("a.png.jpg", "a.jpg.jpg", "b.png", "c.jpg", "2024.05.01.webp", "d.png")]


def test_two_spellings_of_one_name_do_not_meet() -> None:
    assert len(set(output_names(["caf\u00e9.jpg", "cafe\u0301.jpg"]))) == 2
    assert output_names(["caf\u00e9.jpg", "cafe\u0301.jpg"])[0] == "caf\u00e9.jpg.png"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("é.jpg", "é.jpg"),
        (os.fsdecode(b"caf\xe9.jpg"), r"caf\xe9.jpg"),
        ("half\ud800.jpg", r"half\ud800.jpg"),
        ("a\nb", r"a\x0ab"),
    ],
)
def test_any_name_can_be_written(name: str, text: str) -> None:
    assert shown(name) == text
    line = json_line({"input": name})
    assert "\n" not in line and json.loads(line.encode())["input"] == written(name)
    assert written(name) == (name if name.isascii() else text)


@given(st.binary(min_size=1, max_size=20).filter(lambda name: b"\\" not in name))
def test_names_come_back_from_the_manifest(name: bytes) -> None:
    assert os.fsencode(meant(json.loads(json_line({"input": os.fsdecode(name)}).encode())["input"])) == name
