"""What is encoded: the picture or crops, and when; and the prompts that the mesh gives."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sam_mask_service.geometry import Box, Face, PixelBox
from sam_mask_service.patch import Patch
from sam_mask_service.sam.frame import Frame, upscale
from sam_mask_service.segment import prompts
from sam_mask_service.segment.crop import upright
from sam_mask_service.segment.sam_view import View, in_window
from sam_mask_service.segment.segmenter import Detail
from sam_mask_service.segment.tuning.sam import PROMPT, VIEW
from sam_mask_service.segment.views import best_view, groups, plan


def face(x: float, y: float, side: float) -> Face:
    return Face(Box(x, y, side, side), 0.9)


@pytest.mark.parametrize(
    ("faces", "detail", "expected", "views"),
    [
        ([], "face", "picture", 1),
        ([face(100, 100, 50)], "picture", "picture", 1),
        ([face(100, 100, 50)], "face", "face", 1),
        ([face(100, 100, 50)], "auto", "face", 1),  # 13 pixels of the model's 1024
        ([face(1000, 1000, 900)], "auto", "picture", 1),
        ([face(1000, 1000, 900)], "face", "face", 1),
        ([face(500, 500, 2500)], "face", "picture", 1),  # a crop would be the picture
        ([face(100, 100, 50), face(140, 110, 50)], "face", "face", 1),  # near: one crop
        ([face(100, 100, 50), face(3000, 2000, 60)], "auto", "face", 2),
        ([face(100 + 900 * i, 100, 50) for i in range(4)], "auto", "picture", 1),  # too many runs of the encoder
        ([face(100 + 900 * i, 100, 50) for i in range(4)], "face", "face", 4),
    ],
)
def test_what_is_encoded(faces: list[Face], detail: Detail, expected: str, views: int) -> None:
    found = plan(4000, 3000, faces, detail, 1024)
    assert found.detail == expected and len(found.views) == views


boxes = st.builds(lambda x, y, s: Box(x, y, s, s), st.floats(-50, 1000), st.floats(-50, 800), st.floats(1, 400))


@settings(max_examples=100, deadline=None)
@given(st.lists(boxes, min_size=1, max_size=6), st.integers(1, 1000), st.integers(1, 800))
def test_crops_lie_in_the_picture_and_hold_the_faces(found: list[Box], width: int, height: int) -> None:
    inside = [b for b in found if 0 < b.centre[0] < width and 0 < b.centre[1] < height]
    chosen = plan(width, height, [Face(b, 0.9) for b in inside], "face", 1024)
    for view in chosen.views:
        assert view.x >= 0 and view.y >= 0 and view.width >= 1 and view.height >= 1
        assert view.x + view.width <= width and view.y + view.height <= height
        assert chosen.detail == "picture" or max(view.width, view.height) < VIEW.worth * max(width, height)
    for b in inside:
        view = chosen.views[best_view(chosen.views, b)]
        clipped = Box(max(0, b.x), max(0, b.y), min(width, b.right) - max(0, b.x), min(height, b.bottom) - max(0, b.y))
        shown = clipped.intersection(Box(view.x, view.y, view.width, view.height))
        assert shown >= 0.97 * clipped.area - 2 * (clipped.width + clipped.height)


@settings(max_examples=60, deadline=None)
@given(st.lists(boxes, min_size=1, max_size=6))
def test_groups_are_no_larger_than_they_may_be(found: list[Box]) -> None:
    merged = groups(found)
    assert 1 <= len(merged) <= len(found)
    largest = max(b.side for b in found)
    assert max(m.side for m in merged) <= VIEW.near ** (len(found) - len(merged)) * largest * 1.001


def test_the_best_view_is_the_smallest_that_shows_the_face() -> None:
    views = [PixelBox(0, 0, 1000, 1000), PixelBox(90, 90, 200, 200), PixelBox(500, 500, 100, 100)]
    assert best_view(views, Box(100, 100, 50, 50)) == 1
    assert best_view(views, Box(800, 100, 50, 50)) == 0
    assert VIEW.context > 1


def oval(width: int = 100, height: int = 130) -> Patch:
    y, x = np.mgrid[:height, :width] + 0.5
    return Patch(200, 300, np.asarray(((x / width - 0.5) ** 2 + (y / height - 0.5) ** 2) <= 0.25))


def landmarks(turned: float = 1.0) -> np.ndarray:
    """468 points in the oval's middle, the named ones in their places; ``turned`` narrows the face."""
    points = np.full((468, 3), 0, np.float32)
    points[:, :2] = (250, 365)
    named = {
        10: (250, 305),
        152: (250, 428),
        234: (250 - 48 * turned, 360),
        454: (250 + 48 * turned, 360),
        1: (250, 370),
    }
    named |= {50: (225, 380), 280: (275, 380), 199: (250, 415), 9: (250, 340), 151: (250, 322)}
    for index, place in named.items():
        points[index, :2] = place
    return points


def test_points_on_the_face_and_beside_it() -> None:
    prior = oval()
    given_face = Face(Box(200, 300, 100, 130), 0.9, landmarks=landmarks())
    prompt = prompts.of_face(given_face, prior, "face")
    assert prompt.points.shape == (10, 2) and prompt.labels.shape == (10,) and prompt.box is None
    assert np.count_nonzero(prompt.labels == 1) == 6 and np.count_nonzero(prompt.labels == 0) == 4
    for (x, y), label in zip(prompt.points, prompt.labels, strict=True):
        inside = 200 <= x < 300 and 300 <= y < 430 and prior.bits[int(y) - 300, int(x) - 200]
        assert bool(inside) == (label == 1)
    head = prompts.of_face(given_face, prior, "head")
    assert head.box is not None
    left, top, right, bottom = head.box
    assert left < 200 and top < 300 and right > 300 and bottom > 430


def test_head_has_no_points_on_hair() -> None:
    prompt = prompts.of_face(Face(Box(200, 300, 100, 130), 0.9, landmarks=landmarks()), oval(), "head")
    assert np.count_nonzero(prompt.labels == 0) == 1
    assert prompt.points[prompt.labels == 0][0, 1] > 430  # the neck


def test_points_off_the_prior_are_left_out() -> None:
    """A turned face: the far cheek lies beside what is seen."""
    points = landmarks()
    points[50, :2] = (190, 380)
    prompt = prompts.of_face(Face(Box(200, 300, 100, 130), 0.9, landmarks=points), oval(), "face")
    assert np.count_nonzero(prompt.labels == 1) == 5


def test_a_profile_has_no_points_beside_it() -> None:
    prompt = prompts.of_face(Face(Box(200, 300, 100, 130), 0.9, landmarks=landmarks(0.2)), oval(), "face")
    assert not (prompt.labels == 0).any()


def test_without_a_mesh_the_key_points_or_the_deepest_place() -> None:
    keypoints = np.array([[230, 340], [270, 340], [250, 370], [250, 400], [205, 350], [295, 350]], np.float32)
    by_keys = prompts.of_face(Face(Box(200, 300, 100, 130), 0.9, keypoints=keypoints), oval(), "face")
    assert np.count_nonzero(by_keys.labels == 1) == 4
    bare = prompts.of_face(Face(Box(200, 300, 100, 130), 0.9), oval(), "face")
    assert np.count_nonzero(bare.labels == 1) == 1
    assert np.hypot(*(bare.points[bare.labels == 1][0] - np.array([250, 365]))) < 20


def test_mask_prompts_are_logits_around_zero() -> None:
    shares = np.array([[0, 0.5, 1]], np.float32)
    assert np.allclose(prompts.as_logits(shares), [[-PROMPT.sure, 0, PROMPT.sure]])


@pytest.mark.parametrize(
    "box", [PixelBox(0, 0, 400, 300), PixelBox(100, 60, 200, 200)], ids=["wide picture", "square crop"]
)
def test_logits_in_a_window_are_those_of_the_picture(box: PixelBox) -> None:
    """As the reference blows them up, to what a second bilinear step makes of them."""
    rough = np.random.default_rng(1).normal(0, 8, (256, 256)).astype(np.float32)
    logits = np.asarray(cv2.GaussianBlur(rough, (0, 0), 6) * 10, np.float32)
    view = View(box, Frame(box.width, box.height, 1024), np.zeros((1, 256, 64, 64), np.float32))
    window = upright(np.array([190.0, 150.0]), 80, np.array([0.0, -1.0]), 80)
    seen = in_window(logits, view, window)
    expected = upscale(logits, view.frame, 150 - box.x, 110 - box.y, 80, 80)
    assert np.abs(seen - expected).max() < 0.05 * np.abs(expected).max()
    beyond = upright(np.array([-300.0, 150.0]), 80, np.array([0.0, -1.0]), 80)
    assert not in_window(logits, view, beyond).any()


def _smooth(seed: int) -> NDArray[np.float32]:
    rough = np.random.default_rng(seed).normal(0, 8, (256, 256)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(rough, (0, 0), 6) * 10, np.float32)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([PixelBox(0, 0, 400, 300), PixelBox(100, 60, 200, 200), PixelBox(30, 10, 90, 260)]),
    st.floats(-np.pi, np.pi),
    st.floats(20, 90),
    st.integers(0, 50),
)
def test_logits_in_any_window_are_those_of_the_pixels_that_it_sees(
    box: PixelBox, angle: float, side: float, seed: int
) -> None:
    """Turned and scaled windows: in the middle of each of its pixels the value of the picture's pixel there."""
    logits = _smooth(seed)
    view = View(box, Frame(box.width, box.height, 1024), np.zeros((1, 1, 1, 1), np.float32))
    centre = np.array([box.x + box.width / 2, box.y + box.height / 2])
    window = upright(centre, side, np.array([np.sin(angle), -np.cos(angle)]), 64)
    seen = in_window(logits, view, window)
    blown = upscale(logits, view.frame)
    rows, columns = np.mgrid[:64, :64] + 0.5
    inverse = window.inverse()
    place = inverse[:, 0, None, None] * columns + inverse[:, 1, None, None] * rows + inverse[:, 2, None, None]
    x, y = (place - np.array([box.x, box.y])[:, None, None]).astype(np.float32) - np.float32(0.5)
    expected = cv2.remap(blown, x, y, cv2.INTER_LINEAR)
    well_in = (x > 2) & (y > 2) & (x < box.width - 3) & (y < box.height - 3)
    assert well_in.any()
    assert np.abs(seen - expected)[well_in].max() < 0.05 * np.abs(blown).max()
    assert not seen[(x < -3) | (y < -3) | (x > box.width + 2) | (y > box.height + 2)].any()
