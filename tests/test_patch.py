"""The windowed mask: its worked examples, and properties against the same sentence about whole pictures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam_mask_service import mask, patch
from sam_mask_service.geometry import Bits, PixelBox
from sam_mask_service.patch import Finish, Patch, SoftPatch, compose, cut

from .support.docstrings import run_examples, without_example

WIDTH, HEIGHT = 17, 13
BOXES = st.builds(PixelBox, st.integers(-9, 20), st.integers(-9, 20), st.integers(0, 12), st.integers(0, 12))


@st.composite
def inside(draw: st.DrawFn) -> PixelBox:
    """A window in the picture."""
    x, y = draw(st.integers(0, WIDTH - 1)), draw(st.integers(0, HEIGHT - 1))
    return PixelBox(x, y, draw(st.integers(1, WIDTH - x)), draw(st.integers(1, HEIGHT - y)))


@st.composite
def patches(draw: st.DrawFn) -> Patch:
    box, share = draw(inside()), draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return Patch(box.x, box.y, np.asarray(rng.random((box.height, box.width)) < share))


@st.composite
def soft_patches(draw: st.DrawFn) -> SoftPatch:
    box = draw(inside())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return SoftPatch(box.x, box.y, rng.integers(0, 256, (box.height, box.width), np.uint8))


def whole(one: Patch) -> Bits:
    """The mask in the picture, pixel by pixel."""
    canvas = np.zeros((HEIGHT, WIDTH), bool)
    for row, column in np.argwhere(one.bits):
        canvas[one.y + row, one.x + column] = True
    return canvas


def test_every_public_function_has_an_example_that_holds() -> None:
    run_examples(patch)
    assert without_example(patch) == []


@given(patches())
def test_place_puts_every_pixel_where_it_belongs(one: Patch) -> None:
    np.testing.assert_array_equal(one.place(WIDTH, HEIGHT), whole(one))


@given(patches() | soft_patches())
def test_what_is_placed_and_cut_out_again_is_the_same(one: Patch | SoftPatch) -> None:
    again = cut(one.place(WIDTH, HEIGHT), one.box)
    np.testing.assert_array_equal(again, one.values)
    assert again.dtype == one.values.dtype
    assert one.cut(one.box) is one


@given(BOXES)
def test_cut_shows_the_pixels_of_the_box_and_nothing_beyond(box: PixelBox) -> None:
    picture = np.arange(1, 1 + 3 * WIDTH * HEIGHT).reshape(HEIGHT, WIDTH, 3)
    shown = cut(picture, box)
    assert shown.shape == (box.height, box.width, 3)
    for row, column in np.ndindex(box.height, box.width):
        y, x = row + box.y, column + box.x
        there = 0 <= y < HEIGHT and 0 <= x < WIDTH
        np.testing.assert_array_equal(shown[row, column], picture[y, x] if there else 0)


@given(patches(), BOXES)
def test_a_patch_in_another_window_is_what_lies_in_it(one: Patch, box: PixelBox) -> None:
    window = np.zeros((HEIGHT, WIDTH), bool)
    here = box.clipped(WIDTH, HEIGHT)
    window[here.rows, here.columns] = True
    np.testing.assert_array_equal(one.cut(box).place(WIDTH, HEIGHT), whole(one) & window)
    assert one.cut(box).box == box


@given(patches(), patches())
def test_union_intersection_and_minus_are_those_of_the_whole_pictures(a: Patch, b: Patch) -> None:
    for out, expected in (
        (a.union(b), whole(a) | whole(b)),
        (a.intersection(b), whole(a) & whole(b)),
        (a.minus(b), whole(a) & ~whole(b)),
    ):
        np.testing.assert_array_equal(out.place(WIDTH, HEIGHT), expected)
        assert out.bits.dtype == bool


@given(patches(), patches())
def test_the_algebra_of_sets_holds(a: Patch, b: Patch) -> None:
    def same(left: Patch, right: Patch) -> bool:
        return np.array_equal(whole(left), whole(right))

    assert same(a.union(b), b.union(a)) and same(a.intersection(b), b.intersection(a))
    assert same(a.minus(b).union(a.intersection(b)), a)
    assert same(a.union(b).minus(b), a.minus(b)) and not a.minus(b).intersection(b).area
    assert a.union(b).box == a.minus(b).box == a.box.hull(b.box)


@given(soft_patches(), soft_patches())
def test_of_soft_masks_the_higher_and_the_lower_count(a: SoftPatch, b: SoftPatch) -> None:
    canvases = a.place(WIDTH, HEIGHT), b.place(WIDTH, HEIGHT)
    np.testing.assert_array_equal(a.union(b).place(WIDTH, HEIGHT), np.maximum(*canvases))
    np.testing.assert_array_equal(a.intersection(b).place(WIDTH, HEIGHT), np.minimum(*canvases))
    np.testing.assert_array_equal(compose([a, b], WIDTH, HEIGHT), np.maximum(*canvases))


@given(patches(), patches())
def test_iou_is_that_of_the_whole_pictures(a: Patch, b: Patch) -> None:
    assert a.iou(b) == b.iou(a) == mask.iou(whole(a), whole(b))


@given(patches())
def test_trimmed_keeps_the_mask_and_nothing_around_it(one: Patch) -> None:
    tight = one.trimmed()
    np.testing.assert_array_equal(whole(tight), whole(one))
    if one.area:
        assert tight.box == one.bounds() == mask.bounds(whole(one))
        assert tight.bits[0].any() and tight.bits[-1].any() and tight.bits[:, 0].any() and tight.bits[:, -1].any()
    else:
        assert tight.bits.shape == (1, 1) and one.bounds() is None


@given(patches(), st.integers(-30, 30), st.integers(-30, 30))
def test_moved_there_and_back(one: Patch, dx: int, dy: int) -> None:
    away = one.moved(dx, dy)
    assert away.box == one.box.moved(dx, dy)
    np.testing.assert_array_equal(whole(away.moved(-dx, -dy)), whole(one))


@given(patches(), st.integers(0, 20))
def test_widened_keeps_the_mask_in_a_window_inside_the_picture(one: Patch, margin: int) -> None:
    wide = one.widened(margin, WIDTH, HEIGHT)
    assert wide.box == one.box.grown(margin).clipped(WIDTH, HEIGHT)
    np.testing.assert_array_equal(whole(wide), whole(one))


@given(patches(), st.floats(-3, 20), st.floats(-3, 20))
def test_a_point_lies_on_the_mask_where_its_pixel_does(one: Patch, x: float, y: float) -> None:
    column, row = int(np.floor(x)), int(np.floor(y))
    there = 0 <= row < HEIGHT and 0 <= column < WIDTH
    assert one.has(x, y) == bool(there and whole(one)[row, column])


@given(patches(), st.integers(-5, 12), st.integers(0, 20), st.floats(0, 15))
def test_finished_in_a_window_equals_the_whole_picture(one: Patch, grow: int, passes: int, soft: float) -> None:
    size = float(np.sqrt(one.area))
    expected = mask.feather(mask.expand(mask.smooth(whole(one), passes, size), grow), soft)
    got = one.finished(Finish(grow, passes, soft), WIDTH, HEIGHT)
    assert got.box.clipped(WIDTH, HEIGHT) == got.box
    np.testing.assert_allclose(got.place(WIDTH, HEIGHT).astype(int), expected.astype(int), atol=1)


@given(soft_patches(), st.integers(-12, 12), st.integers(-12, 12))
def test_of_a_mask_beyond_the_picture_what_lies_in_it_is_composed(one: SoftPatch, dx: int, dy: int) -> None:
    away = one.moved(dx, dy)
    np.testing.assert_array_equal(compose([away], WIDTH, HEIGHT), away.place(WIDTH, HEIGHT))


@pytest.mark.parametrize("least", [1, 128, 255])
def test_above_is_where_alpha_reaches_the_value(least: int) -> None:
    soft = SoftPatch(2, 1, np.array([[0, least - 1, least]], np.uint8))
    assert soft.above(least).bits.tolist() == [[False, False, True]]
    assert soft.above(least).box == soft.box
