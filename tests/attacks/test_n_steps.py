"""N01, N02: what is done to a picture asks its deadline as it goes on, and takes no memory that nobody needs. Nothing
is timed.
"""

from __future__ import annotations

import base64
import importlib
import io
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sam_mask_service.actions import anonymise, composite, cutout
from sam_mask_service.actions.anonymise import Hidden, Method, blend
from sam_mask_service.actions.correct import correct
from sam_mask_service.actions.hide import grown, named
from sam_mask_service.deadline import Check, Deadline
from sam_mask_service.errors import DeadlinePassed
from sam_mask_service.geometry import Box, Face
from sam_mask_service.image import decode, encode, encoding, lifted, on_white, to_srgb, unasked
from sam_mask_service.image import rasters as rasters_module
from sam_mask_service.image.cicp import profile_of
from sam_mask_service.patch import Patch, SoftPatch
from sam_mask_service.tasks.pictures import ENCODE_PICTURE, PictureWork

from ..support.wire import Client
from .test_n_time import Late, disc

SIDE = 1100
RGB = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
BITS = disc(SIDE)
ALPHA = np.where(BITS, np.uint8(255), np.uint8(0))
SOFT = np.where(BITS, np.uint8(128), np.uint8(0))
RGBA = np.dstack([RGB, SOFT])
WHOLE = Hidden(SoftPatch(0, 0, ALPHA), Box(0, 0, SIDE, SIDE))
FACE = Face(Box(0, 0, SIDE, SIDE), 1.0)
LIMITS = {"max_bytes": 1 << 30, "max_pixels": 1 << 28}


def file(kind: str, pixels: Any = RGB, **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


def hidden(method: Method, check: Check) -> object:
    return anonymise(RGB, [WHOLE], method, check=check)


STEPS: dict[str, tuple[int, Callable[[Any], object]]] = {
    **{f"hide, {method}": (5, partial(hidden, method)) for method in ("blur", "pixelate", "solid", "mosaic")},
    "hide, margin": (1, lambda check: grown(FACE, Patch(0, 0, BITS), SIDE, SIDE, True, check)),
    "many places": (300, lambda check: anonymise(RGB, [named(Box(0, 0, 9, 9), SIDE, SIDE)] * 300, check=check)),
    "blend": (4, lambda check: blend(RGB, RGB, ALPHA, check=check)),
    "cut out": (10, lambda check: cutout(RGB, SOFT, check=check)),
    "on a picture": (10, lambda check: cutout(RGB, SOFT, background=RGB, check=check)),
    "seam": (10, lambda check: composite(RGB, RGB, ALPHA, match="seam", check=check)),
    "points": (9, lambda check: correct(RGB, BITS, [(5.0, 5.0, 1)] * 9, 100, check)),
    "off the white": (4, lambda check: lifted(RGB, SOFT, check)),
    "on the white": (4, lambda check: on_white(RGBA, check)),
    "JPEG": (8, lambda check: decode(file("JPEG", quality=95), check, **LIMITS)),
    "JPEG, progressive": (8, lambda check: decode(file("JPEG", quality=95, progressive=True), check, **LIMITS)),
    "PNG": (16, lambda check: decode(file("PNG"), check, **LIMITS)),
    "PNG, see-through": (20, lambda check: decode(file("PNG", RGBA), check, **LIMITS)),
    "TIFF": (8, lambda check: decode(file("TIFF", compression="tiff_lzw"), check, **LIMITS)),
    "BMP": (8, lambda check: decode(file("BMP"), check, **LIMITS)),
    "WebP": (1, lambda check: decode(file("WEBP"), check, **LIMITS)),
    "AVIF": (1, lambda check: decode(file("AVIF", speed=10), check, **LIMITS)),
}
"""Name → how often it has to ask, and the work."""


@pytest.mark.parametrize("name", STEPS)
def test_n01_each_step_asks_and_ends(name: str) -> None:
    times, work = STEPS[name]
    late = Late()
    work(late)
    assert late.asked >= times
    with pytest.raises(DeadlinePassed):
        work(Late(late.asked - 1))


def test_n01_colours_are_moved_in_bands_that_ask() -> None:
    late = Late()
    to_srgb(RGB, profile_of(12, 13), late)
    assert late.asked >= 4


def test_n01_the_borders_of_large_tiles_are_drawn_on_a_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """A face of 50 megapixels took 14 s in one step."""
    module = importlib.import_module("sam_mask_service.actions.anonymise")
    exact = anonymise(RGB, [WHOLE], "mosaic")
    asked: list[tuple[int, int]] = []
    real = module._tiles

    def tiles(height: int, width: int, cell: int) -> Any:
        asked.append((height, width))
        return real(height, width, cell)

    monkeypatch.setattr(module, "_tiles", tiles)
    monkeypatch.setattr(module, "_BORDERS", 32)
    coarse = anonymise(RGB, [WHOLE], "mosaic")
    assert asked[0][0] * 8 >= SIDE > asked[0][0] * 4
    outside = ALPHA == 0
    assert np.array_equal(coarse[outside & (exact == RGB).all(axis=2)], exact[outside & (exact == RGB).all(axis=2)])
    assert len(np.unique(coarse[BITS], axis=0)) <= len(np.unique(exact[BITS], axis=0)) + 8


def test_n01_a_large_blur_is_enlarged_from_a_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("sam_mask_service.actions.anonymise")
    exact = anonymise(RGB, [WHOLE], "blur", 0.0).astype(int)
    monkeypatch.setattr(module, "_BORDERS", 32)
    assert np.abs(anonymise(RGB, [WHOLE], "blur", 0.0) - exact).max() <= 3


def test_n02_boxes_of_the_whole_picture_take_no_memory_each() -> None:
    """A thousand of them were a thousand masks of 50 megapixels, 50 GB, by one small request."""
    tracemalloc.start()
    boxes = [named(Box(0, 0, 7000, 7000), 7000, 7000) for _ in range(1000)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 << 20
    assert boxes[0].mask.alpha.shape == (7000, 7000)
    assert int(boxes[0].mask.alpha[6999, 6999]) == 255


def test_n01_the_same_box_again_costs_nothing(client: Client) -> None:
    boxes = [[0, 0, 100, 100]] * 1000
    png = encode(RGB[:150, :200])
    sent = {"image_base64": base64.b64encode(png).decode(), "boxes": boxes}
    answer = client.post("/anonymize", json=sent)
    assert answer.status_code == 200
    assert answer.json()["stats"]["boxes_hidden"] == 1000


# --- WebP, which nobody can ask ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("quality", [90, 100])
def test_n01_a_large_webp_is_packed_quickly(monkeypatch: pytest.MonkeyPatch, quality: int) -> None:
    """50 megapixels without loss took 41 s in one go."""
    small = encoding._webp(RGB, quality)
    assert small == {"quality": quality, "lossless": quality == 100, "method": 2}
    monkeypatch.setattr(encoding, "_LARGE", 1)
    large = encoding._webp(RGB, quality)
    assert (large["method"], large["quality"]) == (0, 0 if quality == 100 else 90)
    back = decode(encode(RGB, "webp", quality), **LIMITS).rgb
    assert np.array_equal(back, RGB) is (quality == 100)


def test_n01_what_cannot_be_asked_is_not_begun_too_late() -> None:
    work = PictureWork.__new__(PictureWork)
    work.pixels, work.kind = np.zeros((5000, 5000, 3), np.uint8), "webp"
    assert unasked(work.pixels, "webp") > 1
    work.deadline = Deadline.after(1.0)
    with pytest.raises(DeadlinePassed):
        ENCODE_PICTURE.do(work)
    work.kind, work.pixels = "png", work.pixels[:50, :50]
    ENCODE_PICTURE.do(work)
    assert len(work.pictures) == 1


def test_n02_pieces_that_pillow_decodes_are_small() -> None:
    assert rasters_module._PIECE <= 1 << 20
