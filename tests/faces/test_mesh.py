"""The mesh's geometry: axes, raised outline, parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam_mask_service.faces.mesh import (
    BROWS,
    CHIN,
    EYES,
    FOREHEAD,
    MOUTH,
    MOUTH_OPENING,
    NOSE,
    OVAL,
    Rings,
    axes_of,
    fill,
    outline,
    polygons,
    raised_oval,
)
from tests.support.drawn_face import points

ANGLES = st.floats(-np.pi, np.pi)


@given(ANGLES, st.floats(20, 2000))
def test_the_frame_turns_and_grows_with_the_face(angle: float, size: float) -> None:
    axes = axes_of(points((3 * size, 2 * size), size, 1.3 * size, angle))
    assert axes.height == pytest.approx(1.3 * size, rel=1e-3)
    assert axes.width == pytest.approx(size, rel=1e-3)
    assert axes.up == pytest.approx([np.sin(angle), -np.cos(angle)], abs=1e-3)
    assert axes.right @ axes.up == pytest.approx(0, abs=1e-5)
    assert axes.yaw == pytest.approx(0, abs=1e-3)


def test_along_is_nought_at_the_chin_and_one_at_the_forehead() -> None:
    xyz = points((50, 60), 40, 52, 0.3)
    up = axes_of(xyz).along(xyz)
    assert up[CHIN] == pytest.approx(0, abs=1e-5)
    assert up[FOREHEAD] == pytest.approx(1, abs=1e-5)


def test_a_turned_head_has_yaw() -> None:
    xyz = points((100, 100), 80, 100)
    xyz[1, 0] += 30
    assert axes_of(xyz).yaw == pytest.approx(0.75, abs=0.01)


def test_a_profile_is_not_taken_to_be_a_line() -> None:
    assert axes_of(points((100, 100), 5, 100)).width == pytest.approx(60)


def test_points_all_in_one_place_do_not_divide_by_nought() -> None:
    axes = axes_of(np.zeros((468, 3), np.float32))
    assert np.isfinite([axes.height, axes.width, axes.yaw]).all()


@given(ANGLES, st.floats(0, 0.3))
def test_the_lift_raises_the_forehead_and_leaves_the_jaw(angle: float, lift: float) -> None:
    xyz = points((500, 500), 200, 260, angle)
    axes, ring, raised = axes_of(xyz), raised_oval(xyz, 0), raised_oval(xyz, lift)
    moved = axes.along(raised) - axes.along(ring)
    below = axes.along(ring) < 0.5
    assert moved[below] == pytest.approx(0, abs=1e-4)
    assert moved.max() == pytest.approx(lift, abs=1e-3)


def test_the_outline_holds_every_point() -> None:
    xyz = points((100, 100), 80, 100, 0.4)
    inside = fill((200, 200), [outline(xyz, 0.1)])
    columns, rows = np.floor(xyz[:, :2]).astype(int).T
    assert inside[rows, columns].mean() > 0.97  # those on the edge itself may fall to either side


@pytest.mark.parametrize("part", [(OVAL,), EYES, BROWS, (MOUTH,), (NOSE,), (MOUTH_OPENING,)])
def test_every_part_has_an_area_inside_the_face(part: Rings) -> None:
    xyz = points((100, 100), 120, 160)
    bits = fill((200, 200), polygons(xyz, part))
    face = fill((200, 200), [outline(xyz, 0.1)])
    assert bits.sum() > 50
    assert not (bits & ~face).any()


def test_lips_are_the_mouth_without_its_opening() -> None:
    xyz = points((100, 100), 120, 160)
    mouth = fill((200, 200), polygons(xyz, (MOUTH,)))
    lips = fill((200, 200), polygons(xyz, (MOUTH,)), polygons(xyz, (MOUTH_OPENING,)))
    assert (lips & ~mouth).sum() == 0
    assert mouth[140, 100]
    assert not lips[140, 100]


def test_fill_takes_pixels_by_their_centres() -> None:
    square = np.array([[1, 1], [3, 1], [3, 3], [1, 3]], np.float32)
    bits = fill((4, 4), [square + np.float32(0.5)])
    assert bits.sum() == 9
    assert bits[1:4, 1:4].all()


def test_fill_survives_points_far_outside() -> None:
    bits = fill((5, 5), [np.array([[-1e9, -1e9], [1e9, -1e9], [1e9, 1e9], [-1e9, 1e9]], np.float32)])
    assert bits.shape == (5, 5)
