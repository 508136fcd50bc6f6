"""Hidden means hidden: bit-equal outside, and inside nothing but what a few cells can tell."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sam_mask_service.actions.anonymise import Hidden, Method, _tiles, anonymise, blend, cells_across, contrast
from sam_mask_service.geometry import Box
from sam_mask_service.patch import SoftPatch

METHODS: tuple[Method, ...] = get_args(Method)
U8 = NDArray[np.uint8]


def noise(height: int, width: int, seed: int = 0) -> U8:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def disc(side: int) -> U8:
    y, x = np.mgrid[:side, :side] + 0.5
    inside = (x - side / 2) ** 2 + (y - side / 2) ** 2 <= (side / 2) ** 2
    return np.where(inside, np.uint8(255), np.uint8(0))


def hidden(x: int, y: int, side: int, cover_box: bool = False) -> Hidden:
    return Hidden(SoftPatch(x, y, disc(side)), Box(x, y, side, side), cover_box)


def square(side: int) -> Hidden:
    return Hidden(SoftPatch(0, 0, np.full((side, side), 255, np.uint8)), Box(0, 0, side, side), False)


def canvas_of(face: Hidden, height: int, width: int) -> NDArray[np.bool_]:
    """Where the face's alpha lies in a picture of that size."""
    out = np.zeros((height, width), bool)
    for j, i in np.argwhere(face.mask.alpha > 0):
        if 0 <= j + face.mask.y < height and 0 <= i + face.mask.x < width:
            out[j + face.mask.y, i + face.mask.x] = True
    return out


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(METHODS),
    st.integers(-30, 120),
    st.integers(-30, 90),
    st.integers(4, 60),
    st.floats(0, 1),
    st.booleans(),
)
def test_outside_every_pixel_is_equal_bit_for_bit(
    method: Method, x: int, y: int, side: int, strength: float, cover: bool
) -> None:
    image = noise(80, 100)
    before = image.copy()
    face = hidden(x, y, side, cover)
    out = anonymise(image, [face], method, strength)
    assert np.array_equal(image, before)
    outside = ~canvas_of(face, 80, 100)
    assert np.array_equal(out[outside], image[outside])


@pytest.mark.parametrize("method", METHODS)
def test_inside_nothing_is_left_as_it_was(method: Method) -> None:
    image, face = noise(200, 200), hidden(20, 30, 150)
    out = anonymise(image, [face], method)
    inside = canvas_of(face, 200, 200)
    same = (out[inside] == image[inside]).all(axis=1).mean()
    assert same < 0.001


@pytest.mark.parametrize("method", ["blur", "pixelate"])
@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_shuffling_a_face_inside_its_cells_changes_nothing(method: Method, strength: float) -> None:
    """So the result holds the cells' means and no more: two faces with the same means cannot be told apart."""
    side, image = 120, noise(140, 140)
    face = hidden(0, 0, side)
    cell = -(-side // cells_across(strength))
    shuffled = _shuffle_in_cells(image, canvas_of(face, 140, 140), cell)
    assert (shuffled != image).mean() > 0.2
    a, b = (anonymise(p, [face], method, strength)[:side, :side].astype(int) for p in (image, shuffled))
    inside = disc(side) == 255
    assert np.abs(a[inside] - b[inside]).max() <= 1  # the order of a sum may move its rounding


def _shuffle_in_cells(image: U8, bits: NDArray[np.bool_], cell: int) -> U8:
    out, rng = image.copy(), np.random.default_rng(1)
    for y in range(0, image.shape[0], cell):
        for x in range(0, image.shape[1], cell):
            part = bits[y : y + cell, x : x + cell]
            view = out[y : y + cell, x : x + cell]
            view[part] = rng.permutation(view[part], axis=0)
    return out


def test_shuffling_a_face_inside_its_tiles_changes_nothing() -> None:
    side, image = 120, noise(120, 120)
    face = square(side)
    labels, count = _tiles(side, side, -(-side // cells_across(0.5)))
    shuffled, rng = image.copy(), np.random.default_rng(1)
    for label in range(count):
        shuffled[labels == label] = rng.permutation(shuffled[labels == label], axis=0)
    assert np.array_equal(anonymise(image, [face], "mosaic"), anonymise(shuffled, [face], "mosaic"))


@pytest.mark.parametrize("method", ["pixelate", "mosaic"])
@pytest.mark.parametrize("side", [24, 60, 240, 700])
def test_small_and_large_faces_keep_equally_few_colours(method: Method, side: int) -> None:
    picture = np.kron(noise(12, 12), np.ones((side // 12, side // 12, 1), np.uint8))[:side, :side]
    out = anonymise(picture, [square(side)], method, 0.5)
    colours = len(np.unique(out.reshape(-1, 3), axis=0))
    assert 9 <= colours <= 25


@pytest.mark.parametrize("side", [30, 120, 480])
def test_blur_leaves_no_detail_finer_than_a_cell(side: int) -> None:
    """A checkerboard of single pixels, the finest detail there is, comes out flat."""
    board = ((np.indices((side, side)).sum(axis=0) % 2) * 255).astype(np.uint8)
    image = np.repeat(board[:, :, None], 3, axis=2)
    face = square(side)
    assert anonymise(image, [face], "blur")[..., 0].std() < 20
    assert image.std() > 120


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(METHODS), st.integers(8, 90), st.integers(-20, 80), st.floats(0, 1))
def test_a_second_pass_tells_no_more(method: Method, side: int, at: int, strength: float) -> None:
    face = hidden(at, at, side)
    once = anonymise(noise(90, 90), [face], method, strength)
    inside = canvas_of(face, 90, 90)
    twice = anonymise(once, [face], method, strength)
    assert not inside.any() or (twice[inside].std(axis=0) <= once[inside].std(axis=0) + 0.5).all()


@pytest.mark.parametrize("method", ["blur", "pixelate", "mosaic"])
@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_dark_eyes_in_a_bright_face_become_faint(method: Method, strength: float) -> None:
    """They are what a detector takes for a face, however few the cells."""
    image = np.full((120, 120, 3), 220, np.uint8)
    image[40:60, 20:50] = image[40:60, 70:100] = 20
    out = anonymise(image, [square(120)], method, strength).astype(int)
    assert np.ptp(image) == 200
    assert np.ptp(out) <= 200 * contrast(strength) + 2


def test_solid_does_not_depend_on_the_face() -> None:
    face = hidden(5, 5, 50)
    a, b = (anonymise(noise(60, 60, seed), [face], "solid", colour=(1, 2, 3)) for seed in (0, 1))
    inside = canvas_of(face, 60, 60)
    assert (a[inside] == (1, 2, 3)).all()
    assert np.array_equal(a[inside], b[inside])


def test_the_box_is_covered_where_the_mask_missed_the_face() -> None:
    image = noise(100, 100)
    empty = Hidden(SoftPatch(0, 0, np.zeros((0, 0), np.uint8)), Box(20, 30, 40, 50))
    out = anonymise(image, [empty], "solid")
    assert (out[55, 40] == 96).all()
    assert np.array_equal(out[30, 20], image[30, 20])
    assert (out != image).any(axis=2).sum() == pytest.approx(np.pi / 4 * 40 * 50, rel=0.02)


@pytest.mark.parametrize("method", METHODS)
def test_a_face_outside_the_picture_changes_nothing(method: Method) -> None:
    image = noise(40, 40)
    assert np.array_equal(anonymise(image, [hidden(50, 0, 20), hidden(-30, -30, 20)], method), image)
    assert np.array_equal(anonymise(image, [], method), image)


@pytest.mark.parametrize("method", METHODS)
def test_a_mean_colour_of_the_background_never_enters_a_face(method: Method) -> None:
    """Cells on the outline average hidden pixels alone: a white wall does not brighten a black face."""
    image = np.full((80, 80, 3), 255, np.uint8)
    face = hidden(10, 10, 60)
    image[canvas_of(face, 80, 80)] = 0
    out, dark = (anonymise(each, [face], method) for each in (image, np.zeros_like(image)))
    inside = canvas_of(face, 80, 80)
    assert np.array_equal(out[inside], dark[inside])


def test_stronger_means_fewer_cells() -> None:
    assert [cells_across(s) for s in (0.0, 0.25, 0.5, 0.75, 1.0)] == [8, 6, 4, 3, 2]


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_blend_is_a_mean_and_exact_at_both_ends(a: int, b: int, alpha: int) -> None:
    below, above = (np.full((1, 1, 3), v, np.uint8) for v in (a, b))
    out = int(blend(below, above, np.full((1, 1), alpha, np.uint8))[0, 0, 0])
    assert abs(out - (a * (255 - alpha) + b * alpha) / 255) <= 0.5
