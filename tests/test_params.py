from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam_mask_service.actions.params import ImageMaskParams
from sam_mask_service.errors import InvalidParameter
from sam_mask_service.params import MaskFileParams, MaskParams, Source, parse


def test_the_seeds_defaults() -> None:
    p = parse(MaskParams, {})
    assert (p.expand_pixels, p.blur_iterations, p.invert, p.mode) == (5, 10, True, "first")
    assert (p.region, p.feather_pixels, p.order, p.on_no_face) == ("face", 0.0, "size", "error")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"expand_pixels": 10}, {"expand_pixels": 10}),
        ({"feather_pixels": 3}, {"feather_pixels": 3.0}),
        ({"invert": False, "mode": "combined"}, {"invert": False, "mode": "combined"}),
        ({"faces": [0, 2]}, {"faces": [0, 2]}),
        ({"point_x": 3, "point_y": 4.5}, {"point_x": 3.0, "point_y": 4.5}),
        ({"max_faces": 0}, {"max_faces": 0}),
        ({"expand_pixels": "5"}, {"expand_pixels": 5}),
        ({"expand_pixels": 5.0, "max_faces": "3.0"}, {"expand_pixels": 5, "max_faces": 3}),
        ({"invert": "true"}, {"invert": True}),
        ({"invert": 0, "matte": "1"}, {"invert": False, "matte": True}),
        ({"faces": ["0", 2.0]}, {"faces": [0, 2]}),
        ({"faces": "0,2"}, {"faces": [0, 2]}),
        ({"point_x": "3", "point_y": "4.5"}, {"point_x": 3.0, "point_y": 4.5}),
        ({"target": "a1111", "invert": "false"}, {"invert": False, "target": "a1111"}),
    ],
)
def test_json(values: dict[str, Any], expected: dict[str, Any]) -> None:
    got = parse(MaskParams, values).model_dump()
    assert {k: got[k] for k in expected} == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"expand_pixels": "-3", "blur_iterations": " 15 "}, {"expand_pixels": -3, "blur_iterations": 15}),
        ({"invert": "false"}, {"invert": False}),
        ({"expand_pixels": "5.0"}, {"expand_pixels": 5}),
        ({"invert": "1"}, {"invert": True}),
        ({"feather_pixels": "2.5"}, {"feather_pixels": 2.5}),
        ({"feather_pixels": "4"}, {"feather_pixels": 4.0}),
        ({"faces": "0,2"}, {"faces": [0, 2]}),
        ({"faces": "[1]"}, {"faces": [1]}),
        ({"min_confidence": "5e-1"}, {"min_confidence": 0.5}),
        ({"region": "head"}, {"region": "head"}),
    ],
)
def test_text(values: dict[str, str], expected: dict[str, Any]) -> None:
    got = parse(MaskParams, values, textual=True).model_dump()
    assert {k: got[k] for k in expected} == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"expand_pixels": "5"}, {"expand_pixels": 5}),
        ({"expand_pixels": 5.0}, {"expand_pixels": 5}),
        ({"feather_pixels": "2.5", "min_confidence": "0.5"}, {"feather_pixels": 2.5, "min_confidence": 0.5}),
        ({"feather_pixels": 3}, {"feather_pixels": 3.0}),
        ({"invert": "false", "matte": "TRUE"}, {"invert": False, "matte": True}),
        ({"invert": 0, "matte": 1}, {"invert": False, "matte": True}),
        ({"faces": ["0", 2.0, 1]}, {"faces": [0, 2, 1]}),
        ({"faces": "0,2"}, {"faces": [0, 2]}),
        ({"region": "face"}, {"region": "face"}),
    ],
)
def test_json_says_numbers_and_truth_as_forms_do(values: dict[str, Any], expected: dict[str, Any]) -> None:
    got = parse(MaskParams, values).model_dump()
    assert {k: got[k] for k in expected} == expected


def test_points_as_text_in_json() -> None:
    got = parse(ImageMaskParams, {"points": [["10", 20.0, "1"]], "box": ["1", 2, 3.0, "4.5"]})
    assert got.points == [[10.0, 20.0, 1.0]] and got.box == [1.0, 2.0, 3.0, 4.5]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"expand_pixels": "5.5"}, "expand_pixels"),
        ({"expand_pixels": "five"}, "a whole number is due"),
        ({"expand_pixels": 1.5}, "expand_pixels"),
        ({"expand_pixels": True}, "expand_pixels"),
        ({"expand_pixels": 257}, "expand_pixels"),
        ({"expand_pixels": None}, "expand_pixels"),
        ({"blur_iterations": -1}, "blur_iterations"),
        ({"blur_iterations": 10**9}, "blur_iterations"),
        ({"feather_pixels": 256.5}, "feather_pixels"),
        ({"feather_pixels": float("nan")}, "feather_pixels"),
        ({"feather_pixels": float("inf")}, "feather_pixels"),
        ({"invert": 2}, "true or false"),
        ({"invert": "yes"}, "true or false"),
        ({"feather_pixels": "wide"}, "a number is due"),
        ({"mode": ["first"]}, "mode"),
        ({"faces": ["0", "x"]}, "faces.1: a whole number"),
        ({"mode": "First"}, "mode"),
        ({"mode": "../../x"}, "mode"),
        ({"faces": 1}, "a list is due"),
        ({"faces": []}, "faces"),
        ({"faces": [-1]}, "faces"),
        ({"faces": [True]}, "faces"),
        ({"min_confidence": 1.1}, "min_confidence"),
        ({"region": ""}, "region"),
        ({"engine": "torch"}, "engine"),
        ({"point_x": 4}, "point_y"),
        ({"point_x": 4, "point_y": 4, "faces": [0]}, "faces"),
        ({"expand_pixels": 999, "mode": "x"}, "mode"),
    ],
)
def test_bad_values_name_their_field(values: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidParameter, match=named):
        parse(MaskParams, values)


@pytest.mark.parametrize("text", ["", "abc", "1.5", "0x10", "1_000", "٣", "1e3", "99999999999999999999", "NaN"])
def test_bad_whole_numbers_as_text(text: str) -> None:
    with pytest.raises(InvalidParameter, match="expand_pixels"):
        parse(MaskParams, {"expand_pixels": text}, textual=True)


@pytest.mark.parametrize("text", ["yes", "on", "", "2", "TRUE!", "none"])
def test_bad_booleans_as_text(text: str) -> None:
    with pytest.raises(InvalidParameter, match="invert"):
        parse(MaskParams, {"invert": text}, textual=True)


@pytest.mark.parametrize("text", ["", "[", "[" * 100_000, "a,b", "[[1]]", "1,,2", '{"a": 1}'])
def test_bad_lists_as_text(text: str) -> None:
    with pytest.raises(InvalidParameter, match="faces"):
        parse(MaskParams, {"faces": text}, textual=True)


def test_a_value_that_is_no_text_where_text_is_due() -> None:
    with pytest.raises(InvalidParameter, match="mode"):
        parse(MaskParams, {"mode": b"first"}, textual=True)


@pytest.mark.parametrize(
    ("name", "near"),
    [("expand_pixel", "expand_pixels"), ("blur", "blur_iterations"), ("imageurl", "image_url"), ("inverted", "invert")],
)
def test_unknown_parameters_name_the_nearest(name: str, near: str) -> None:
    with pytest.raises(InvalidParameter, match=near):
        parse(MaskParams, {name: 1})


def test_unknown_without_a_near_one_is_quoted_and_cut() -> None:
    with pytest.raises(InvalidParameter) as e:
        parse(MaskParams, {"<script>\n" + "q" * 1000: 1})
    assert "\n" not in e.value.detail
    assert len(e.value.detail) < 120


def test_file_parameters_are_mask_parameters_too() -> None:
    p = parse(MaskFileParams, {"output_name": "a.png", "overwrite": "true", "mode": "crop"}, textual=True)
    assert (p.output_name, p.overwrite, p.mode) == ("a.png", True, "crop")
    with pytest.raises(InvalidParameter):
        parse(MaskParams, {"overwrite": True})
    with pytest.raises(InvalidParameter, match=r"output_name: must end in \.png"):
        parse(MaskFileParams, {"output_name": "a.txt"})


def test_windows_go_with_a_mask_for_each_face() -> None:
    assert parse(MaskParams, {"masks_format": "window", "mode": "separate"}).masks_format == "window"
    with pytest.raises(InvalidParameter, match="window goes with mode separate"):
        parse(MaskParams, {"masks_format": "window"})


@pytest.mark.parametrize("value", ["ü.png", "ü.png".encode()])
def test_a_source_is_bytes_or_text_as_it_is_asked_for(value: str | bytes) -> None:
    source = Source("bytes", value)
    assert (source.data, source.text) == ("ü.png".encode(), "ü.png")


TEXT = st.text(max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(sorted(MaskFileParams.model_fields)) | TEXT


@given(st.dictionaries(NAMES, JSON, max_size=5))
def test_any_json_gives_parameters_or_invalid_parameter(values: dict[str, Any]) -> None:
    try:
        parse(MaskFileParams, values)
    except InvalidParameter as e:
        assert e.detail
        assert len(e.detail) < 2000


@given(st.dictionaries(NAMES, TEXT, max_size=5))
def test_any_text_gives_parameters_or_invalid_parameter(values: dict[str, str]) -> None:
    try:
        parse(MaskFileParams, values, textual=True)
    except InvalidParameter as e:
        assert e.detail
