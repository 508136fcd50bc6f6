"""Windows: they cover the picture, and what is found in them is put back where it lies."""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam_mask_service.faces.candidates import Rows
from sam_mask_service.faces.tiles import (
    Pyramid,
    Tile,
    around,
    fine_windows,
    halved,
    length,
    letterbox,
    placed,
    quartered,
    starts,
    tiles,
    turned,
    turned_window,
    uncut,
    within,
)
from sam_mask_service.faces.tuning.search import TILE
from sam_mask_service.geometry import RGB, Box

SIZE = 96


def row_at(x: float, y: float, width: float, height: float) -> Rows:
    """A candidate whose key points all lie at its centre."""
    centre = [x + width / 2, y + height / 2]
    return np.array([[x, y, width, height, 0.5, *(centre * 6)]], np.float32)


def dot(width: int, height: int, x: int, y: int, radius: int = 6) -> Pyramid:
    """A white disc on black with its centre at the corner (x, y) of four pixels."""
    v, u = np.mgrid[:height, :width] + 0.5
    bright = ((u - x) ** 2 + (v - y) ** 2 <= radius**2).astype(np.uint8) * 255
    return Pyramid(np.ascontiguousarray(np.repeat(bright[:, :, None], 3, axis=2), np.uint8))


def middle(pixels: RGB) -> tuple[float, float]:
    """Centre of brightness in pixel coordinates (a pixel's centre at +0.5)."""
    light = pixels[:, :, 0].astype(float)
    v, u = np.mgrid[: light.shape[0], : light.shape[1]] + 0.5
    return float((u * light).sum() / light.sum()), float((v * light).sum() / light.sum())


def seen_at(window: Tile) -> tuple[float, float]:
    """Where the picture has what the window shows brightest."""
    u, v = middle(window.pixels)
    found = placed(row_at(u - 4, v - 4, 8, 8), window)[0]
    assert found[5] == pytest.approx(found[0] + found[2] / 2, abs=1e-2)
    return float(found[5]), float(found[6])


@pytest.mark.parametrize("fill", [1.0, 0.5])
@pytest.mark.parametrize("shape", [(120, 200), (200, 120), (96, 96), (40, 30)])
def test_letterbox_puts_back(shape: tuple[int, int], fill: float) -> None:
    height, width = shape
    x, y = width // 3, height // 2
    window = letterbox(dot(width, height, x, y), SIZE, fill)
    assert window.pixels.shape == (SIZE, SIZE, 3)
    assert seen_at(window) == pytest.approx((x, y), abs=0.6)


@pytest.mark.parametrize("degrees", [90, -90, 180, 45, -135, 20])
def test_a_turned_window_puts_back(degrees: int) -> None:
    window = turned(dot(200, 140, 150, 50), SIZE, math.radians(degrees))
    assert seen_at(window) == pytest.approx((150, 50), abs=1)


@pytest.mark.parametrize("degrees", [90, -90, 180, 45, -135, 20])
def test_a_turned_window_shows_a_face_of_that_tilt_upright(degrees: int) -> None:
    """Two dots as eyes: the subject's right one (small) is at the left of an upright face."""
    angle = math.radians(degrees)
    right = (100 - 40 * math.cos(angle), 100 - 40 * math.sin(angle))
    left = (100 + 40 * math.cos(angle), 100 + 40 * math.sin(angle))
    a, b = dot(200, 200, round(right[0]), round(right[1])), dot(200, 200, round(left[0]), round(left[1]))
    (u0, v0), (u1, v1) = middle(turned(a, SIZE, angle).pixels), middle(turned(b, SIZE, angle).pixels)
    assert u1 - u0 > 20
    assert v1 == pytest.approx(v0, abs=1.5)


@pytest.mark.parametrize("degrees", [0, 30, 90, 170])
@pytest.mark.parametrize("side", [50, 400])
def test_a_window_around_a_box_puts_back(degrees: int, side: int) -> None:
    picture = dot(600, 500, 310, 240, radius=side // 10)
    box = Box(300 - side / 2, 250 - side / 2, side, side)
    window = around(picture, box, 1.5, math.radians(degrees), SIZE)
    assert seen_at(window) == pytest.approx((310, 240), abs=side / 40)


def test_quarter_turns_swap_a_boxs_sides_exactly() -> None:
    window = Tile(np.zeros((SIZE, SIZE, 3), np.uint8), 0, 0, 2.0, SIZE, SIZE, angle=math.pi / 2)
    found = placed(row_at(10, 20, 8, 16), window)[0]
    np.testing.assert_allclose(found[2:4], [32, 16], atol=1e-4)


@given(st.integers(1, 3000), st.integers(16, 400))
def test_starts_cover_with_overlap(length: int, size: int) -> None:
    begins = starts(length, size)
    assert begins[0] == 0
    assert begins[-1] == max(0, length - size)
    for a, b in itertools.pairwise(begins):
        assert 0 < b - a <= math.ceil(size * (1 - TILE.overlap)) + 1


@pytest.mark.parametrize("shape", [(1, 1000), (1000, 1), (300, 500), (97, 97)])
def test_every_pixel_lies_in_a_tile(shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(1).integers(0, 255, (*shape, 3)).astype(np.uint8)
    covered = np.zeros(shape, bool)
    for window in tiles(picture, 1.0, SIZE):
        x, y = int(window.x), int(window.y)
        np.testing.assert_array_equal(
            window.pixels[: window.height, : window.width], picture[y : y + window.height, x : x + window.width]
        )
        covered[y : y + window.height, x : x + window.width] = True
    assert covered.all()


def test_fine_windows_put_back_from_every_tile_that_shows_the_dot() -> None:
    picture = dot(1000, 700, 640, 333, radius=30)
    showing = [window for window in fine_windows(picture, 500, SIZE) if window.pixels.max() > 0]
    whole = [w for w in showing if not w.pixels[[0, -1]].any() and not w.pixels[:, [0, -1]].any()]
    assert whole
    for window in whole:
        assert seen_at(window) == pytest.approx((640, 333), abs=3)


@pytest.mark.parametrize(
    ("x", "inner", "kept"),
    [
        (0.5, (True, False, False, False), False),
        (0.5, (False, False, False, False), True),
        (30, (True, True, True, True), True),
        (SIZE - 20.5, (False, False, True, False), False),
        (SIZE - 20.5, (True, False, False, False), True),
    ],
)
def test_only_inner_borders_cut(x: float, inner: tuple[bool, bool, bool, bool], kept: bool) -> None:
    window = Tile(np.zeros((SIZE, SIZE, 3), np.uint8), 0, 0, 1, SIZE, SIZE, inner)
    assert len(uncut(row_at(x, 30, 20, 20), window)) == kept


@pytest.mark.parametrize("side", [100, 900])
def test_a_turned_window_beyond_the_picture_is_filled_not_refused(side: int) -> None:
    picture = np.full((50, 40, 3), 77, np.uint8)
    pixels = turned_window(Pyramid(picture), (-500.0, 900.0), float(side), 0.3, SIZE)
    assert pixels.shape == (SIZE, SIZE, 3)
    assert (pixels == 77).all()


def test_a_shrunk_window_averages_what_it_drops() -> None:
    """A fine chequerboard turns to an even grey; sampling it without shrinking first would alias."""
    board = ((np.indices((800, 800)).sum(axis=0) % 2) * 255).astype(np.uint8)
    picture = np.ascontiguousarray(np.repeat(board[:, :, None], 3, axis=2), np.uint8)
    pixels = turned_window(Pyramid(picture), (400.0, 400.0), 760.0, 0.2, SIZE)
    assert cv2.absdiff(pixels, np.full_like(pixels, 128)).max() < 12


@pytest.mark.parametrize("shape", [(120, 200), (201, 99), (50, 40)])
def test_half_a_window_puts_back(shape: tuple[int, int]) -> None:
    height, width = shape
    window = halved(letterbox(dot(width, height, width // 3, height // 2), 2 * SIZE))
    assert window.pixels.shape == (SIZE, SIZE, 3)
    assert seen_at(window) == pytest.approx((width // 3, height // 2), abs=0.6)


@given(st.integers(1, 70), st.integers(1, 70), st.floats(0.01, 200))
def test_a_picture_is_halved_as_often_as_it_stays_large_enough(width: int, height: int, ratio: float) -> None:
    image, scale = Pyramid(np.zeros((height, width, 3), np.uint8)).reduced(ratio)
    halvings = round(-math.log2(scale))
    assert image.shape == (height >> halvings, width >> halvings, 3)
    assert halvings == 0 or 2**halvings <= ratio
    assert 2 ** (halvings + 1) > min(ratio, width, height)


def test_a_picture_resized_is_the_same_whatever_was_asked_before() -> None:
    noise = np.random.default_rng(2).integers(0, 256, (333, 501, 3)).astype(np.uint8)
    asked = Pyramid(noise)
    sizes = [(20, 13), (501, 333), (1, 1), (250, 166), (70, 400), (600, 500), (0, 90)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda size: asked.resized(*size), sizes))
    for size, image in zip(sizes, found, strict=True):
        assert image.shape == (max(1, size[1]), max(1, size[0]), 3)
        np.testing.assert_array_equal(image, Pyramid(noise).resized(*size))
    assert found[1] is noise
    half = cv2.resize(noise[:332, :500], (250, 166), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(found[3], half)


@pytest.mark.parametrize("shape", [(60, 100), (100, 60), (80, 80)])
def test_quarter_turns_lie_side_by_side_and_lead_back(shape: tuple[int, int]) -> None:
    """A mark of the picture, found in each of the three turned views of the sheet, leads back to where it lies."""
    picture = np.full((*shape, 3), 60, np.uint8)
    picture[10:16, 40:46] = 250
    sheet, views = quartered(letterbox(Pyramid(picture), 50))
    assert sheet.shape == (100, 100, 3)
    assert not sheet[50:, 50:].any()
    for left, top, view in views:
        np.testing.assert_array_equal(sheet[top : top + 50, left : left + 50], view.pixels)
        v, u = np.argwhere(view.pixels[:, :, 0] > 150).mean(axis=0) + 0.5
        row = np.array([u - 2, v - 2, 4, 4, 0.9, *([u, v] * 6)], np.float32)
        (back,) = placed(row[None], view)
        np.testing.assert_allclose(back[:2] + back[2:4] / 2, (43, 13), atol=2)
        np.testing.assert_allclose(back[5:7], (43, 13), atol=2)


def test_what_lies_within_a_square_is_told_in_its_pixels() -> None:
    rows = np.array([[52, 4, 10, 10, 0.9, *([55, 6] * 6)], [44, 4, 10, 10, 0.8, *([49, 6] * 6)]], np.float32)
    (inside,) = within(rows, 50, 0, 50)
    np.testing.assert_allclose(inside, [2, 4, 10, 10, 0.9, *([5, 6] * 6)], rtol=1e-6)
    assert rows[0, 0] == 52


def test_length_is_the_longer_side_until_a_picture_is_a_strip() -> None:
    lengths = [
        length(Pyramid(np.zeros((h, w, 3), np.uint8))) for h, w in ((300, 400), (400, 800), (200, 1600), (1600, 200))
    ]
    assert lengths == [400, 800, 800, 800]
