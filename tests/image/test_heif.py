"""HEIF and AVIF: the main picture is found, the rest is out of sight, and what a file hides behind its stated size is
refused.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pi_heif
import pytest

from sam_mask_service.errors import ImageUnreadable, ServiceError, UnsupportedMedia
from sam_mask_service.image import cicp, decode_mask, to_srgb
from sam_mask_service.image.containers import av1, hevc, walk

from .drawn import CASES, LIMITS, decode
from .heif import Item, box, coded, full, grid, heif, size
from .heif import av1 as av1_data


@pytest.mark.parametrize("version", [0, 1, 2])
@pytest.mark.parametrize("brand", [b"avif", b"mif1", b"avis"])
def test_avif_whatever_its_major_brand(version: int, brand: bytes) -> None:
    got = decode(heif([coded(pieces=2)], brand=brand, version=version))
    assert (got.format, got.width, got.height) == ("AVIF", 64, 64)


def test_a_grid_of_tiles() -> None:
    tiles = [coded(), coded(), coded(), coded()]
    got = decode(heif([*tiles, grid(2, 2, 120, 100, [1, 2, 3, 4], inside=True)], primary=5))
    one = decode(heif([coded()]))
    assert got.rgb.shape == (100, 120, 3)
    np.testing.assert_array_equal(got.rgb[:60, :60], one.rgb[:60, :60])


def test_what_is_not_the_picture_is_out_of_sight() -> None:
    """A thumbnail, EXIF, a film and what follows the last box do not reach the decoder by their names."""
    thumbnail = coded(64, refers={b"thmb": [1]})
    exif = Item(b"Exif", b"\0\0\0\0II*\0" + b"\xff" * 40, refers={b"cdsc": [1]})
    tail = box(b"moov", bytes(40)) + box(b"uuid", b"secret" * 4) + b"\0SEFT trailer"
    clean = walk(heif([coded(), thumbnail, exif], tail=tail))
    assert b"Exif" not in clean.data and b"moov" not in clean.data and b"SEFT" not in clean.data
    assert clean.data.count(b"av01") == 1
    assert decode(heif([coded(), thumbnail, exif], tail=tail)).width == 64


def test_its_alpha_channel() -> None:
    config, data = av1_data(64, mono=True)
    kind = full(b"auxC", 0, b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0")
    alpha = Item(b"av01", data, [size(64, 64), config, full(b"pixi", 0, b"\1\x08"), kind], {b"auxl": [1]})
    got = decode(heif([coded(), alpha]))
    assert got.alpha is not None and got.alpha.std() > 10
    assert decode_mask(heif([coded(), alpha]), **LIMITS).shape == (64, 64, 4)


@pytest.mark.parametrize(
    ("turn", "shape"),
    [(box(b"irot", b"\1"), (64, 40)), (box(b"imir", b"\0"), (40, 64)), (box(b"irot", b"\0"), (40, 64))],
)
def test_turned_as_the_container_says(turn: bytes, shape: tuple[int, int]) -> None:
    grids = grid(1, 1, 64, 40, [1])
    grids.properties = [*grids.properties, turn]
    assert decode(heif([coded(), grids], primary=2)).rgb.shape[:2] == shape


def test_colours_by_profile_and_by_number() -> None:
    p3 = cicp.profile_of(12, 13)
    assert p3 is not None
    by_profile = decode(heif([coded(64, box(b"colr", b"prof", p3))]))
    by_number = decode(heif([coded(64, box(b"colr", b"nclx", struct.pack(">HHHB", 12, 13, 6, 128)))]))
    both = decode(
        heif([coded(64, box(b"colr", b"nclx", struct.pack(">HHHB", 1, 13, 6, 128)), box(b"colr", b"prof", p3))])
    )
    assert by_profile.profile == by_number.profile == both.profile == p3
    assert (to_srgb(by_number.rgb, p3) != by_number.rgb).any()
    assert decode(heif([coded(64, box(b"colr", b"rICC", bytes(5 << 20)))]), max_bytes=6 << 20).profile is None


TILE = coded()
TWICE = Item(b"av01", av1_data()[1] * 5, TILE.properties)
LYING = Item(b"av01", TILE.data, [size(20, 20), *TILE.properties[1:]])


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (heif([grid(1, 1, 64, 64, [9])]), UnsupportedMedia),
        (heif([Item(b"jpeg", b"x", [size(64, 64)])]), UnsupportedMedia),
        (heif([Item(b"iovl", b"x", [size(64, 64)], {b"dimg": [1]})]), UnsupportedMedia),
        (heif([Item(b"grid", b"x", [size(64, 64)])]), UnsupportedMedia),
        (heif([coded()], primary=7), ImageUnreadable),
        (heif([TWICE]), ImageUnreadable),
        (heif([coded(1600), Item(b"av01", coded(1600).data, [size(20, 20), *TILE.properties[1:]])], primary=2),
        ImageUnreadable),
        (heif([TILE, grid(200, 200, 64, 64, [1] * 40_000)], primary=2), ImageUnreadable),
        (heif([TILE, Item(b"hvc1", b"", [size(64, 64)]), grid(1, 2, 128, 64, [1, 2])], primary=3), ImageUnreadable),
        (heif([TILE])[:-500], ImageUnreadable),
        (heif([Item(b"av01", b"", TILE.properties)]), ImageUnreadable),
        (heif([Item(b"hvc1", bytes(4), [size(64, 64)])]), ImageUnreadable),
        (box(b"ftyp", b"avif", bytes(4)) + box(b"mdat"), UnsupportedMedia),
        (box(b"ftyp", b"avif", bytes(4)) + box(b"meta", bytes(4), box(b"iinf", bytes(5), b"\1", box(b"infe",
        bytes(4)))),
         ImageUnreadable),
        (box(b"ftyp", b"avif", bytes(4)) + box(b"meta", bytes(4), box(b"iprp", box(b"abcd"))), ImageUnreadable),
        (box(b"ftyp", b"avif", bytes(4)) + box(b"free") * 5000, ImageUnreadable),
    ],
)  # fmt: skip
def test_what_is_not_believed(data: bytes, error: type[ServiceError]) -> None:
    with pytest.raises(error):
        decode(data, max_bytes=4 << 20)


def test_the_same_bytes_may_serve_several_tiles() -> None:
    data = heif([TILE])
    assert decode(heif([TILE, LYING])).rgb.shape == decode(data).rgb.shape


# --- HEVC, whose pictures nothing here can write ----------------------------------------------------------------------


def bits(*fields: tuple[int, int]) -> bytes:
    """(value, width) each."""
    text = "".join(format(value, f"0{width}b") for value, width in fields if width)
    return int(text.ljust(-(-len(text) // 8) * 8, "0"), 2).to_bytes(-(-len(text) // 8), "big")


def golomb(value: int) -> tuple[int, int]:
    return value + 1, 2 * (value + 1).bit_length() - 1


def sps(width: int, height: int, layers: int = 0, chroma: int = 1) -> bytes:
    sub = [(3, 2)] * layers + [(0, 2)] * (8 - layers) + [(0, 88), (0, 8)] * layers if layers else []
    plane = [(0, 1)] if chroma == 3 else []
    parts = [
        (0, 4),
        (layers, 3),
        (1, 1),
        (0, 96),
        *sub,
        golomb(0),
        golomb(chroma),
        *plane,
        golomb(width),
        golomb(height),
    ]
    return bytes([33 << 1, 1]) + bits(*parts).replace(b"\0\0", b"\0\0\3")


def configuration(*units: bytes) -> bytes:
    body = b"".join(struct.pack(">H", len(unit)) + unit for unit in units)
    return box(b"hvcC", bytes(21), b"\3\1", bytes([33]), struct.pack(">H", len(units)), body)


SLICE = b"\x26\1\x80" + bytes(20)


def heic(unit: bytes, *units: bytes, sides: tuple[int, int] = (300, 380)) -> bytes:
    data = b"".join(struct.pack(">I", len(u)) + u for u in units)
    return heif([Item(b"hvc1", data, [size(*sides), configuration(unit)])], brand=b"heic")


@pytest.mark.parametrize(("layers", "chroma"), [(0, 1), (2, 1), (0, 3)])
def test_a_parameter_sets_size(layers: int, chroma: int) -> None:
    assert hevc.area(sps(304, 384, layers, chroma)) == 304 * 384
    assert walk(heic(sps(304, 384, layers, chroma), SLICE, b"\x4e\1\5")).size == (300, 380)


@pytest.mark.parametrize(
    "data",
    [
        heic(sps(8192, 8192), SLICE),
        heic(sps(304, 384), sps(8192, 8192), SLICE),
        heic(sps(304, 384), SLICE, SLICE),
        heic(sps(304, 384)[:10], SLICE),
        heic(bytes([66, 1]) + bytes(60), SLICE),
        heif([Item(b"hvc1", b"\0\0\0\x09x", [size(64, 64), configuration(sps(64, 64))])]),
    ],
)
def test_hevc_that_costs_more_than_its_size(data: bytes) -> None:
    with pytest.raises(ImageUnreadable):
        walk(data)


class Decoded:
    """What ``pi_heif`` gives."""

    primary_index = 0

    def __init__(self, mode: str, pixels: np.ndarray) -> None:
        self.mode, self.pixels, self.size = mode, pixels, (pixels.shape[1], pixels.shape[0])

    def __getitem__(self, _: int) -> Decoded:
        return self

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        return np.pad(self.pixels, ((0, 0), (0, 5), (0, 0)))

    def to_pillow(self) -> Any:
        from PIL import Image

        return Image.fromarray(self.pixels, self.mode)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "RGBa"])
def test_heic_pixels(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.full((380, 300, len(mode)), 255, np.uint8)
    monkeypatch.setattr(pi_heif, "open_heif", lambda _: Decoded(mode, pixels))
    assert decode(heic(sps(304, 384), SLICE)).rgb.shape == (380, 300, 3)
    monkeypatch.setattr(pi_heif, "open_heif", lambda _: Decoded(mode, np.zeros((800, 300, len(mode)), np.uint8)))
    with pytest.raises(ImageUnreadable):
        decode(heic(sps(304, 384), SLICE))


@pytest.mark.skipif(not CASES.exists(), reason="the cases are not here")
def test_a_phones_picture() -> None:
    data = Path(CASES, "portrait.heic").read_bytes()
    assert decode(data).format == "HEIF"
    for share in (0.3, 0.7, 0.99):
        with pytest.raises((ImageUnreadable, UnsupportedMedia)):
            decode(data[: int(len(data) * share)])


# --- AV1's headers ----------------------------------------------------------------------------------------------------


def sequence(width: int, height: int, *, wide: int = 16, header: str = "reduced") -> bytes:
    """``header``: ``reduced``, ``plain``, or with ``timing``, a decoder ``model`` and a delay of its display."""
    head: list[tuple[int, int]] = [(0, 3), (1, 1), (int(header == "reduced"), 1)]
    model = header == "model"
    if header == "reduced":
        head += [(0, 5)]
    else:
        equal = [(1, 1), golomb(5), (1, 1), (4, 5), (0, 42)] if model else [(0, 1), (0, 1)]
        head += [(1, 1), (0, 64), *equal] if header != "plain" else [(0, 1)]
        head += [(int(model), 1), (1, 5)]
        for shown in (1, 0):
            head += [
                (0, 12),
                (9, 5),
                (0, 1),
                *([(shown, 1), (0, 11 * shown), (shown, 1), (0, 4 * shown)] if model else []),
            ]
    return bits(*head, (wide - 1, 4), (wide - 1, 4), (width - 1, wide), (height - 1, wide))


@pytest.mark.parametrize("header", ["reduced", "plain", "timing", "model"])
def test_a_sequence_headers_size(header: str) -> None:
    data = sequence(64, 40, wide=6, header=header)
    assert av1.area(1, data) == 64 * 40
    assert av1.area(6, data) == 0
    assert av1.area(1, sequence(64, 40, wide=16)) == 1 << 30, "a frame may use all the bits"


def test_units() -> None:
    assert list(av1.units(b"\x0a\x81\x00x\x36\0\0" + b"\x30rest")) == [(1, b"x"), (6, b""), (6, b"rest")]
    for broken in (b"\x0a\x05x", b"\x0a" + b"\xff" * 9):
        with pytest.raises(ImageUnreadable):
            list(av1.units(broken))


HEAD = box(b"ftyp", b"avif", bytes(4))


@pytest.mark.parametrize(
    "meta",
    [
        full(b"iref", 0, box(b"dimg", struct.pack(">HHH", 1, 9, 1))),
        full(b"iinf", 0, b"\0\2", *[full(b"infe", 2, b"\0\1\0\0", b"av01\0")] * 2),
        full(b"iloc", 1, b"\x44\0\xff"),
    ],
)
def test_broken_tables(meta: bytes) -> None:
    with pytest.raises(ImageUnreadable):
        walk(HEAD + box(b"meta", bytes(4), meta))


def test_a_box_of_64_bits_and_one_to_the_end() -> None:
    data = heif([coded()])
    film = struct.pack(">I4sQ", 1, b"moov", 40) + bytes(24)
    clean = walk(data + film + struct.pack(">I", 0) + b"free" + bytes(100))
    assert b"moov" not in clean.data
