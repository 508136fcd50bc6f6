"""Transparency and the picture's format through the endpoints that answer with a picture."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from sam_mask_service.geometry import PixelBox
from sam_mask_service.http.negotiate import format_of

from ..support.scene import Fixed, picture, service
from ..support.wire import Client

KINDS = ("image/png", "image/jpeg", "image/webp")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    made = Client(service(tmp_path, Fixed()))
    yield made
    made.close()


def see_through() -> NDArray[np.uint8]:
    """The scene with its lower half see-through in steps."""
    with Image.open(io.BytesIO(picture())) as image:
        pixels = np.asarray(image.convert("RGBA")).copy()
    pixels[75:, :, 3] = np.linspace(0, 255, 200, dtype=np.uint8)
    return pixels


def png(pixels: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def read(data: bytes) -> tuple[str, NDArray[np.uint8]]:
    with Image.open(io.BytesIO(data)) as image:
        return str(image.format), np.asarray(image)


@pytest.mark.parametrize("kind", ["png", "webp"])
@pytest.mark.parametrize("path", ["/anonymize", "/composite", "/cutout"])
def test_transparency_is_kept(client: Client, path: str, kind: str) -> None:
    pixels = see_through()
    files = {"image": png(pixels)}
    if path == "/composite":
        edit, mask = np.zeros_like(pixels[:, :, :3]), np.zeros(pixels.shape[:2], np.uint8)
        mask[20:120, 20:60] = 255
        files = {"original": png(pixels), "edited": png(edit), "mask": png(mask)}
    answer = client.post(path, files=files, data={"format": kind}, headers={"Accept": "image/*"})
    assert answer.status_code == 200, answer.text
    written, got = read(answer.content)
    assert (written, got.shape[2]) == (kind.upper(), 4)
    if path == "/cutout":
        assert got[:, :, 3].max() > 0
    else:
        np.testing.assert_array_equal(got[:, :, 3], pixels[:, :, 3])
    if path == "/composite" and kind == "png":
        np.testing.assert_array_equal(got[mask == 0], pixels[mask == 0])
        assert not got[20:70, 20:60, :3].any()


def test_jpeg_says_what_transparency_was_laid_on(client: Client) -> None:
    files = {"image": png(see_through())}
    bare = client.post("/anonymize", files=files, headers={"Accept": "image/jpeg"})
    assert (bare.headers["content-type"], bare.headers["x-flattened-on"]) == ("image/jpeg", "#ffffff")
    assert read(bare.content)[1][100, 0].min() > 240
    told = client.post("/anonymize", files=files, data={"format": "jpeg"}).json()
    assert (told["flattened_on"], told["image_format"], told["parameters"]["format"]) == ("#ffffff", "jpeg", "jpeg")
    assert "flattened_on" not in client.post("/anonymize", files=files).json()


def test_an_edits_transparency_counts_inside_the_mask(client: Client) -> None:
    original, edit = see_through()[:, :, :3], see_through()
    mask = np.zeros(original.shape[:2], np.uint8)
    mask[80:120, 20:60] = 255
    files = {"original": png(original), "edited": png(edit), "mask": png(mask)}
    got = read(client.post("/composite", files=files, headers={"Accept": "image/png"}).content)[1]
    np.testing.assert_array_equal(got[:, :, 3], np.where(mask == 255, edit[:, :, 3], 255))


@pytest.mark.parametrize("accept", KINDS)
@pytest.mark.parametrize("path", ["/anonymize", "/cutout"])
def test_accept_chooses_the_format(client: Client, path: str, accept: str) -> None:
    answer = client.post(path, files={"image": picture(kind="jpeg")}, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, accept)
    assert f"image/{read(answer.content)[0].lower()}" == accept


def test_format_goes_before_accept_and_the_inputs_own_stays(client: Client) -> None:
    files = {"image": picture(kind="jpeg")}
    said = client.post("/anonymize", files=files, data={"format": "webp"}, headers={"Accept": "image/png"})
    assert said.headers["content-type"] == "image/webp"
    assert client.post("/anonymize", files=files, headers={"Accept": "image/*"}).headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("image/webp", "webp"),
        ("image/png;q=0.5, image/jpeg", "jpeg"),
        ("image/jpeg, image/png", "jpeg"),
        ("image/webp, image/*", None),
        ("image/webp, image/*;q=0.5", "webp"),
        ("image/webp;q=0, image/*", None),
        ("image/gif", None),
        ("", None),
    ],
)
def test_the_format_that_accept_names(accept: str, kind: str | None) -> None:
    assert format_of(accept, KINDS) == kind


def test_crops_keep_transparency(client: Client) -> None:
    pixels = see_through()
    told = client.post("/create_mask", files={"image": png(pixels)}, data={"mode": "crop"}).json()
    for row in told["cropped_faces"]:
        kind, got = read(base64.b64decode(row["image_base64"]))
        box = PixelBox(**row["crop_bbox"])
        assert (kind, got.shape) == ("PNG", (box.height, box.width, 4))
        np.testing.assert_array_equal(got[:, :, 3], pixels[box.rows, box.columns, 3])
        assert (got[got[:, :, 3] == 0] == (255, 255, 255, 0)).all()  # no hidden colour comes along
    opaque = client.post("/create_mask", files={"image": picture()}, data={"mode": "crop"}).json()
    assert read(base64.b64decode(opaque["cropped_faces"][0]["image_base64"]))[1].shape[2] == 3


@pytest.mark.parametrize("target", ["a1111", "openai", "comfyui"])
def test_a_target_says_what_transparency_was_laid_on(client: Client, target: str) -> None:
    """Where a consumer takes alpha for the mask, refuses it or drops it, it gets none of the picture's own."""
    files, data = {"image": png(see_through())}, {"target": target}
    told = client.post("/create_mask", files=files, data=data).json()
    assert told["flattened_on"] == "#ffffff"
    _, got = read(base64.b64decode(told["mask_base64"] if target == "comfyui" else told["image_base64"]))
    hidden = got[75 * got.shape[0] // 150 + 5, 1]
    assert hidden[:3].min() > 240
    bare = client.post("/create_mask", files=files, data=data, headers={"Accept": "image/png"})
    assert bare.headers["x-flattened-on"] == "#ffffff"
    assert "flattened_on" not in client.post("/create_mask", files={"image": picture()}, data=data).json()
