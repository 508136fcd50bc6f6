from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam_mask_service import geometry
from sam_mask_service.errors import FaceNotFound
from sam_mask_service.geometry import Box, Face, Order, at_point, by_indices, ordered

from .support.docstrings import run_examples

FINITE = st.floats(-1e4, 1e4)
SIDE = st.floats(0.1, 1e4)
BOXES = st.builds(Box, FINITE, FINITE, SIDE, SIDE)


def test_docstring_examples() -> None:
    run_examples(geometry)


def face(x: float, y: float, side: float, confidence: float = 0.5) -> Face:
    return Face(Box(x, y, side, side), confidence)


FACES = [face(50, 10, 20, 0.9), face(0, 40, 30, 0.3), face(20, 0, 10, 0.6)]


@given(BOXES, BOXES)
def test_iou_is_symmetric_bounded_and_one_with_itself(a: Box, b: Box) -> None:
    assert a.iou(b) == pytest.approx(b.iou(a))
    assert 0 <= a.iou(b) <= 1 + 1e-9
    assert a.iou(a) == pytest.approx(1)
    assert a.iou(b) <= a.contained(b) + 1e-9


def test_empty_boxes_do_not_overlap() -> None:
    empty = Box(5, 5, 0, 0)
    assert empty.iou(empty) == 0
    assert empty.contained(Box(0, 0, 10, 10)) == 0


@given(BOXES, st.integers(1, 5000), st.integers(1, 5000))
def test_pixels_lie_inside_the_picture(box: Box, width: int, height: int) -> None:
    p = box.pixels(width, height)
    assert 0 <= p.x < width and 0 <= p.y < height
    assert p.width >= 1 and p.height >= 1
    assert p.x + p.width <= width and p.y + p.height <= height


def test_pixels_rounds_to_the_nearest_edge() -> None:
    p = Box(1.4, 2.6, 10.2, 9.8).pixels(100, 100)
    assert p.as_dict() == {"x": 1, "y": 3, "width": 11, "height": 9}
    assert (p.rows, p.columns) == (slice(3, 12), slice(1, 12))


def test_scaled_and_grown() -> None:
    assert Box(1, 2, 3, 4).scaled(2, 10, 20) == Box(12, 24, 6, 8)
    assert Box(10, 10, 20, 40).grown(0.5) == Box(0, -10, 40, 80)
    assert Box(0, 0, 20, 40).side == 40


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("size", [1, 0, 2]),
        ("confidence", [0, 2, 1]),
        ("left", [1, 2, 0]),
        ("right", [0, 2, 1]),
        ("top", [2, 0, 1]),
        ("bottom", [1, 0, 2]),
    ],
)
def test_order(order: Order, expected: list[int]) -> None:
    assert ordered(FACES, order) == [FACES[i] for i in expected]


def test_ties_go_to_the_upper_then_the_left() -> None:
    a, b, c = face(30, 5, 10), face(5, 30, 10), face(5, 5, 10)
    assert ordered([a, b, c], "size") == [c, a, b]


def test_at_point_takes_the_smallest_around_it() -> None:
    inner = face(5, 45, 10)
    assert at_point([*FACES, inner], 8, 50) == 3
    assert at_point(FACES, 8, 50) == 1
    with pytest.raises(FaceNotFound):
        at_point(FACES, 99, 99)


def test_by_indices_checks_and_drops_doubles() -> None:
    assert by_indices(FACES, [2, 0, 2]) == [2, 0]
    for wrong in ([3], [-1], [0, 7]):
        with pytest.raises(FaceNotFound):
            by_indices(FACES, wrong)
