"""Inputs that went wrong once (``../shared/cases``), as a caller sends them, and what is right. Their siblings that are
made here are in ``test_siblings.py``.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from sam_mask_service.faces.build import build_detector
from sam_mask_service.geometry import Box, Face

from ..image.drawn import CASES
from ..support.scene import Fixed, service
from ..support.wire import Client

YUNET = CASES.parent / "models" / "face_detection_yunet_2023mar.onnx"
pytestmark = pytest.mark.skipif(not CASES.exists(), reason="the cases are not here")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """Finds one face near the left upper corner of whatever comes."""
    made = Client(service(tmp_path, Fixed([Face(Box(4, 4, 24, 24), 0.9)])))
    yield made
    made.close()


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """On the real detectors."""
    if not YUNET.is_file():
        pytest.skip("YuNet is not here")
    made = Client(service(tmp_path_factory.mktemp("real"), build_detector({"yunet": YUNET}, threads=2)))
    yield made
    made.close()


def case(name: str) -> bytes:
    return (CASES / name).read_bytes()


def read(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(data)))


def bare(client: Client, path: str, files: dict[str, bytes], **data: Any) -> NDArray[np.uint8]:
    answer = client.post(path, files=files, data={"format": "png", **data}, headers={"Accept": "image/*"})
    assert answer.status_code == 200, answer.text
    return read(answer.content)


# --- every face -------------------------------------------------------------------------------------------------------


def test_all_of_ninety_faces_are_hidden(real: Client) -> None:
    body = real.post("/anonymize", files={"image": case("ninety_faces.jpg")}).json()
    assert body["stats"]["faces_hidden"] >= 90 and body["residual_faces"] == 0
    after = read(base64.b64decode(body["image_base64"]))
    left = real.post("/detect_faces", files={"image": base64.b64decode(body["image_base64"])}, data={"recall": "high"})
    assert after.shape == (1080, 960, 3)
    assert left.json().get("faces", []) == []


def test_ninety_faces_are_told_or_said_to_be_more(real: Client) -> None:
    files = {"image": case("ninety_faces.jpg")}
    assert len(real.post("/detect_faces", files=files).json()["faces"]) >= 90
    stats = real.post("/create_mask", files=files, data={"mode": "combined"}).json()["stats"]
    assert [(row["code"], row["seen"] >= 90) for row in stats["warnings"]] == [("more_faces", True)]


@pytest.mark.parametrize("detector", ["auto", "mediapipe"])
def test_a_face_in_a_strip_is_found(real: Client, detector: str) -> None:
    files = {"image": case("strip_700x12000.jpg")}
    assert len(real.post("/detect_faces", files=files, data={"detector": detector}).json()["faces"]) == 1


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/anonymize", "/create_mask", "/cutout", "/images"])
@pytest.mark.parametrize(
    "name", ["jpeg_trailer_101_ffda.jpg", "no_eoi.jpg", "png_itxt_xmp_1100000.png", "portrait.heic"]
)
def test_it_is_read(client: Client, path: str, name: str) -> None:
    answer = client.post(path, files={"image": case(name)})
    assert answer.status_code in (200, 201), answer.text


@pytest.mark.parametrize("name", ["p3_apple_description.jpg", "p3_samsung_description.jpg"])
@pytest.mark.parametrize("path", ["/anonymize", "/create_mask", "/cutout"])
def test_wide_gamut_stays_right(client: Client, path: str, name: str) -> None:
    """The red patch of the file, in the result's sRGB."""
    sent = case(name)
    patch = np.abs(read(sent).astype(int) - (230, 30, 30)).max(axis=2) <= 2
    rows, columns = np.nonzero(patch)
    face = Face(Box(float(columns.min()), float(rows.min()), float(np.ptp(columns)), float(np.ptp(rows))), 0.9)
    client.service.detector.faces = [face] if path != "/anonymize" else [Face(Box(0, 0, 8, 8), 0.9)]  # type: ignore[attr-defined]
    if path == "/create_mask":
        body = client.post(path, files={"image": sent}, data={"mode": "crop"}).json()
        got = read(base64.b64decode(body["cropped_faces"][0]["image_base64"]))
    else:
        got = bare(client, path, {"image": sent})
    red = got[np.abs(got[:, :, :3].astype(int) - (252, 0, 0)).max(axis=2) <= 3]
    assert len(red) > 100
    assert not (np.abs(got[:, :, :3].astype(int) - (230, 30, 30)).max(axis=2) <= 2).any()


def test_a_broken_orientation_changes_nothing(client: Client) -> None:
    plain, odd = (
        bare(client, "/anonymize", {"image": case(name)})
        for name in ("palette_transparent.png", "palette_transparent_orientation0.png")
    )
    np.testing.assert_array_equal(plain, odd)
    assert (odd[odd[:, :, 3] == 0] == (255, 255, 255, 0)).all()


# --- masks and transparency -------------------------------------------------------------------------------------------


def png(pixels: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def edited(client: Client, mask: bytes, original: str = "portrait160.png", **data: Any) -> NDArray[np.uint8]:
    """With a black edit."""
    black = np.zeros_like(read(case(original))[:, :, :3])
    files = {"original": case(original), "edited": png(black), "mask": mask}
    return bare(client, "/composite", files, **data)


def test_a_mask_of_16_bits_is_one_of_8(client: Client) -> None:
    deep, plain = edited(client, case("mask16.png")), edited(client, case("mask8.png"))
    np.testing.assert_array_equal(deep, plain)
    assert deep[75, 15, :3].tolist() == [115, 95, 58]


def test_white_that_nobody_sees_is_no_mask(client: Client) -> None:
    """Alpha × value: what is see-through stays as it was."""
    seen = read(case("mask_white_under_alpha.png"))[:, :, 3]
    got, original = edited(client, case("mask_white_under_alpha.png")), read(case("portrait160.png"))[:, :, :3]
    assert (seen == 0).any() and (seen == 255).any()
    np.testing.assert_array_equal(got[seen == 0], original[seen == 0])
    assert not got[seen == 255].any()


@pytest.mark.parametrize("kind", ["png", "webp"])
@pytest.mark.parametrize("path", ["/anonymize", "/composite"])
def test_transparency_is_kept(client: Client, path: str, kind: str) -> None:
    name = "rgba_transparent_bottom.png"
    sent = read(case(name))
    assert sent[-1, :, 3].max() == 0
    if path == "/composite":
        mask = np.zeros(sent.shape[:2], np.uint8)
        mask[10:60, 10:60] = 255
        got = edited(client, png(mask), name, format=kind)
    else:
        got = bare(client, path, {"image": case(name)}, format=kind)
    np.testing.assert_array_equal(got[:, :, 3], sent[:, :, 3])
