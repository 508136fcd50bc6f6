"""Colour profiles: judged by their numbers, applied once, passed over when they are broken."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from sam_mask_service import image
from sam_mask_service.image import cicp, icc
from sam_mask_service.image.colour import grey_levels, mover

from .drawn import LIMITS, decode, drawn, noise, saved

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
P3 = cicp.profile_of(12, 13) or b""


def tagged(tags: dict[bytes, bytes], space: bytes = b"RGB ", kind: bytes = b"mntr") -> bytes:
    """A profile of these tags, which calls itself nothing."""
    at, table, body = 132 + 12 * len(tags), b"", b""
    for name, value in tags.items():
        table += name + struct.pack(">II", at + len(body), len(value))
        body += value
    head = struct.pack(">I", at + len(body)) + b"\0\0\0\0\x02\x10\0\0" + kind + space + b"XYZ " + bytes(12) + b"acsp"
    return (
        head
        + bytes(28)
        + struct.pack(">3i", 63190, 65536, 54061)
        + bytes(48)
        + struct.pack(">I", len(tags))
        + table
        + body
    )


def para(kind: int, *values: float) -> bytes:
    return b"para\0\0\0\0" + struct.pack(f">HH{len(values)}i", kind, 0, *(round(v * 65_536) for v in values))


def curve(*values: int) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(f">I{len(values)}H", len(values), *values)


def point(values: np.ndarray) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(float(v) * 65_536) for v in values))


COLORANTS = {name: point(icc._SRGB[i]) for i, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
LIGHT = np.linspace(0, 1, 1024)
TABLE = curve(
    *np.round(np.where(LIGHT > 0.04045, ((LIGHT + 0.055) / 1.055) ** 2.4, LIGHT / 12.92) * 65_535).astype(int)
)


def srgb_with(tone: bytes, **more: bytes) -> bytes:
    return tagged(
        COLORANTS | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), tone) | {k.encode(): v for k, v in more.items()}
    )


A, B, C, D = 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045


@pytest.mark.parametrize(
    ("tone", "same"),
    [
        (TABLE, True),
        (para(3, 2.4, A, B, C, D), True),
        (para(4, 2.4, A, B, C, D, 0, 0), True),
        (para(0, 2.2), False),
        (para(1, 2.4, A, B), True),
        (para(2, 2.4, A, B, 0.1), False),
        (curve(563), False),
        (curve(), False),
        (curve(0, 65_535)[:-2], False),
        (para(9, 1), False),
        (para(4, 1), False),
        (b"what", False),
        (b"", False),
    ],
)
def test_srgb_by_its_numbers(tone: bytes, same: bool) -> None:
    assert icc.is_srgb(srgb_with(tone)) == same


def test_what_is_not_srgb() -> None:
    assert icc.is_srgb(SRGB)
    assert not icc.is_srgb(P3)
    assert not icc.is_srgb(srgb_with(TABLE, A2B0=b"mft2"))
    assert not icc.is_srgb(tagged({b"rTRC": TABLE}))
    assert not icc.is_srgb(tagged(COLORANTS, space=b"GRAY"))


@given(st.binary(max_size=400))
@settings(max_examples=50, deadline=None)
def test_rubbish_is_no_profile(rubbish: bytes) -> None:
    for profile in (rubbish, SRGB[:128] + rubbish, P3[:200] + rubbish):
        pixels = image.to_srgb(drawn(), profile)
        assert pixels.shape == drawn().shape
        assert grey_levels(profile) is None


def test_numbers_that_name_srgb_or_nothing() -> None:
    for primaries, transfer in ((1, 13), (12, 16), (9, 18), (2, 2), (77, 13)):
        assert cicp.profile_of(primaries, transfer) is None
    wide = cicp.profile_of(9, 13)
    assert wide is not None and wide != P3


def test_display_p3_red_is_out_of_srgb() -> None:
    patch = np.full((40, 8000, 3), (230, 30, 30), np.uint8)
    moved = image.to_srgb(patch, P3)
    np.testing.assert_allclose(moved[[0, 39], [0, -1]].astype(int), [(252, 0, 0)] * 2, atol=2)
    np.testing.assert_array_equal(image.to_srgb(drawn(), SRGB), drawn())


def test_grey_is_moved_by_its_own_profile() -> None:
    gamma = tagged({b"wtpt": point(np.array([0.9642, 1, 0.8249])), b"kTRC": curve(round(1.0 * 256))}, b"GRAY")
    grey = Image.fromarray(noise()[:, :, 0])
    found = decode(saved(grey, "PNG", icc_profile=gamma))
    assert found.profile is None
    bright = found.rgb[..., 0].astype(int) - np.asarray(grey)
    assert bright.max() > 30 and bright.min() >= 0
    assert mover(gamma, "RGB") is None


def test_inks_are_moved_by_their_own_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """No printer's profile is free to carry along; that the right picture and profile meet is what is ours."""
    asked = []

    def fake(profile: bytes, mode: str) -> object:
        asked.append((profile, mode))
        return lambda band: np.full((band.size[1], band.size[0], 3), 7, np.uint8)

    monkeypatch.setattr("sam_mask_service.image.colour.mover", fake)
    data = saved(Image.fromarray(drawn()).convert("CMYK"), "JPEG", icc_profile=b"inks" * 50)
    found = decode(data)
    assert asked == [(b"inks" * 50, "CMYK")]
    assert found.profile is None and (found.rgb == 7).all()


def test_an_edit_comes_in_srgb_and_a_mask_as_it_is() -> None:
    patch = Image.new("RGB", (32, 32), (230, 30, 30))
    data = saved(patch, "PNG", icc_profile=P3)
    assert image.decode_srgb(data, **LIMITS)[0, 0].tolist() == pytest.approx([252, 0, 0], abs=2)
    assert image.decode_mask(data, **LIMITS)[0, 0].tolist() == [230, 30, 30]
