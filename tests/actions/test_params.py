"""What the hand-over endpoints take and refuse."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from sam_mask_service.actions.params import AnonymizeParams, CompositeParams, CutoutParams, ImageMaskParams
from sam_mask_service.errors import InvalidParameter
from sam_mask_service.params import MaskParams, parse
from sam_mask_service.targets import Transform

REFUSED: list[tuple[type[BaseModel], dict[str, Any], str]] = [
    (AnonymizeParams, {"method": "smear"}, "method"),
    (AnonymizeParams, {"strength": 1.01}, "strength"),
    (AnonymizeParams, {"strength": -0.01}, "strength"),
    (AnonymizeParams, {"except": []}, "except"),
    (AnonymizeParams, {"except": [-1]}, "except"),
    (AnonymizeParams, {"except": [0.5]}, "except"),
    (AnonymizeParams, {"colour": "redish"}, "colour"),
    (AnonymizeParams, {"except_points": [[1, 2, 3]]}, "except_points"),
    (AnonymizeParams, {"except_points": [[-1, 2]]}, "except_points"),
    (AnonymizeParams, {"except_points": []}, "except_points"),
    (AnonymizeParams, {"methd": "blur"}, "did you mean method"),
    (AnonymizeParams, {"box": [1, 2, 3, 4]}, "did you mean boxes"),
    (AnonymizeParams, {"boxes": [[1, 2, 3]]}, "four numbers"),
    (AnonymizeParams, {"boxes": [[1, 2, 0, 4]]}, "at least a pixel"),
    (MaskParams, {"boxes": [[1, 2, 3, 4]]}, '"boxes"[.]$'),
    (MaskParams, {"expand": 5}, "did you mean expand_pixels"),
    (MaskParams, {"blur": 5}, "did you mean blur_iterations"),
    (MaskParams, {"imageurl": "https://x"}, "did you mean image_url"),
    (MaskParams, {"faces": []}, "at least 1 item, not 0"),
    (CutoutParams, {"background": "url(x)"}, "colour"),
    (CutoutParams, {"padding": 2.1}, "padding"),
    (CutoutParams, {"aspect": "16:9"}, "aspect"),
    (CutoutParams, {"format": "gif"}, "format"),
    (CompositeParams, {"transform": [1]}, "transform"),
    (CompositeParams, {"match": "all"}, "match"),
    (ImageMaskParams, {"points": []}, "points"),
    (ImageMaskParams, {"points": [[1, 2, 1]] * 5000}, "points"),
    (ImageMaskParams, {"points": [[1, 2]]}, "points"),
    (ImageMaskParams, {"points": [[1, 2, 2]]}, "points"),
    (ImageMaskParams, {"points": [[-1, 2, 1]]}, "points"),
    (ImageMaskParams, {"points": [["x", 2, 1]]}, "points"),
    (ImageMaskParams, {"points": [[True, 2, 1]]}, "points"),
    (ImageMaskParams, {"points": [5]}, "points"),
    (ImageMaskParams, {"points": "all"}, "points"),
    (ImageMaskParams, {"box": [1, 2, 3]}, "box"),
    (ImageMaskParams, {"box": [-2e6, 2, 3, 4]}, "box"),
    (ImageMaskParams, {"box": [1, 2, 0, 5]}, "box"),
    (ImageMaskParams, {"box": [1, 2, 3, 4], "mode": "crop"}, "box"),
    (MaskParams, {"target": "photoshop"}, "stability"),
    (MaskParams, {"target": "a1111", "invert": True}, "contradicts"),
    (MaskParams, {"target": "a1111", "mode": "separate"}, "mode"),
    (MaskParams, {"edit": "everything_else"}, "target"),
    (MaskParams, {"target": "a1111", "edit": "nothing"}, "edit"),
    (MaskParams, {"target": 5}, "target"),
]


@pytest.mark.parametrize(("model", "values", "word"), REFUSED, ids=lambda v: str(v)[:40])
def test_refused(model: type[BaseModel], values: dict[str, Any], word: str) -> None:
    with pytest.raises(InvalidParameter, match=word):
        parse(model, values)


def test_text_is_read_as_what_it_stands_for() -> None:
    hidden = parse(AnonymizeParams, {"except": "0,2", "strength": "0.7", "colour": "#fff"}, textual=True)
    assert (hidden.kept, hidden.strength, hidden.rgb) == ([0, 2], 0.7, (255, 255, 255))
    way = Transform(8, 4, 16, 8, 4, 2)
    sent = parse(CompositeParams, {"transform": json.dumps(way.as_dict()), "match": "seam"}, textual=True)
    assert sent.transform is not None and Transform.from_dict(sent.transform) == way
    asked = parse(ImageMaskParams, {"points": "[[1, 2, 1], [3.5, 4, 0]]", "box": "[1, 2, 3, 4]"}, textual=True)
    assert asked.points == [[1, 2, 1], [3.5, 4, 0]]


def test_a_box_may_begin_outside_of_the_picture() -> None:
    assert parse(ImageMaskParams, {"box": [-5, -2.5, 60, 50]}).box == [-5, -2.5, 60, 50]
    assert parse(AnonymizeParams, {"boxes": "-5,-2.5,60,50"}, textual=True).boxes == [[-5, -2.5, 60, 50]]


def test_privacy_looks_harder_by_default() -> None:
    assert AnonymizeParams().recall == "high"
    assert AnonymizeParams().kept == []


def test_a_target_sets_invert() -> None:
    assert parse(MaskParams, {"target": "a1111"}).invert is False
    assert parse(MaskParams, {"target": "a1111", "edit": "everything_else"}).invert is True
    assert parse(MaskParams, {"target": "ideogram-edit"}).invert is True
    assert parse(MaskParams, {"target": "ideogram-edit", "invert": True}).invert is True
    assert parse(MaskParams, {}).invert is True


def test_the_mark_of_a_composite_follows_its_target() -> None:
    assert CompositeParams().mark == "white"
    assert CompositeParams(change="black").mark == "black"
    assert CompositeParams(target="openai").mark == "transparent"
    with pytest.raises(InvalidParameter, match="contradicts"):
        _ = CompositeParams(target="openai", change="black").mark
