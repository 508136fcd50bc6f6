"""``sam-mask mask --target``: the mask, the picture that belongs to it, and the way back, side by side."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from sam_mask_service.targets import Transform

from .conftest import Call


def test_a_picture_that_had_to_fit_lies_beside_its_mask(call: Call, pictures: Path, tmp_path: Path) -> None:
    result = call("mask", "in/a.png", "-o", "m.png", "--target", "openai")
    assert result.exit_code == 0, result.output
    with Image.open(tmp_path / "m.png") as mask, Image.open(tmp_path / "m-image.png") as image:
        assert (mask.mode, mask.size) == ("RGBA", image.size)
        size = image.size
    way = json.loads((tmp_path / "m-target.json").read_text())
    assert way["target"]["name"] == "openai"
    transform = Transform.from_dict(way["transform"])
    assert (transform.width, transform.height) == size


def test_a_picture_that_fits_goes_along_as_it_is(call: Call, pictures: Path, tmp_path: Path) -> None:
    assert call("mask", "in/a.png", "-o", "m.png", "--target", "iopaint").exit_code == 0
    assert sorted(path.name for path in tmp_path.glob("m*.*")) == ["m.png"]


def test_nothing_is_replaced_unasked(call: Call, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "m-image.png").write_bytes(b"mine")
    assert call("mask", "in/a.png", "-o", "m.png", "--target", "openai").exit_code == 1
    assert (tmp_path / "m-image.png").read_bytes() == b"mine"
    assert not (tmp_path / "m.png").exists()
    assert call("mask", "in/a.png", "-o", "m.png", "--target", "openai", "--overwrite").exit_code == 0


def test_a_stream_takes_one_file(call: Call, pictures: Path) -> None:
    result = call("mask", "in/a.png", "-o", "-", "--target", "openai")
    assert result.exit_code != 0
    assert "name a file" in result.output


def test_a_contradiction_is_refused(call: Call, pictures: Path) -> None:
    result = call("mask", "in/a.png", "-o", "m.png", "--target", "a1111", "--invert")
    assert result.exit_code != 0
    assert "contradicts" in str(result.exception)
