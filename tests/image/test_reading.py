"""Pictures in every way users and attackers send them; all drawn here."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from sam_mask_service import image
from sam_mask_service.errors import (
    ImageTooManyPixels,
    ImageTooSmall,
    ImageUnreadable,
    ServiceError,
    TooLarge,
    UnsupportedMedia,
)
from sam_mask_service.geometry import PixelBox

from .drawn import LIMITS, decode, drawn, png_chunk, saved


@pytest.mark.parametrize("kind", ["BMP", "GIF", "AVIF"])
def test_further_formats(kind: str) -> None:
    options = {"quality": 95} if kind == "AVIF" else {}
    got = decode(saved(Image.fromarray(drawn()), kind, **options))
    assert got.format == kind
    np.testing.assert_allclose(
        got.rgb[[5, 5, 35, 35], [5, 50, 5, 50]].astype(int), drawn()[[5, 5, 35, 35], [5, 50, 5, 50]], atol=12
    )


MODES = [*(("PNG", mode) for mode in ("RGB", "RGBA", "P", "L", "LA", "1")), ("WEBP", "RGB"), ("WEBP", "RGBA")]


@pytest.mark.parametrize(("kind", "mode"), MODES)
def test_modes(kind: str, mode: str) -> None:
    source = Image.fromarray(drawn()).convert(mode)
    got = decode(saved(source, kind, lossless=True) if kind == "WEBP" else saved(source, kind))
    assert got.rgb.shape == (40, 60, 3)
    expected = np.asarray(source.convert("RGB"))
    np.testing.assert_allclose(got.rgb.astype(int), expected.astype(int), atol=2)


def test_cmyk_jpeg_keeps_its_colours() -> None:
    got = decode(saved(Image.fromarray(drawn()).convert("CMYK"), "JPEG", quality=95))
    for (y, x), colour in {
        (5, 5): (255, 0, 0),
        (5, 50): (0, 255, 0),
        (35, 5): (0, 0, 255),
        (35, 50): (255, 255, 255),
    }.items():
        np.testing.assert_allclose(got.rgb[y, x].astype(int), colour, atol=12)


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    ramp = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (32, 1))
    got = decode(saved(Image.fromarray(ramp), "PNG"))
    np.testing.assert_array_equal(got.rgb[0, :, 0], ramp[0] // 257)


def test_transparency_lies_on_white() -> None:
    rgba = np.zeros((20, 20, 4), np.uint8)
    rgba[:, 10:] = (10, 20, 30, 255)
    got = decode(saved(Image.fromarray(rgba), "PNG"))
    assert got.rgb[0, 0].tolist() == [255, 255, 255]
    assert got.rgb[0, 15].tolist() == [10, 20, 30]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_gives_the_upright_picture(orientation: int) -> None:
    upright = Image.fromarray(drawn())
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(decode(saved(stored, "PNG", exif=exif)).rgb, np.asarray(upright))


@pytest.mark.parametrize(
    "exif", [b"Exif\x00\x00garbage", b"Exif\x00\x00II*\x00\xff\xff\xff\xff", b"", b"\x00" * 60_000]
)
def test_bad_exif_is_ignored(exif: bytes) -> None:
    assert decode(saved(Image.fromarray(drawn()), "JPEG", exif=exif)).width == 60


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_orientation_out_of_range_is_ignored(value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    assert decode(saved(Image.fromarray(drawn()), "JPEG", exif=exif)).width == 60


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", ImageUnreadable),
        (b"x", UnsupportedMedia),
        (b"\xff\xd8\xff", ImageUnreadable),
        (b"\x89PNG\r\n\x1a\n", ImageUnreadable),
        (b"RIFF\x04\x00\x00\x00WEBP", ImageUnreadable),
        (b"GIF89a" + bytes(100), ImageUnreadable),
        (b"II*\x00" + bytes(100), ImageUnreadable),
        (b"BM", ImageUnreadable),
        (b"\x00\x00\x00\x18ftypheic" + bytes(100), UnsupportedMedia),
        (b"\x00\x00\x00\x18ftypjxl " + bytes(100), UnsupportedMedia),
        (b"8BPS" + bytes(100), UnsupportedMedia),
        (b"%!PS-Adobe-3.0 EPSF-3.0", UnsupportedMedia),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", UnsupportedMedia),
        (b"%PDF-1.7", UnsupportedMedia),
        (np.random.default_rng(0).bytes(1000), UnsupportedMedia),
        (b"\xff\xd8\xff" + np.random.default_rng(0).bytes(1000), ImageUnreadable),
        (bytes(2 << 20), TooLarge),
    ],
)
def test_what_is_no_picture(data: bytes, error: type[ServiceError]) -> None:
    with pytest.raises(error):
        decode(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9, 0.99])
def test_never_half_a_picture(kind: str, share: float) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    data = saved(Image.fromarray(noise), kind)
    with pytest.raises((ImageUnreadable, UnsupportedMedia)):
        decode(data[: int(len(data) * share)])


def png_header(width: int, height: int) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(b"")) + png_chunk(b"IEND", b"")


def test_a_header_that_claims_too_much_is_refused_before_any_pixel() -> None:
    with pytest.raises(ImageTooManyPixels):
        decode(png_header(50_000, 50_000))


def test_the_pixel_limit_is_exact() -> None:
    data = saved(Image.new("RGB", (100, 50)), "PNG")
    assert decode(data, max_pixels=5000).width == 100
    with pytest.raises(ImageTooManyPixels):
        decode(data, max_pixels=4999)


def test_a_wrong_checksum_is_unreadable() -> None:
    data = bytearray(saved(Image.fromarray(drawn()), "PNG"))
    data[40] ^= 1
    with pytest.raises(ImageUnreadable):
        decode(bytes(data))


def test_too_small() -> None:
    with pytest.raises(ImageTooSmall):
        decode(saved(Image.new("RGB", (image.MIN_SIDE - 1, 500)), "PNG"))


def test_a_jpeg_with_too_many_scans_is_refused() -> None:
    data = saved(Image.fromarray(drawn()), "JPEG", progressive=True)
    start = data.index(b"\xff\xda")
    with pytest.raises(ImageUnreadable):
        decode(data[:start] + b"\xff\xda" * 101 + data[start:])


def test_a_phones_two_picture_jpeg() -> None:
    first, second = Image.fromarray(drawn()), Image.new("RGB", (60, 40))
    data = saved(first, "MPO", save_all=True, append_images=[second], quality=95)
    got = decode(data)
    assert got.format == "JPEG"
    assert got.rgb[5, 5, 0] > 200


def test_first_frame_only() -> None:
    frames = [Image.fromarray(drawn()), *(Image.new("RGB", (60, 40), (0, 0, i)) for i in range(20))]
    got = decode(saved(frames[0], "PNG", save_all=True, append_images=frames[1:]))
    np.testing.assert_array_equal(got.rgb, drawn())


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(["JPEG", "PNG", "WEBP"]))
def test_bit_flips_give_a_picture_or_a_service_error(data: st.DataObject, kind: str) -> None:
    original = bytearray(saved(Image.fromarray(drawn()), kind))
    for position in data.draw(st.lists(st.integers(0, len(original) - 1), max_size=8)):
        original[position] ^= data.draw(st.integers(1, 255))
    try:
        got = decode(bytes(original))
    except ServiceError as e:
        assert e.status in (413, 415, 422)
    else:
        assert got.rgb.dtype == np.uint8


@pytest.mark.parametrize("quality", [50, 75, 90, 97])
def test_the_quality_of_a_jpeg_is_recovered(quality: int) -> None:
    found = decode(saved(Image.fromarray(drawn()), "JPEG", quality=quality)).quality
    assert found is not None
    assert abs(found - quality) <= 2
    assert decode(saved(Image.fromarray(drawn()), "PNG")).quality is None


def test_crop_moves_colours_to_srgb() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (None, srgb, b"rubbish", ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()):
        picture = image.Picture(drawn(), "PNG", profile)
        np.testing.assert_array_equal(image.crop(picture, PixelBox(10, 5, 30, 20)), drawn()[5:25, 10:40])


@pytest.mark.parametrize("mode", ["RGB", "L", "LA", "P", "RGBA", "1", "I;16", "P with transparency"])
def test_pixels_are_the_same_in_bands_and_as_a_whole(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (61, 40, 4), np.uint8)
    grey = Image.fromarray(noise[:, :, 0].astype(np.uint16) * 257)
    picture = grey if mode == "I;16" else Image.fromarray(noise).convert(mode.split()[0])
    data = saved(picture, "PNG", **({"transparency": 7} if "with" in mode else {}))
    expected = image.decode(data, **LIMITS).rgb
    for band in (1, 40 * 7, 40 * 60):
        monkeypatch.setattr("sam_mask_service.image.rasters._BAND", band)
        np.testing.assert_array_equal(image.decode(data, **LIMITS).rgb, expected)
