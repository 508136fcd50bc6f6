"""C: picture bytes through the whole application. The decoder's own tables are in ``tests/test_image.py``."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image, ImageOps, PngImagePlugin

from sam_mask_service.errors import ImageTooManyPixels
from sam_mask_service.faces.fake import BAD_POINTS, ENDLESS, INVERTED, NONSENSE, NOT_A_NUMBER, OUTSIDE
from sam_mask_service.geometry import Box, Face
from sam_mask_service.patch import Patch
from sam_mask_service.segment.fake import FakeSegmenter
from sam_mask_service.segment.segmenter import FaceMask

from ..support.scene import Fixed, picture, service
from ..support.wire import Client, closing

SHARED = Path(os.environ.get("SAM_SHARED", Path(__file__).parents[3] / "shared"))
TORTURE = SHARED / "eval" / "data" / "torture"
LIMIT = 40_000
"""Pixels that the application of these tests takes."""
Make = Callable[..., Client]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    with closing(lambda **values: Client(service(tmp_path, **values))) as build:
        yield build


@pytest.fixture
def client(make: Make) -> Client:
    return make(max_pixels=LIMIT, max_bytes=200_000)


def send(client: Client, data: bytes, **query: Any) -> httpx.Response:
    headers = {"Content-Type": "image/png"}
    return client.post("/create_mask", content=data, params=query, headers=headers)


def code(answer: httpx.Response) -> tuple[int, str]:
    assert answer.status_code < 500, answer.text
    return answer.status_code, answer.json().get("code", "")


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_head(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def png_of(width: int, height: int, *extra: bytes) -> bytes:
    rows = zlib.compress(b"\0" * ((width * 3 + 1) * height), 9)
    return png_head(width, height) + b"".join(extra) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


GREY = Image.new("RGB", (60, 50), (90, 90, 90))
GIANT_JPEG = saved(GREY, "JPEG").replace(struct.pack(">HH", 50, 60), struct.pack(">HH", 50_000, 50_000))
GIANT_WEBP = (
    b"RIFF" + struct.pack("<I", 30) + b"WEBPVP8X" + struct.pack("<I", 10) + b"\0" * 4 + b"\x4f\xc3\0" * 2 + b"\0" * 8
)


@pytest.mark.parametrize(
    "data",
    [png_head(50_000, 50_000) + chunk(b"IDAT", b"x"), GIANT_JPEG, GIANT_WEBP, png_head(2**31 - 1, 2**31 - 1)],
    ids=["png", "jpeg", "webp", "huge"],
)
def test_c01_header_that_claims_too_much_costs_no_memory(client: Client, data: bytes) -> None:
    before = psutil.Process().memory_info().rss
    assert code(send(client, data)) in [(422, ImageTooManyPixels.code), (422, "image_unreadable")]
    assert psutil.Process().memory_info().rss - before < 50 << 20


def test_c02_bomb_and_the_exact_limit(make: Make) -> None:
    client = make(max_pixels=LIMIT)
    assert code(send(client, png_of(4000, 4000)))[1] == "image_too_many_pixels"
    assert code(send(client, png_of(200, 200)))[0] == 200
    assert code(send(client, png_of(200, 201)))[1] == "image_too_many_pixels"


BOMB = zlib.compress(b"x" * 50_000_000, 9)
CHUNKS: dict[str, tuple[bytes, ...]] = {
    "zTXt": (chunk(b"zTXt", b"k\0\0" + BOMB),),
    "iTXt": (chunk(b"iTXt", b"k\0\1\0\0\0" + BOMB),),
    "iCCP": (chunk(b"iCCP", b"k\0\0" + BOMB),),
    "many": tuple(chunk(b"tEXt", b"k\0v") for _ in range(10_000)),
    "unknown": tuple(chunk(b"zzZz", b"x" * 10) for _ in range(3000)),
}


@pytest.mark.parametrize("case", CHUNKS)
def test_c03_text_and_profile_bombs(client: Client, case: str) -> None:
    before = psutil.Process().memory_info().rss
    assert code(send(client, png_of(60, 60, *CHUNKS[case])))[0] in (200, 413, 422)
    assert psutil.Process().memory_info().rss - before < 150 << 20


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_c04_first_frame_only(client: Client, kind: str) -> None:
    frames = [Image.new("RGB", (60, 60), (i % 256, 0, 0)) for i in range(200)]
    data = saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=10, loop=0)
    answer = send(client, data)
    assert answer.json()["stats"]["image_width"] == 60


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9, 0.99])
def test_c05_never_a_mask_of_half_a_picture(client: Client, kind: str, share: float) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (100, 120, 3), np.uint8)
    data = saved(Image.fromarray(noise), kind)
    assert code(send(client, data[: int(len(data) * share)]))[0] in (415, 422)
    assert code(send(client, data))[0] == 200


GOOD_PNG, GOOD_JPEG, GOOD_WEBP = (saved(GREY, kind) for kind in ("PNG", "JPEG", "WEBP"))
BROKEN: dict[str, bytes] = {
    "C06-idat-crc": GOOD_PNG[:-16] + b"\0\0\0\0" + GOOD_PNG[-12:],
    "C06-ihdr-crc": GOOD_PNG[:29] + b"\0\0\0\0" + GOOD_PNG[33:],
    "C06-no-idat": png_head(60, 60) + chunk(b"IEND", b""),
    "C06-idat-first": b"\x89PNG\r\n\x1a\n" + chunk(b"IDAT", b"x") + GOOD_PNG[8:],
    "C06-no-soi": GOOD_JPEG[2:],
    "C06-no-dqt": GOOD_JPEG.replace(b"\xff\xdb", b"\xff\xfe"),
    "C06-webp-size": GOOD_WEBP[:4] + struct.pack("<I", 10_000_000) + GOOD_WEBP[8:],
    "C07-empty": b"",
    "C07-one-byte": b"\x89",
    "C07-magic-png": b"\x89PNG\r\n\x1a\n",
    "C07-magic-jpeg": b"\xff\xd8\xff",
    "C07-magic-webp": b"RIFF\x04\0\0\0WEBP",
    "C07-random": random.Random(1).randbytes(150_000),  # noqa: S311
    "C09-psd": b"8BPS\0\1" + b"\0" * 100,
    "C09-eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 60 60\n",
    "C09-pdf": b"%PDF-1.7\n" + b"x" * 100,
    "C09-svg": b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>',
    "C09-ico": saved(GREY, "ICO"),
    "C09-tiff": saved(GREY, "TIFF"),
    "C09-jp2": b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0" * 60,
    "C09-dds": b"DDS |\0\0\0" + b"\0" * 120,
    "C09-jxl": b"\xff\x0a" + b"\0" * 60,
    "C09-heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 60,
    "C09-gzip": zlib.compress(GOOD_PNG),
    "C09-exe": b"MZ" + b"\0" * 200,
}


@pytest.mark.parametrize("case", BROKEN)
def test_c06_c07_c09_what_is_no_whole_picture(client: Client, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subprocess.Popen", None)
    status, name = code(send(client, BROKEN[case]))
    assert (status, name) in [(415, "unsupported_media"), (422, "image_unreadable"), (200, "")], case
    if status == 200:
        assert case == "C09-tiff", "a format that this decoder has"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_c08_bit_flips(client: Client, kind: str) -> None:
    """A sample; ``make fuzz`` does thousands."""
    chance = random.Random(8)  # noqa: S311
    good = bytearray(saved(GREY, kind))
    for _ in range(150):
        data = bytearray(good)
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        assert code(send(client, bytes(data)))[0] in (200, 413, 415, 422)


MARK = b"<?php evil(); ?><script>alert(1)</script>PK\x05\x06"


@pytest.mark.parametrize(
    "data",
    [
        GOOD_PNG + MARK,
        GOOD_JPEG + MARK,
        saved(GREY, "JPEG", comment=MARK),
        png_of(60, 60, chunk(b"tEXt", b"k\0" + MARK)),
    ],
    ids=["png-tail", "jpeg-tail", "jpeg-comment", "png-text"],
)
def test_c10_c12_nothing_but_pixels_comes_out(client: Client, data: bytes) -> None:
    answer = send(client, data, mode="crop", output="base64")
    if answer.status_code == 200:
        for face in answer.json()["cropped_faces"]:
            out = base64.b64decode(face["image_base64"])
            assert b"evil" not in out and b"script" not in out
            assert not Image.open(io.BytesIO(out)).info


@pytest.mark.parametrize("orientation", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 65535])
def test_c11_orientation(client: Client, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    data = saved(GREY, "JPEG", exif=exif)
    stats = send(client, data).json()["stats"]
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    assert (stats["image_width"], stats["image_height"]) == upright.size


def test_c12_place_and_profile_do_not_come_out(client: Client) -> None:
    exif = Image.Exif()
    exif.get_ifd(34853)[1] = "N"
    exif[271] = "SECRET-MAKER"
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "SECRET-COMMENT")
    for data in (saved(GREY, "JPEG", exif=exif), saved(GREY, "PNG", pnginfo=info)):
        for mode in ("first", "separate", "crop"):
            answer = send(client, data, mode=mode)
            assert b"SECRET" not in answer.content
            texts = [v for k, v in walk(answer.json()) if k.endswith("_base64")]
            assert texts and all(b"SECRET" not in base64.b64decode(text) for text in texts)


def walk(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 10_000), (10_000, 1), (15, 200)])
def test_c15_tiny(client: Client, size: tuple[int, int]) -> None:
    assert code(send(client, saved(Image.new("RGB", size), "PNG"))) == (422, "image_too_small")


def test_c16_a_thousand_scans(client: Client) -> None:
    data = saved(Image.new("RGB", (180, 180)), "JPEG", progressive=True)
    scan = data.index(b"\xff\xda")
    assert code(send(client, data[:-2] + data[scan:-2] * 500 + b"\xff\xd9")) in [
        (422, "image_unreadable"),
        (413, "too_large"),
    ]


GOOD = base64.b64encode(GOOD_PNG).decode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD, (200, "")),
        ("data:image/png;base64," + GOOD, (200, "")),
        ("data:text/html;base64," + GOOD, (200, "")),
        ("data:;base64," + GOOD, (200, "")),
        ("\r\n".join(GOOD[i : i + 76] for i in range(0, len(GOOD), 76)), (200, "")),
        (GOOD.rstrip("=") + "===", (422, "invalid_parameter")),
        ("AAA=" + GOOD, (422, "invalid_parameter")),
        (GOOD[:-7], (422, "invalid_parameter")),
        (GOOD.replace("A", "%41", 1), (422, "invalid_parameter")),
        ("data:image/png," + GOOD, (422, "invalid_parameter")),
        ("!!!!", (422, "invalid_parameter")),
        ("é" * 40, (422, "invalid_parameter")),
        ("A", (422, "invalid_parameter")),
        ("data:image/png;base64,", (422, "invalid_parameter")),
        ("A" * 290_000, (413, "too_large")),
    ],
    ids=lambda value: str(value)[:30],
)
def test_c17_base64(client: Client, text: str, expected: tuple[int, str]) -> None:
    assert code(client.post("/create_mask", json={"image_base64": text})) == expected


def test_c17_size_is_refused_before_anything_is_decoded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base64, "b64decode", None)
    answer = client.post("/create_mask", json={"image_base64": "A" * 100_000_000})
    assert code(answer) == (413, "too_large")


def test_c18_no_face(make: Make) -> None:
    client = make(detector=Fixed(()))
    assert code(send(client, GOOD_PNG)) == (422, "no_face")
    empty = send(client, GOOD_PNG, on_no_face="empty", invert="false")
    mask = Image.open(io.BytesIO(base64.b64decode(empty.json()["mask_base64"])))
    assert mask.getextrema() == (0, 0)


def test_c18_faces_by_the_hundred_are_capped_and_clipped(make: Make) -> None:
    crowd = tuple(Face(Box(i * 3 - 10, i - 10, 25, 25), 0.9) for i in range(500))
    stats = send(make(detector=Fixed(crowd), max_faces=20), picture(), mode="combined").json()["stats"]
    assert len(stats["faces"]) <= 20 < stats["faces_detected"]
    assert [warning["code"] for warning in stats["warnings"]] == ["more_faces"]
    for face in stats["faces"]:
        box = face["bbox"]
        assert box["x"] >= 0 and box["x"] + box["width"] <= 200 and box["y"] >= 0 and box["y"] + box["height"] <= 150


@pytest.mark.parametrize("face", [NOT_A_NUMBER, INVERTED, OUTSIDE, ENDLESS, BAD_POINTS, None], ids=str)
def test_c19_nonsense_of_a_detector(make: Make, face: Face | None) -> None:
    faces = NONSENSE if face is None else (face,)
    answer = send(make(detector=Fixed(faces)), picture(), mode="combined", on_no_face="empty")
    assert answer.status_code == 200
    assert b"NaN" not in answer.content and b"Infinity" not in answer.content
    json.loads(answer.content, parse_constant=lambda text: pytest.fail(text))


class Wrong(FakeSegmenter):
    """Gives what a broken network would: a window outside of the picture, of another size, or numbers that are none."""

    patch = Patch(0, 0, np.zeros((1, 1), np.bool_))
    score = float("nan")

    def masks(self, *_: Any, **__: Any) -> list[FaceMask]:
        return [FaceMask(self.patch, self.score, self.score)]


@pytest.mark.parametrize("size", [(1, 1), (1000, 1000), (0, 0)])
@pytest.mark.parametrize("corner", [(0, 0), (-5, -5), (5000, 5000)])
def test_c19_nonsense_of_a_segmenter(make: Make, size: tuple[int, int], corner: tuple[int, int]) -> None:
    segmenter = Wrong()
    segmenter.patch = Patch(*corner, np.ones(size, np.bool_))
    answer = send(make(detector=Fixed((Face(Box(20, 20, 50, 50), 0.9),)), segmenter=segmenter), picture())
    assert answer.status_code in (200, 500)
    assert b"NaN" not in answer.content
    if answer.status_code == 500:
        assert answer.json()["code"] == "internal"


def test_c20_bytes_are_counted_exactly(make: Make) -> None:
    client = make(max_bytes=5000)
    data = saved(GREY, "PNG")
    padded = data[:-12] + chunk(b"tEXt", b"k\0" + b"x" * (5000 - len(data) - 14)) + data[-12:]
    assert len(padded) == 5000
    more = padded + b"\0"
    ways: list[Callable[[bytes], httpx.Response]] = [
        lambda body: send(client, body),
        lambda body: client.post("/create_mask", files={"image": body}),
        lambda body: client.post("/create_mask", json={"image_base64": base64.b64encode(body).decode()}),
    ]
    for way in ways:
        assert code(way(padded)) == (200, "")
        assert code(way(more)) == (413, "too_large")


def torture() -> list[tuple[str, str]]:
    index = TORTURE / "index.csv"
    if not index.exists():
        return []
    with index.open(newline="") as file:
        return [(row["path"], row["expected"]) for row in csv.DictReader(file)]


WHOLE_AFTER_ALL = ("pillow/truncated_jpeg.jpg", "pngsuite/bugfixes/issue#430.png")
"""Called undecodable, yet every pixel is there: the one lacks the last byte of its end marker, the other's EXIF is
broken.
"""


@pytest.mark.skipif(not torture(), reason="the torture pictures are not here")
def test_c_torture_pictures_give_nothing_but_clean_answers(make: Make) -> None:
    client = make(max_pixels=50_000_000, max_bytes=20 << 20)
    wrong = []
    for path, expected in torture():
        answer = send(client, (TORTURE / path).read_bytes())
        if path in WHOLE_AFTER_ALL and answer.status_code == 200:
            continue
        allowed = {"decodable": (200, 415, 422), "bomb": (413, 415, 422), "undecodable": (413, 415, 422)}
        if answer.status_code not in allowed.get(expected, (200, 413, 415, 422)):
            wrong.append((path, expected, answer.status_code))
    assert not wrong
