"""Containers: what is no part of the picture decides nothing, reaches no decoder, and is counted."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from sam_mask_service.errors import ImageTooManyPixels, ImageUnreadable, ServiceError, UnsupportedMedia
from sam_mask_service.image import cicp
from sam_mask_service.image.containers import Clean, sniff, walk
from sam_mask_service.image.rasters import raster

from .drawn import decode, drawn, exif, noise, png_chunk, saved

PLAIN = Image.fromarray(noise())
JPEG, PNG, WEBP, GIF = (saved(PLAIN, kind) for kind in ("JPEG", "PNG", "WEBP", "GIF"))
XMP = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
HUGE = 2 << 20


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def jpeg(*more: bytes, good: bytes = JPEG) -> bytes:
    return good[:2] + b"".join(more) + good[2:]


def png(*more: bytes, good: bytes = PNG) -> bytes:
    return good[:33] + b"".join(more) + good[33:]


def webp(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def riff(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def gif(*blocks: bytes) -> bytes:
    return GIF[: 13 + 768] + b"".join(blocks) + GIF[13 + 768 :]


def ifd(kind: int, count: int, size: int) -> bytes:
    """EXIF with an orientation and a tag of ``count`` values, which Pillow would write anew one by one."""
    rows = struct.pack("<HHIHHHHII", 0x0112, 3, 1, 1, 0, 0x9999, kind, count, 40)
    return b"II*\0" + struct.pack("<IH", 8, 2) + rows + bytes(6) + b"\1" * (count * size)


BALLAST: dict[str, bytes] = {
    "jpeg trailer of scans": JPEG + b"\xff\xda" * 101,
    "jpeg second picture": JPEG + JPEG * 3,
    "jpeg exif in tiny segments": jpeg(*[segment(0xE1, b"Exif\0\0ab")] * 3000),
    "jpeg comments": jpeg(*[segment(0xFE, b"x" * 5000)] * 300),
    "jpeg application data": jpeg(*[segment(0xE5, b"")] * 4000),
    "jpeg fill bytes": jpeg(b"\xff" * HUGE),
    "jpeg fill bytes after the picture": JPEG[:-2] + b"\xff" * HUGE + JPEG[-2:],
    "jpeg fill bytes before a stuffed one": JPEG[:-2] + b"\xff\xff\0" * (HUGE // 3) + JPEG[-2:],
    "jpeg restarts": JPEG[:-2] + b"\xff\xd0" * (HUGE // 2) + JPEG[-2:],
    "png exif of bytes": png(png_chunk(b"eXIf", ifd(6, HUGE, 1))),
    "png exif of rationals": png(png_chunk(b"eXIf", ifd(5, HUGE // 8, 8))),
    "png many profiles": png(*[png_chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(1_000_000), 9))] * 1500),
    "png text of 2 MB": png(png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + b"x" * HUGE)),
    "png text bomb": png(png_chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(bytes(50_000_000), 9))),
    "png ancillary checksum": png(png_chunk(b"tEXt", b"k\0v")[:-1] + b"\0"),
    "png trailer": PNG + b"x" * HUGE,
    "png without its end": PNG[:-12],
    "png without its last checksum": PNG[:-14],
    "png private chunks": png(*[png_chunk(b"zzZz", b"")] * 60_000),
    "webp unknown chunks": webp(WEBP[12:], *[riff(b"zzzz", b"")] * 60_000),
    "webp trailer": WEBP + b"x" * HUGE,
    "gif comments": gif(*[b"!\xfe\1a\0"] * 40_000),
    "gif without its end": GIF[:-1],
    "gif trailer": GIF + b"x" * HUGE,
}


@pytest.mark.parametrize("name", BALLAST)
def test_ballast_neither_decides_nor_reaches_a_decoder(name: str) -> None:
    plain = {"jpeg": JPEG, "png ": PNG, "webp": WEBP, "gif ": GIF}[name[:4]]
    found = decode(BALLAST[name], max_bytes=20 << 20)
    np.testing.assert_array_equal(found.rgb, decode(plain).rgb)
    if name not in ("jpeg fill bytes before a stuffed one", "jpeg restarts"):
        assert len(walk(BALLAST[name]).data) < len(plain) + 100


TOO_MANY: dict[str, bytes] = {
    "jpeg segments": jpeg(*[segment(0xE5, b"")] * 5000),
    "jpeg tables": jpeg(*[segment(0xDB, b"\0" + b"\1" * 64)] * 4000),
    "jpeg scans": JPEG[:-2] + JPEG[JPEG.index(b"\xff\xda") : -2] * 101 + JPEG[-2:],
    "png chunks": png(*[png_chunk(b"zzZz", b"")] * 70_000),
    "png pixels in pieces": png(*[png_chunk(b"IDAT", b"")] * 70_000),
    "webp chunks": webp(WEBP[12:], *[riff(b"zzzz", b"")] * 70_000),
    "gif blocks": gif(b"!\xfe" + b"\1a" * 140_000 + b"\0"),
    "gif comments": gif(*[b"!\xfe\1a\0"] * 140_000),
}


@pytest.mark.parametrize("name", TOO_MANY)
def test_there_may_be_too_many(name: str) -> None:
    with pytest.raises(ImageUnreadable, match="more than"):
        decode(TOO_MANY[name], max_bytes=20 << 20)


# --- orientation ------------------------------------------------------------------------------------------------------

UPRIGHT = drawn()
JPEG_DRAWN, PNG_DRAWN, WEBP_DRAWN = (
    saved(Image.fromarray(UPRIGHT), kind, **options)
    for kind, options in (("JPEG", {"quality": 95, "subsampling": 0}), ("PNG", {}), ("WEBP", {"lossless": True}))
)
HEX = b"\nexif\n%8d\n" % len(exif(6)) + exif(6).hex().encode()
LOSSLESS = riff(b"VP8L", WEBP_DRAWN[20:])
TURNED: dict[str, bytes] = {
    "jpeg exif": jpeg(segment(0xE1, b"Exif\0\0" + exif(6, ">")), good=JPEG_DRAWN),
    "jpeg xmp": jpeg(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP), good=JPEG_DRAWN),
    "jpeg the first counts": jpeg(*(segment(0xE1, b"Exif\0\0" + exif(n)) for n in (6, 3)), good=JPEG_DRAWN),
    "png exif": png(png_chunk(b"eXIf", exif(6)), good=PNG_DRAWN),
    "png text": png(png_chunk(b"tEXt", b"Raw profile type exif\0" + HEX), good=PNG_DRAWN),
    "png packed text": png(png_chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(HEX)), good=PNG_DRAWN),
    "png xmp": png(png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP), good=PNG_DRAWN),
    "png packed xmp": png(png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(XMP)), good=PNG_DRAWN),
    "webp exif": webp(LOSSLESS, riff(b"EXIF", b"Exif\0\0" + exif(6))),
    "webp xmp": webp(LOSSLESS, riff(b"XMP ", XMP.replace(b'="6"', b">6<"))),
}


@pytest.mark.parametrize("name", TURNED)
def test_where_an_orientation_may_stand(name: str) -> None:
    found = decode(TURNED[name])
    np.testing.assert_allclose(found.rgb.astype(int), np.rot90(UPRIGHT, -1), atol=30)
    assert not found.as_sent


@pytest.mark.parametrize(
    "text",
    [b"\nexif\n10\nzz", b"nothing", b"\nexif\n10\n" + b"ab" * 200_000],
)
def test_exif_in_text_that_is_none_turns_nothing(text: bytes) -> None:
    note = PngImagePlugin.PngInfo()
    note.add_text("Raw profile type exif", text.decode())
    np.testing.assert_array_equal(decode(saved(Image.fromarray(UPRIGHT), "PNG", pnginfo=note)).rgb, UPRIGHT)


@pytest.mark.parametrize("packed", [b"rubbish", zlib.compress(XMP)[:-20]])
def test_damaged_notes_turn_nothing(packed: bytes) -> None:
    data = png(png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + packed), good=PNG_DRAWN)
    np.testing.assert_array_equal(decode(data).rgb, UPRIGHT)


# --- JPEG -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}], ids=str)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_missing_end_marker_costs_nothing_but_a_missing_row_does(mode: str, options: dict[str, object]) -> None:
    good = saved(PLAIN.convert(mode), "JPEG", **options)
    whole = decode(good)
    assert whole.as_sent == (mode != "CMYK")
    for end in (good[:-2], good[:-1], good[:-2] + b"\xff\xff", good[:-2] + good):
        found = decode(end)
        np.testing.assert_array_equal(found.rgb, whole.rgb)
        assert not found.as_sent, "others may refuse this file"
    for cut in (3, 40, len(good) // 4, len(good) // 2):
        with pytest.raises(ImageUnreadable):
            decode(good[: -2 - cut])


def test_a_file_that_ends_between_its_scans_lacks_some() -> None:
    good = saved(PLAIN, "JPEG", progressive=True)
    with pytest.raises(ImageUnreadable):
        decode(good[: good.rindex(b"\xff\xda")])


SOF, SOS = JPEG.index(b"\xff\xc0"), JPEG.index(b"\xff\xda")
FRAME = JPEG[SOF : SOF + 19]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (JPEG[:SOF] + FRAME + JPEG[SOF:], ImageUnreadable),
        (JPEG[:SOF] + JPEG[SOF + 19 :], ImageUnreadable),
        (JPEG[: SOF + 4] + b"\x0c" + JPEG[SOF + 5 :], UnsupportedMedia),
        (JPEG[: SOF + 9] + b"\2" + JPEG[SOF + 10 :], UnsupportedMedia),
        (JPEG[:SOF] + b"\xff\xc0\0\4\x08\0" + JPEG[SOF + 19 :], ImageUnreadable),
        (JPEG[: SOS + 4] + b"\1" + JPEG[SOS + 5 :], ImageUnreadable),
        (JPEG[:SOS], ImageUnreadable),
        (JPEG[: SOF + 3], ImageUnreadable),
        (JPEG[: SOF + 2] + b"\0\0" + JPEG[SOF + 4 :], ImageUnreadable),
        (JPEG[: SOF + 5] + b"\0\0" + JPEG[SOF + 7 :], ImageUnreadable),
        (JPEG[: SOF + 5] + b"\xff\xff\xff\xff" + JPEG[SOF + 9 :], ImageTooManyPixels),
    ],
)
def test_jpeg_headers(data: bytes, error: type[ServiceError]) -> None:
    with pytest.raises(error):
        decode(data)


def test_a_segment_cut_off_behind_the_picture_ends_it() -> None:
    np.testing.assert_array_equal(decode(JPEG[:-2] + b"\xff\xe1\xff\xff").rgb, decode(JPEG).rgb)


def test_scans_are_counted_by_pixels_too() -> None:
    large = saved(Image.new("L", (7000, 7000)), "JPEG")
    start = large.index(b"\xff\xda")
    with pytest.raises(ImageUnreadable, match="for its size"):
        walk(large[:-2] + large[start:-2] * 30 + large[-2:])


P3 = cicp.profile_of(12, 13) or b""
assert P3


def icc(*parts: tuple[int, bytes], count: int) -> bytes:
    return jpeg(*(segment(0xE2, b"ICC_PROFILE\0" + bytes([n, count]) + body) for n, body in parts))


def test_a_profile_in_pieces() -> None:
    a, b = P3[:100], P3[100:]
    assert decode(icc((2, b), (1, a), count=2)).profile == P3
    assert decode(icc((1, a), count=2)).profile is None
    many = icc(*((n, bytes(65_000)) for n in range(1, 80)), count=79)
    assert decode(many, max_bytes=20 << 20).profile is None


# --- PNG --------------------------------------------------------------------------------------------------------------


def test_png_colours_by_profile_and_by_number() -> None:
    packed = png_chunk(b"iCCP", b"any name\0\0" + zlib.compress(P3))
    number = png_chunk(b"cICP", bytes([12, 13, 0, 1]))
    assert decode(png(packed)).profile == decode(png(number)).profile == P3
    assert decode(png(packed, png_chunk(b"cICP", bytes([1, 13, 0, 1])))).profile is None
    assert decode(png(png_chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(5 << 20))))).profile is None


@pytest.mark.parametrize(
    "data",
    [
        png(png_chunk(b"tRNS", bytes(6))[:-1] + b"\0"),
        png(png_chunk(b"PLTE", bytes(3)), png_chunk(b"PLTE", bytes(3))),
        png(PNG[8:33]),
        PNG[:33],
        PNG[:8] + png_chunk(b"IHDR", bytes(12)) + PNG[33:],
    ],
)
def test_png_parts_that_make_pixels_have_to_be_right(data: bytes) -> None:
    with pytest.raises(ImageUnreadable):
        decode(data)


# --- WebP and GIF -----------------------------------------------------------------------------------------------------


def film(kind: str, at: tuple[int, int]) -> bytes:
    """A first frame of 32 × 24 at a place of its own on 64 × 48."""
    small = saved(Image.fromarray(noise(32, 24)), kind, **({"lossless": True} if kind == "WEBP" else {}))
    if kind == "GIF":
        start = 13 + 768
        at_block = small.index(b"\x2c", start)
        place = b"\x2c" + struct.pack("<HHHH", *at, 32, 24)
        return small[:6] + struct.pack("<HH", 64, 48) + small[10:at_block] + place + small[at_block + 9 :]
    sides = (struct.pack("<I", n)[:3] for n in (at[0] // 2, at[1] // 2, 31, 23))
    frame = riff(b"ANMF", b"".join(sides) + bytes(4) + small[12:])
    canvas = b"\x02\0\0\0" + struct.pack("<I", 63)[:3] + struct.pack("<I", 47)[:3]
    return webp(riff(b"VP8X", canvas), riff(b"ANIM", bytes(6)), frame, frame)


@pytest.mark.parametrize("kind", ["WEBP", "GIF"])
def test_a_first_frame_lies_in_its_place(kind: str) -> None:
    found = decode(film(kind, (10, 20)))
    assert found.rgb.shape == (48, 64, 3)
    expected = decode(saved(Image.fromarray(noise(32, 24)), kind, **({"lossless": True} if kind == "WEBP" else {})))
    np.testing.assert_array_equal(found.rgb[20:44, 10:42], expected.rgb)
    assert (found.alpha is not None and found.alpha.sum() == 255 * 32 * 24) == (kind == "WEBP")


def test_webp_frames_that_cover_all_and_that_do_not_fit() -> None:
    frames = [Image.fromarray(noise()), Image.new("RGB", (64, 64))]
    data = saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    np.testing.assert_array_equal(decode(data).rgb, noise())
    with pytest.raises(ImageUnreadable):
        decode(film("WEBP", (40, 20)))


@pytest.mark.parametrize("lossless", [False, True])
def test_webp_transparency(lossless: bool) -> None:
    pixels = noise(channels=4)
    found = decode(saved(Image.fromarray(pixels), "WEBP", lossless=lossless, quality=90, exact=True))
    assert found.alpha is not None
    np.testing.assert_array_equal(found.alpha, pixels[..., 3])


def test_webp_colours() -> None:
    assert decode(webp(WEBP[12:], riff(b"ICCP", P3))).profile == P3
    assert decode(webp(WEBP[12:], riff(b"ICCP", bytes(5 << 20))), max_bytes=6 << 20).profile is None


@pytest.mark.parametrize(
    "data",
    [
        webp(riff(b"VP8X", bytes(10))),
        webp(riff(b"VP8 ", bytes(20))),
        webp(riff(b"VP8L", bytes(20))),
        webp(riff(b"VP8 ", b"x")),
        webp(WEBP[12:40]),
        webp(WEBP[12:16] + b"\xff\xff\xff\0" + WEBP[20:]),
        webp(riff(b"VP8L", WEBP_DRAWN[20:60])),
        GIF[:13],
        gif(b"x"),
        GIF[:-200],
    ],
)
def test_broken_webp_and_gif(data: bytes) -> None:
    with pytest.raises(ImageUnreadable):
        decode(data)


def test_gif_transparency_and_a_frame_beyond_its_screen() -> None:
    palette = PLAIN.convert("P")
    found = decode(saved(palette, "GIF", transparency=palette.getpixel((5, 5))))
    assert found.alpha is not None and found.alpha[5, 5] == 0
    bare = gif(b"!\xf9\4\0\0\0\0\0")
    np.testing.assert_array_equal(decode(bare).rgb, decode(GIF).rgb)
    wide = GIF[:6] + struct.pack("<HH", 16, 16) + GIF[10:]
    assert decode(wide).width == 64


# --- BMP and PNM ------------------------------------------------------------------------------------------------------


def rle(width: int, height: int, body: bytes) -> bytes:
    head = struct.pack("<IHHI", 54 + 1024 + len(body), 0, 0, 54 + 1024)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(body), 0, 0, 256, 0)
    return b"BM" + head + info + bytes(range(256)) * 4 + body


def test_bmp_run_lengths() -> None:
    body = b"".join(b"\x20\x07\0\0" for _ in range(20)) + b"\0\1"
    assert decode(rle(32, 20, body)).rgb.shape == (20, 32, 3)
    for broken in (rle(32, 20, body[:-30]), rle(32, 20, b"\x20")):
        with pytest.raises(ImageUnreadable):
            decode(broken)


BMP = saved(PLAIN, "BMP")


def test_bmp_from_the_top_down_and_with_an_old_header() -> None:
    rows = PLAIN.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    down = bytearray(saved(rows, "BMP"))
    down[22:26] = struct.pack("<i", -64)
    np.testing.assert_array_equal(decode(bytes(down)).rgb, noise())
    old = b"BM" + struct.pack("<IHHIIHHHH", 0, 0, 0, 26, 12, 64, 64, 1, 24) + BMP[54:] + b"trailer"
    np.testing.assert_array_equal(decode(old).rgb, noise())


@pytest.mark.parametrize(
    "data",
    [
        BMP[:-1],
        BMP[:14] + b"\x29" + BMP[15:],
        BMP[:28] + b"\7" + BMP[29:],
        BMP[:30] + b"\x09" + BMP[31:],
        BMP[:10] + bytes(4) + BMP[14:],
    ],
)
def test_broken_bmp(data: bytes) -> None:
    with pytest.raises(ImageUnreadable):
        decode(data)


@pytest.mark.parametrize("highest", [255, 100, 65_535, 1000])
@pytest.mark.parametrize("kind", [b"P5", b"P6"])
def test_pgm_and_ppm(kind: bytes, highest: int) -> None:
    channels = 3 if kind == b"P6" else 1
    values = (noise(channels=channels).astype(int) * highest // 255).reshape(64, 64, channels)
    rows = values.astype(">u2" if highest > 255 else np.uint8).tobytes()
    data = kind + b"\n# a comment\n64 64\n%d\n" % highest + rows
    found = decode(data + b"trailer")
    np.testing.assert_array_equal(found.rgb, np.broadcast_to(values * 255 // highest, (64, 64, 3)))
    for broken in (data[:-1], data.replace(b"64 64", b"64 x"), data.replace(b"\n%d\n" % highest, b"\n0\n")):
        with pytest.raises(ImageUnreadable):
            decode(broken)


MAKERS: tuple[Callable[[], bytes], ...] = (lambda: JPEG, lambda: PNG, lambda: WEBP, lambda: GIF, lambda: BMP)


@pytest.mark.parametrize("make", MAKERS)
def test_a_clean_file_is_read_by_others_too(make: Callable[[], bytes]) -> None:
    clean = walk(make())
    with Image.open(io.BytesIO(clean.data)) as picture:
        assert picture.size == clean.size
        assert not {"exif", "icc_profile", "xmp", "comment"} & set(picture.info)


def test_the_walk_and_the_decoder_agree_on_the_size() -> None:
    with pytest.raises(ImageUnreadable):
        raster(Clean("PNG", 10, 10, PNG))
    with pytest.raises(ImageUnreadable):
        raster(Clean("WEBP", 10, 10, WEBP))


def test_what_stands_between_segments_is_passed_over() -> None:
    np.testing.assert_array_equal(
        decode(jpeg(b"\xff\x01\xff\xd3", segment(0xDC, b"\0\1"), good=JPEG)).rgb, decode(JPEG).rgb
    )


def test_an_orientation_of_another_type_is_none() -> None:
    rows = struct.pack("<HHIHH", 0x0110, 2, 1, 65, 0) + struct.pack("<HHIHH", 0x0112, 2, 1, 6, 0)
    data = jpeg(segment(0xE1, b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + rows + bytes(4)))
    assert decode(data).as_sent


def test_a_film_of_nothing() -> None:
    with pytest.raises(ImageUnreadable):
        decode(webp(riff(b"VP8X", bytes(10)), riff(b"ANMF", bytes(30))))


def test_sniffing() -> None:
    assert [sniff(data) for data in (JPEG, PNG, WEBP, GIF, BMP)] == ["JPEG", "PNG", "WEBP", "GIF", "BMP"]
