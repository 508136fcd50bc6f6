"""Every row against the rule that it states: the files are decoded again with Pillow and looked at."""

from __future__ import annotations

import functools
import importlib
import io
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sam_mask_service.errors import InvalidParameter
from sam_mask_service.mask import Alpha, feather
from sam_mask_service.targets import TARGETS, Edit, Target, Transform, encode, find, resolve_invert
from sam_mask_service.targets.encode import encode_mask

targets_encode = importlib.import_module("sam_mask_service.targets.encode")
"""The module: ``sam_mask_service.targets.encode`` is the function of its name."""

EDITS: tuple[Edit, ...] = get_args(Edit)
ROWS = list(TARGETS.values())


@functools.lru_cache(maxsize=8)
def scene(
    width: int, height: int, soft: float = 12
) -> tuple[Alpha, np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]]:
    """A mask with a soft-edged ellipse in the middle, and a noisy picture; nobody may write on them."""
    y, x = np.mgrid[:height, :width]
    bits = ((x - width / 2) / (width / 4)) ** 2 + ((y - height / 2) / (height / 4)) ** 2 <= 1
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    alpha = feather(bits, soft)
    alpha.flags.writeable = picture.flags.writeable = False
    return alpha, picture


def opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def change_of(mask: Image.Image, row: Target) -> Alpha:
    """0…255, 255 = to be repainted, read as the consumer reads it."""
    values = np.asarray(mask)[..., 3] if row.carrier == "alpha" else np.asarray(mask)
    return np.asarray(values if row.change == "white" else 255 - values, np.uint8)


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@pytest.mark.parametrize("size", [(640, 480), (501, 333), (90, 400), (2500, 1200)], ids=str)
def test_row(row: Target, edit: Edit, size: tuple[int, int]) -> None:
    alpha, picture = scene(*size)
    out = encode(alpha, picture, row, edit=edit, source_bytes=1000)
    mask = opened(out.mask)
    assert mask.format == "PNG"
    assert mask.mode == ("RGBA" if row.carrier == "alpha" else "L")
    assert mask.size == (out.transform.width, out.transform.height)
    assert len(out.mask) <= row.max_mask_bytes
    assert not mask.info
    _check_values(change_of(mask, row), row, edit, out.transform)
    _check_picture(out.picture, mask, row, out.transform)
    assert out.inverted == row.face_is_black(edit)


def _check_values(change: Alpha, row: Target, edit: Edit, transform: Transform) -> None:
    values = set(np.unique(change).tolist())
    assert (len(values) > 2) == row.soft if transform.identity or row.soft else values == {0, 255}
    if not row.soft:
        assert values == {0, 255}
    x, y = (int(v) for v in transform.forward(transform.source_width / 2, transform.source_height / 2))
    face, corner = change[y, x], change[transform.offset_y, transform.offset_x]
    assert (face, corner) == ((255, 0) if edit == "faces" else (0, 255))


def _check_picture(data: bytes | None, mask: Image.Image, row: Target, transform: Transform) -> None:
    if row.mask_is_picture:
        assert data is None
        return
    assert (data is None) == transform.identity
    if data is not None:
        picture = opened(data)
        assert picture.size == mask.size
        assert picture.mode == "RGB"
        assert str(picture.format).lower() in row.image_formats
        assert len(data) <= row.max_image_bytes


def test_comfyui_load_image_gets_picture_and_mask_in_one_file() -> None:
    alpha, picture = scene(64, 48)
    out = opened(encode(alpha, picture, TARGETS["comfyui"], source_bytes=10).mask)
    pixels = np.asarray(out)
    assert np.array_equal(pixels[..., :3], picture)
    load_image_mask = 1.0 - pixels[..., 3].astype(np.float32) / 255.0  # what LoadImage does
    assert load_image_mask[24, 32] == 1
    assert load_image_mask[0, 0] == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(16, 300), st.integers(16, 300), st.sampled_from(ROWS), st.sampled_from(EDITS))
def test_small_pictures_of_any_size(width: int, height: int, row: Target, edit: Edit) -> None:
    alpha, picture = scene(width, height, 0)
    out = encode(alpha, picture, row, edit=edit)
    mask = opened(out.mask)
    assert mask.size == (out.transform.width, out.transform.height)
    face = np.count_nonzero(change_of(mask, row) >= 128)
    assert 0 < face < mask.width * mask.height


def test_a_picture_with_too_many_bytes_comes_along_smaller() -> None:
    row = TARGETS["ideogram-edit"]
    alpha, picture = scene(320, 240)
    assert encode(alpha, picture, row, source_bytes=row.max_image_bytes).picture is None
    assert encode(alpha, picture, row, source_bytes=row.max_image_bytes + 1).picture is not None
    assert encode(alpha, picture, row, source_bytes=10, as_is=False).picture is not None


def test_byte_limits_make_the_picture_smaller_and_the_mask_with_it() -> None:
    row = Target("x", "x", "x", change="white", max_image_bytes=60_000, image_formats=("png",))
    alpha, picture = scene(300, 200)
    out = encode(alpha, picture, row)
    assert out.picture is not None
    assert len(out.picture) <= 60_000
    assert opened(out.picture).size == opened(out.mask).size == (out.transform.width, out.transform.height)
    assert out.transform.scaled


def test_jpeg_before_shrinking_where_the_consumer_reads_it() -> None:
    row = Target("x", "x", "x", change="white", max_image_bytes=120_000)
    alpha, picture = scene(300, 200)
    out = encode(alpha, picture, row)
    assert out.picture_format == "jpeg"
    assert not out.transform.scaled


def test_a_mask_a_little_too_large_is_packed_once_more() -> None:
    change, picture = scene(400, 300, soft=80)
    row = Target("x", "x", "x", change="white", max_mask_bytes=10**6)
    first = len(encode_mask(change, picture, row))
    tight = replace(row, max_mask_bytes=first - 1)
    packed = encode_mask(change, picture, tight)
    assert len(packed) < first
    assert np.array_equal(np.asarray(opened(packed)), np.asarray(opened(encode_mask(change, picture, row))))


@pytest.mark.parametrize(("noisy", "fits"), [(False, True), (True, False)])
def test_a_large_picture_is_judged_by_some_of_its_rows(
    monkeypatch: pytest.MonkeyPatch, noisy: bool, fits: bool
) -> None:
    """What would surely be too long is not made to find that out."""
    made: list[int] = []
    real = targets_encode.encode_image

    def counted(pixels: Alpha, *args: Any, **options: Any) -> bytes:
        made.append(pixels.shape[0])
        return bytes(real(pixels, *args, **options))

    monkeypatch.setattr(targets_encode, "encode_image", counted)
    monkeypatch.setattr(targets_encode, "_SAMPLED", 100_000)
    values = (
        np.random.default_rng(0).integers(0, 256, (600, 400)).astype(np.uint8)
        if noisy
        else np.zeros((600, 400), np.uint8)
    )
    row = Target("x", "x", "x", change="white", max_mask_bytes=50_000)
    if fits:
        assert encode_mask(values, values[..., None].repeat(3, 2), row)
        assert made[-1] == 600
    else:
        with pytest.raises(targets_encode._TooLongError):
            encode_mask(values, values[..., None].repeat(3, 2), row)
        assert 600 not in made


def test_no_way_to_get_under_the_limit_is_an_error() -> None:
    row = Target("x", "x", "x", change="white", max_mask_bytes=10)
    with pytest.raises(InvalidParameter, match="small enough"):
        encode(*scene(64, 64), row)


@pytest.mark.parametrize("value", [0, 255])
def test_a_consumer_that_needs_both_values_refuses_a_mask_of_one(value: int) -> None:
    alpha = np.full((32, 32), value, np.uint8)
    with pytest.raises(InvalidParameter, match="only one"):
        encode_mask(alpha, np.zeros((32, 32, 3), np.uint8), TARGETS["ideogram-edit"])
    assert encode_mask(alpha, np.zeros((32, 32, 3), np.uint8), TARGETS["a1111"])


def test_sizes_that_differ_are_refused() -> None:
    with pytest.raises(InvalidParameter, match="differ"):
        encode(np.zeros((8, 8), np.uint8), np.zeros((8, 9, 3), np.uint8), TARGETS["a1111"])


@pytest.mark.parametrize(
    ("name", "edit", "invert"),
    [
        ("a1111", "faces", False),
        ("a1111", "everything_else", True),
        ("ideogram-edit", "faces", True),
        ("ideogram-edit", "everything_else", False),
        ("ideogram-remove", "faces", False),
        ("nova-inpaint", "faces", True),
        ("nova-outpaint", "faces", False),
        ("openai", "faces", True),
        ("comfyui", "faces", True),
        ("comfyui-mask", "faces", False),
    ],
)
def test_a_target_sets_invert_and_refuses_the_contrary(name: str, edit: Edit, invert: bool) -> None:
    row = find(name)
    assert resolve_invert(row, edit, None) is invert
    assert resolve_invert(row, edit, invert) is invert
    with pytest.raises(InvalidParameter, match="contradicts"):
        resolve_invert(row, edit, not invert)


def test_an_unknown_target_names_the_known() -> None:
    with pytest.raises(InvalidParameter, match="stability"):
        find("dall-e-9")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_says_its_polarity_and_where_the_files_go(row: Target) -> None:
    assert "change" in row.polarity("faces")
    assert "keep" in row.polarity("faces")
    sources = [f.get("from") for f in row.fields.values()]
    assert sources.count("mask_base64") == 1
    assert row.mask_is_picture or row.name == "comfyui-mask" or sources.count("image_base64") == 1
