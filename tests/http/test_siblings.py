"""Inputs of the kinds of ``../shared/cases``, made here: each kind is right, not the one file alone."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ..support.scene import Fixed, picture, service
from ..support.wire import Client

Pixels = NDArray[np.uint8]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    made = Client(service(tmp_path, Fixed()))
    yield made
    made.close()


def read(data: bytes) -> Pixels:
    with Image.open(io.BytesIO(data)) as opened:
        return np.asarray(opened)


def written(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


# --- what the product does not use ------------------------------------------------------------------------------------


def chunk(name: bytes, data: bytes, check: int | None = None) -> bytes:
    found = zlib.crc32(name + data) if check is None else check
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", found)


def after_header(png: bytes, *chunks: bytes) -> bytes:
    return png[:33] + b"".join(chunks) + png[33:]


def segments(jpeg: bytes, *parts: tuple[int, bytes]) -> bytes:
    made = b"".join(struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data for marker, data in parts)
    return jpeg[:2] + made + jpeg[2:]


JPEG, PNG, WEBP = (picture(kind=kind) for kind in ("jpeg", "png", "webp"))
UNUSED = {
    "jpeg, zeros behind the end": JPEG + bytes(5000),
    "jpeg, another jpeg behind the end": JPEG + JPEG,
    "jpeg, a film behind the end": JPEG + b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 900,
    "jpeg, scans behind the end": JPEG + b"\xff\xda\0\x08\1\1\0\0\x3f\0" * 300,
    "jpeg, no end": JPEG[:-2],
    "jpeg, zeros for its end": JPEG[:-2] + bytes(64),
    "jpeg, half an end": JPEG[:-1],
    "jpeg, 60 segments of metadata": segments(JPEG, *[(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + bytes(60_000))] * 60),
    "jpeg, EXIF that is none": segments(JPEG, (0xE1, b"Exif\0\0" + b"\xff" * 500)),
    "jpeg, a comment of noise": segments(JPEG, (0xFE, bytes(range(256)) * 200)),
    "png, bytes behind the end": PNG + b"\x89PNG\r\n\x1a\n" + bytes(9000),
    "png, 2 MB of text": after_header(PNG, chunk(b"tEXt", b"Comment\0" + b"x" * 2_000_000)),
    "png, packed text that unpacks large": after_header(
        PNG, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(9_000_000)))
    ),
    "png, text that is not packed": after_header(PNG, chunk(b"zTXt", b"a\0\0" + b"\1" * 50)),
    "png, a wrong sum of a chunk that is not needed": after_header(PNG, chunk(b"tEXt", b"a\0b", check=1)),
    "png, an unknown chunk": after_header(PNG, chunk(b"prVt", bytes(70_000))),
    "png, EXIF of a megabyte": after_header(PNG, chunk(b"eXIf", b"II*\0" + bytes(1_200_000))),
    "webp, bytes behind the end": WEBP + bytes(3000),
}


@pytest.mark.parametrize("kind", UNUSED)
def test_what_is_not_used_does_not_matter(client: Client, kind: str) -> None:
    answer = client.post("/anonymize", files={"image": UNUSED[kind]}, headers={"Accept": "image/png"})
    assert answer.status_code == 200, answer.text
    assert read(answer.content).shape[:2] == (150, 200)


@pytest.mark.parametrize("orientation", [0, 9, 255, 65535])
def test_an_orientation_that_is_none_turns_nothing(client: Client, orientation: int) -> None:
    notes = Image.Exif()
    notes[0x0112] = orientation
    see_through = Image.fromarray(np.dstack([read(PNG), np.full((150, 200), 90, np.uint8)]))
    plain, odd = (
        client.post("/anonymize", files={"image": data}, headers={"Accept": "image/png"}).content
        for data in (written(see_through), written(see_through, exif=notes))
    )
    np.testing.assert_array_equal(read(odd), read(plain))


# --- masks ------------------------------------------------------------------------------------------------------------


def levels() -> Pixels:
    """(150, 200): every value from 0 to 255, from left to right, above; a black band below."""
    out = np.zeros((150, 200), np.uint8)
    out[:100] = np.linspace(0, 255, 200).astype(np.uint8)
    return out


def palette(values: Pixels) -> Image.Image:
    image = Image.fromarray(values, "L").convert("P")
    image.putdata(values.ravel().tolist())
    image.putpalette([v for level in range(256) for v in (level,) * 3])
    return image


def deep(values: Pixels) -> bytes:
    """As PNG of 16 bits."""
    wide = Image.fromarray(values.astype(np.uint16) * 257)
    assert wide.mode == "I;16"
    return written(wide)


MASKS: dict[str, Callable[[Pixels], bytes]] = {
    "16 bit": deep,
    "RGB": lambda v: written(Image.fromarray(np.dstack([v] * 3))),
    "grey with alpha": lambda v: written(Image.fromarray(np.dstack([v, np.full_like(v, 255)]), "LA")),
    "RGBA": lambda v: written(Image.fromarray(np.dstack([v, v, v, np.full_like(v, 255)]))),
    "palette": lambda v: written(palette(v)),
    "TIFF": lambda v: written(Image.fromarray(v), "TIFF"),
    "BMP": lambda v: written(Image.fromarray(v), "BMP"),
    "WebP": lambda v: written(Image.fromarray(np.dstack([v] * 3)), "WEBP", lossless=True),
    "white, in its alpha": lambda v: written(Image.fromarray(np.dstack([np.full_like(v, 255)] * 3 + [v]))),
    "turned by EXIF": lambda v: turned(v),
}


def turned(values: Pixels) -> bytes:
    """Lying on its side, with the note to turn it upright."""
    notes = Image.Exif()
    notes[0x0112] = 6
    return written(Image.fromarray(np.ascontiguousarray(np.rot90(values))), exif=notes)


def composed(client: Client, mask: bytes) -> Pixels:
    files = {"original": PNG, "edited": written(Image.new("RGB", (200, 150))), "mask": mask}
    answer = client.post("/composite", files=files, headers={"Accept": "image/png"})
    assert answer.status_code == 200, answer.text
    return read(answer.content)


@pytest.mark.parametrize("kind", MASKS)
def test_a_mask_means_the_same_however_it_is_written(client: Client, kind: str) -> None:
    values = levels()
    np.testing.assert_array_equal(
        composed(client, MASKS[kind](values)), composed(client, written(Image.fromarray(values)))
    )


def test_a_mask_of_one_bit(client: Client) -> None:
    values = np.where(levels() > 127, np.uint8(255), np.uint8(0))
    got = composed(client, written(Image.fromarray(values).convert("1")))
    np.testing.assert_array_equal(got, composed(client, written(Image.fromarray(values))))


# --- transparency -----------------------------------------------------------------------------------------------------


def see_through() -> Pixels:
    out = np.dstack([read(PNG), np.full((150, 200), 255, np.uint8)])
    out[120:, :, 3] = 0
    return out


def keyed() -> bytes:
    """RGB with one colour that is transparent."""
    pixels = read(PNG).copy()
    pixels[120:] = (1, 2, 3)
    return written(Image.fromarray(pixels), transparency=(1, 2, 3))


def indexed() -> bytes:
    """A palette with see-through entries."""
    pixels = np.where(np.arange(150)[:, None] >= 120, 0, 1 + np.arange(200)[None, :]).astype(np.uint8)
    image = palette(pixels)
    return written(image, transparency=bytes([0] + [255] * 255))


def grey() -> bytes:
    return written(Image.fromarray(see_through()[:, :, [0, 3]].copy(), "LA"))


CLEAR: dict[str, Callable[[], bytes]] = {
    "RGBA": lambda: written(Image.fromarray(see_through())),
    "a colour": keyed,
    "a palette": indexed,
    "grey with alpha": grey,
    "WebP": lambda: written(Image.fromarray(see_through()), "WEBP", lossless=True),
    "TIFF": lambda: written(Image.fromarray(see_through()), "TIFF"),
}


@pytest.mark.parametrize("kind", ["png", "webp"])
@pytest.mark.parametrize("sent", CLEAR)
@pytest.mark.parametrize("path", ["/anonymize", "/composite"])
def test_transparency_of_every_kind_is_kept(client: Client, path: str, sent: str, kind: str) -> None:
    data, files = {"format": kind}, {"image": CLEAR[sent]()}
    if path == "/composite":
        mask = written(Image.fromarray(np.zeros((150, 200), np.uint8)))
        files = {"original": files["image"], "edited": PNG, "mask": mask}
    answer = client.post(path, files=files, data=data, headers={"Accept": "image/*"})
    assert answer.status_code == 200, answer.text
    np.testing.assert_array_equal(read(answer.content)[:, :, 3], see_through()[:, :, 3])


@pytest.mark.parametrize("sent", CLEAR)
def test_a_crop_keeps_it_too(client: Client, sent: str) -> None:
    data = {"mode": "crop", "faces": "0"}
    answer = client.post("/create_mask", files={"image": CLEAR[sent]()}, data=data, headers={"Accept": "image/png"})
    assert answer.status_code == 200, answer.text
    np.testing.assert_array_equal(np.unique(read(answer.content)[:, :, 3]), [0, 255])
