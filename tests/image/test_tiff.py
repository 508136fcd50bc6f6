"""TIFF: what scanners and editors write, and what nobody should believe."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from sam_mask_service.errors import ImageTooManyPixels, ImageUnreadable, ServiceError, UnsupportedMedia

from .drawn import decode, drawn, noise, saved


def tiff(pixels: np.ndarray, **options: Any) -> bytes:
    """By tifffile: tiles, planes, byte orders and 16 bits, which Pillow does not write."""
    out = io.BytesIO()
    order = options.pop("byteorder", "<")
    with tifffile.TiffWriter(out, byteorder=order) as writer:
        writer.write(pixels, metadata=None, **options)
    return out.getvalue()


COMPRESSIONS = ["raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits"]


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "LA", "1", "CMYK"])
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_what_pillow_writes(mode: str, compression: str) -> None:
    source = Image.fromarray(drawn()).convert(mode)
    got = decode(saved(source, "TIFF", compression=compression))
    assert got.format == "TIFF"
    np.testing.assert_array_equal(got.rgb, np.asarray(source.convert("RGB")))


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits"])
@pytest.mark.parametrize("size", [(17, 17), (31, 17), (19, 23)])
def test_an_odd_number_of_bytes(size: tuple[int, int], compression: str) -> None:
    source = Image.fromarray(noise()).convert("L").resize(size)
    got = decode(saved(source, "TIFF", compression=compression))
    np.testing.assert_array_equal(got.rgb[..., 0], np.asarray(source))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("extra", [{}, {"tile": (16, 32)}, {"rowsperstrip": 7}, {"planarconfig": "separate"}], ids=str)
@pytest.mark.parametrize("depth", [8, 16])
def test_layouts(order: str, extra: dict[str, Any], depth: int) -> None:
    pixels = noise(61, 45)
    deep = pixels.astype(np.uint16) * 257 if depth == 16 else pixels
    stored = np.moveaxis(deep, 2, 0) if "planarconfig" in extra else deep
    data = tiff(stored, photometric="rgb", byteorder=order, **extra)
    np.testing.assert_array_equal(decode(data).rgb, pixels)


@pytest.mark.parametrize("order", ["<", ">"])
def test_sixteen_bits_of_grey(order: str) -> None:
    values = np.tile(np.linspace(0, 65_535, 64).astype(np.uint16), (32, 1))
    got = decode(tiff(values, photometric="minisblack", byteorder=order))
    np.testing.assert_array_equal(got.rgb[0, :, 0], values[0] // 257)


def test_transparency_orientation_and_a_predictor() -> None:
    pixels = noise(40, 30, 4)
    np.testing.assert_array_equal(
        decode(tiff(pixels, photometric="rgb", extrasamples=["unassalpha"])).alpha, pixels[..., 3]
    )
    turned = decode(tiff(drawn(), photometric="rgb", extratags=[(274, 3, 1, 6, True)]))
    np.testing.assert_array_equal(turned.rgb, np.rot90(drawn(), -1))
    smooth = Image.fromarray(drawn())
    data = saved(smooth, "TIFF", compression="tiff_lzw", tiffinfo={317: 2})
    np.testing.assert_array_equal(decode(data).rgb, drawn())


def test_the_first_page_counts() -> None:
    pages = [Image.fromarray(drawn()), Image.new("RGB", (500, 500))]
    data = saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    np.testing.assert_array_equal(decode(data).rgb, drawn())


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_never_half_a_picture_and_never_a_line_in_our_log(compression: str, capfd: pytest.CaptureFixture[str]) -> None:
    good = saved(Image.fromarray(noise()), "TIFF", compression=compression)
    for at in range(8, len(good) - 300, 997):
        broken = bytearray(good)
        broken[at : at + 40] = bytes(40)
        try:
            decode(bytes(broken))
        except ServiceError as error:
            assert error.status in (415, 422)
    with pytest.raises(ImageUnreadable):
        decode(good[: len(good) // 2])
    assert capfd.readouterr().err == ""


def entry(tag: int, kind: int, count: int, value: int) -> bytes:
    return struct.pack("<HHII", tag, kind, count, value)


def made(*entries: bytes, tail: bytes = bytes(3000)) -> bytes:
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + b"".join(entries) + bytes(4) + tail


GREY = (entry(258, 3, 1, 8), entry(259, 3, 1, 1), entry(262, 3, 1, 1))
SIZE = (entry(256, 3, 1, 32), entry(257, 3, 1, 32))
STRIP = (entry(273, 4, 1, 200), entry(279, 4, 1, 1024))


def test_the_smallest_one_is_read() -> None:
    assert decode(made(*SIZE, *GREY, *STRIP)).rgb.shape == (32, 32, 3)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (made(*GREY, *STRIP), ImageUnreadable),
        (made(*SIZE, *GREY), ImageUnreadable),
        (made(*SIZE, *GREY, entry(273, 4, 1, 200), entry(279, 4, 1, 10_000)), ImageUnreadable),
        (made(*SIZE, *GREY, *STRIP, entry(278, 3, 1, 1)), ImageUnreadable),
        (made(*SIZE, *GREY, *STRIP, entry(278, 5, 1, 1)), ImageUnreadable),
        (made(*SIZE, *GREY, entry(273, 4, 70_000, 200), entry(279, 4, 1, 1024)), ImageUnreadable),
        (made(*SIZE, *GREY, *STRIP, entry(324, 4, 1, 200), entry(325, 4, 1, 1), entry(322, 3, 1, 17), entry(323, 3, 1,
        16)),
         ImageUnreadable),
        (made(*SIZE, *STRIP, *GREY[:1], entry(259, 3, 1, 7), GREY[2]), UnsupportedMedia),
        (made(*SIZE, *STRIP, *GREY, entry(339, 3, 1, 3)), UnsupportedMedia),
        (made(*SIZE, *STRIP, *GREY[:2], entry(262, 3, 1, 6)), UnsupportedMedia),
        (made(*SIZE, *STRIP, *GREY, entry(277, 3, 1, 9)), UnsupportedMedia),
        (made(entry(256, 4, 1, 50_000), entry(257, 4, 1, 50_000), *GREY, *STRIP), ImageTooManyPixels),
        (b"II*\0\xff\xff\xff\xff", ImageUnreadable),
        (b"II*\0" + struct.pack("<IH", 8, 60_000) + bytes(3000), ImageUnreadable),
    ],
)  # fmt: skip
def test_what_is_not_believed(data: bytes, error: type[ServiceError]) -> None:
    with pytest.raises(error):
        decode(data)


def test_white_may_be_zero_and_rows_too_short_or_too_long() -> None:
    values = noise()[:, :, 0]
    np.testing.assert_array_equal(decode(tiff(255 - values, photometric="miniswhite")).rgb[..., 0], values)
    with pytest.raises(ImageUnreadable):
        decode(made(*SIZE, *GREY, entry(273, 4, 1, 200), entry(279, 4, 1, 100)))
    with pytest.raises(ImageUnreadable):
        decode(made(entry(256, 4, 1, 2_000_000), entry(257, 3, 1, 16), *GREY, *STRIP))
    with pytest.raises(ImageUnreadable):
        decode(made(*SIZE, *GREY[:2], entry(262, 3, 1, 3), *STRIP))


def test_its_profile() -> None:
    found = decode(saved(Image.fromarray(drawn()), "TIFF", icc_profile=b"profile" * 20))
    assert found.profile == b"profile" * 20


def test_a_predictor_over_16_bits() -> None:
    values = noise().astype(np.uint16) * 257
    data = tiff(values, photometric="rgb", compression="deflate", predictor=2)
    np.testing.assert_array_equal(decode(data).rgb, noise())


@pytest.mark.parametrize("packed", [5, 32_773])
def test_rows_that_do_not_unpack(packed: int) -> None:
    with pytest.raises(ImageUnreadable):
        decode(made(*SIZE, GREY[0], entry(259, 3, 1, packed), GREY[2], *STRIP, tail=b"\x80" * 3000))
