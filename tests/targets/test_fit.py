"""Sizes and the way back, for every consumer and every picture that its limits allow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sam_mask_service.errors import InvalidParameter
from sam_mask_service.targets import TARGETS, Target, Transform, apply, fit, undo

SIDES = st.integers(16, 12_000)
ROWS = st.sampled_from(list(TARGETS.values()))


def check_size(width: int, height: int, row: Target) -> None:
    assert width % row.multiple == 0
    assert height % row.multiple == 0
    assert row.min_side <= min(width, height)
    assert max(width, height) <= row.max_side
    assert row.min_pixels <= width * height <= row.max_pixels
    assert max(width, height) <= min(width, height) * row.max_aspect


@given(SIDES, SIDES, ROWS)
def test_every_canvas_keeps_the_rule_of_its_row(width: int, height: int, row: Target) -> None:
    transform = fit(width, height, row)
    check_size(transform.width, transform.height, row)
    assert transform.offset_x + transform.content_width <= transform.width
    assert transform.offset_y + transform.content_height <= transform.height


@given(SIDES, SIDES, ROWS)
def test_a_picture_inside_the_limits_is_never_scaled(width: int, height: int, row: Target) -> None:
    transform = fit(width, height, row)
    room = row.multiple * (1 + row.max_aspect if row.max_aspect < 10 else 1)
    inside = (
        min(width, height) >= row.min_side
        and max(width, height) + room <= row.max_side
        and row.min_pixels <= width * height
        and (width + room) * (height + room) <= row.max_pixels
        and max(width, height) <= min(width, height) * row.max_aspect
    )
    if inside:
        assert not transform.scaled
    if inside and width % row.multiple == 0 and height % row.multiple == 0:
        assert transform.identity


@given(SIDES, SIDES, ROWS, st.floats(0, 1), st.floats(0, 1))
def test_points_go_there_and_back(width: int, height: int, row: Target, u: float, v: float) -> None:
    transform = fit(width, height, row)
    x, y = u * width, v * height
    there = transform.forward(x, y)
    assert -1e-6 <= there[0] <= transform.width + 1e-6
    assert transform.backward(*there) == pytest.approx((x, y), abs=1e-6)
    forward = transform.as_dict()["forward"]
    assert there[0] == pytest.approx(x * forward["scale_x"] + forward["offset_x"])


@settings(max_examples=40)
@given(st.integers(16, 200), st.integers(16, 200), ROWS)
def test_an_unscaled_picture_comes_back_bit_for_bit(width: int, height: int, row: Target) -> None:
    picture = np.random.default_rng(width * 1000 + height).integers(0, 256, (height, width, 3), np.uint8)
    transform = fit(width, height, row)
    canvas = apply(picture, transform)
    assert canvas.shape == (transform.height, transform.width, 3)
    back = undo(canvas, transform)
    assert back.shape == picture.shape
    if not transform.scaled:
        assert np.array_equal(back, picture)


def test_padding_repeats_the_border_and_centres_the_picture() -> None:
    picture = np.arange(20 * 30, dtype=np.uint8).reshape(20, 30)
    transform = fit(30, 20, TARGETS["openai-dalle2"])
    canvas = apply(picture, transform)
    assert canvas.shape == (30, 30)
    assert np.array_equal(canvas[5:25], picture)
    assert (canvas[:5] == picture[0]).all()
    assert (canvas[25:] == picture[-1]).all()


@given(SIDES, SIDES, ROWS)
def test_a_transform_survives_its_json_form(width: int, height: int, row: Target) -> None:
    transform = fit(width, height, row)
    assert Transform.from_dict(transform.as_dict()) == transform


GOOD = fit(100, 60, TARGETS["openai-dalle2"]).as_dict()


@pytest.mark.parametrize(
    "change",
    [
        {"width": 0},
        {"width": "100"},
        {"width": 1.5},
        {"width": True},
        {"offset_x": -1},
        {"offset_y": 90},
        {"content_width": 101},
        {"source_width": 10**6},
        {"source_width": 100_000, "source_height": 100_000},
        {"evil": 1},
        {"height": None},
    ],
)
def test_a_bent_transform_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidParameter):
        Transform.from_dict({**GOOD, **change})


def test_a_missing_field_is_refused() -> None:
    with pytest.raises(InvalidParameter):
        Transform.from_dict({k: v for k, v in GOOD.items() if k != "height"})


def test_a_size_that_cannot_fit_is_refused() -> None:
    row = Target("x", "x", "x", change="white", min_side=500, max_side=400)
    with pytest.raises(InvalidParameter, match="cannot be made to fit"):
        fit(100, 100, row)
