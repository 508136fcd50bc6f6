"""Arrays → files and back."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from sam_mask_service import image
from sam_mask_service.errors import InvalidParameter
from sam_mask_service.image.encoding import unasked

from .drawn import drawn


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_outputs_carry_no_metadata(kind: image.OutputFormat) -> None:
    with Image.open(io.BytesIO(image.encode(drawn(), kind))) as out:
        assert not dict(out.getexif())
        assert not {"icc_profile", "exif", "xmp", "comment"} & set(out.info)


def test_encode_round_trips_masks_and_pictures() -> None:
    for array in (drawn(), drawn()[:, :, 0], np.dstack([drawn(), drawn()[:, :, 0]])):
        with Image.open(io.BytesIO(image.encode(array))) as out:
            np.testing.assert_array_equal(np.asarray(out), array)
    bits = drawn()[:, :, 0] > 128
    with Image.open(io.BytesIO(image.encode(bits))) as out:
        assert out.mode == "L"
        np.testing.assert_array_equal(np.asarray(out) == 255, bits)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (2, 1_000_001), (1_000_001, 2), (200, 333)])
def test_masks_of_every_shape_and_layout_round_trip(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(5).integers(0, 256, shape).astype(np.uint8)
    for mask in (noise, noise[::-1, ::-1], np.asfortranarray(noise), np.zeros(shape, np.uint8), noise > 200):
        with Image.open(io.BytesIO(image.encode(mask))) as out:
            assert (out.mode, out.size) == ("L", shape[::-1])
            np.testing.assert_array_equal(np.asarray(out), mask * np.uint8(255) if mask.dtype == bool else mask)


def test_a_mask_with_its_soft_edge_is_small() -> None:
    y, x = np.mgrid[:1024, :1024]
    soft = np.clip(255 * (300.5 - np.hypot(x - 500, y - 480)) / 6, 0, 255).astype(np.uint8)
    assert len(image.encode(soft)) < 20_000
    assert len(image.encode(soft > 127)) < 5_000


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_dots_per_inch_are_written_where_they_are_asked_for(kind: image.OutputFormat) -> None:
    with Image.open(io.BytesIO(image.encode(drawn(), kind, dpi=300))) as out:
        assert [round(value) for value in out.info["dpi"]] == [300, 300]


@pytest.mark.parametrize(("kind", "longest"), [("jpeg", 65_500), ("webp", 16_383)])
def test_a_side_that_a_format_has_no_room_for_is_refused(kind: image.OutputFormat, longest: int) -> None:
    long = np.zeros((1, longest + 1, 3), np.uint8)
    assert image.encode(long[:, 1:], kind)
    with pytest.raises(InvalidParameter, match=f"{kind} has no picture of {longest + 1} × 1"):
        image.encode(long, kind)


def test_webp_alone_is_packed_without_being_asked() -> None:
    assert unasked(drawn(), "png") == unasked(drawn(), "jpeg") == 0
    assert unasked(np.zeros((1000, 1000, 3)), "webp") == pytest.approx(0.06)
