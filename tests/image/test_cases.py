"""Inputs that went wrong once (``../shared/cases``), and what is right."""

from __future__ import annotations

import numpy as np
import pytest

from sam_mask_service import image
from sam_mask_service.actions import composite, read_change

from .drawn import CASES

pytestmark = pytest.mark.skipif(not CASES.exists(), reason="the cases are not here")
BOUNDS = {"max_bytes": 20 << 20, "max_pixels": 20_000_000}


def read(name: str) -> image.Picture:
    return image.decode((CASES / name).read_bytes(), **BOUNDS)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("jpeg_trailer_101_ffda.jpg", (512, 512)),
        ("no_eoi.jpg", (160, 200)),
        ("png_itxt_xmp_1100000.png", (160, 200)),
        ("xmp_only_orientation6.jpg", (400, 300)),
        ("webp_exif6.webp", (300, 400)),
        ("portrait.heic", (300, 380)),
        ("strip_700x12000.jpg", (700, 12_000)),
    ],
)
def test_it_is_read_upright(name: str, size: tuple[int, int]) -> None:
    picture = read(name)
    assert (picture.width, picture.height) == size


@pytest.mark.parametrize("name", ["p3_apple_description.jpg", "p3_samsung_description.jpg"])
def test_a_wide_gamut_is_known_by_its_numbers(name: str) -> None:
    picture = read(name)
    srgb = image.to_srgb(picture.rgb, picture.profile).reshape(-1, 3).astype(int)
    patch = np.abs(picture.rgb.reshape(-1, 3).astype(int) - (230, 30, 30)).max(axis=1) <= 2
    assert patch.sum() > 100
    np.testing.assert_allclose(np.median(srgb[patch], axis=0), (252, 0, 0), atol=2)


def test_a_broken_orientation_shows_no_hidden_colours() -> None:
    plain, odd = read("palette_transparent.png"), read("palette_transparent_orientation0.png")
    np.testing.assert_array_equal(plain.rgb, odd.rgb)
    assert plain.alpha is not None and odd.alpha is not None
    np.testing.assert_array_equal(plain.alpha, odd.alpha)
    assert (plain.rgb[plain.alpha == 0] == 255).all()


def mask_of(name: str) -> np.ndarray:
    return image.decode_mask((CASES / name).read_bytes(), **BOUNDS)


def test_a_mask_of_16_bits_is_the_mask_of_8() -> None:
    np.testing.assert_array_equal(mask_of("mask16.png"), mask_of("mask8.png"))
    original = read("portrait160.png").rgb
    out = composite(original, np.zeros_like(original), read_change(mask_of("mask16.png"), "white"))
    assert out[75, 15].tolist() == [115, 95, 58]


def test_white_that_nobody_sees_is_no_mask() -> None:
    mask = mask_of("mask_white_under_alpha.png")
    np.testing.assert_array_equal(read_change(mask, "white"), mask[:, :, 3])
    assert read_change(mask, "white").min() == 0


def test_transparency_is_known() -> None:
    alpha = read("rgba_transparent_bottom.png").alpha
    assert alpha is not None and alpha[-1].max() == 0 and alpha[0].min() == 255
