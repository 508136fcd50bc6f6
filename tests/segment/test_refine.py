"""Outlines at the picture's own resolution: the truth is drawn, the coarse outline comes from a window of 144
pixels.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sam_mask_service.geometry import RGB, Bits
from sam_mask_service.mask import distance_to
from sam_mask_service.patch import Patch
from sam_mask_service.segment.refine import refined
from sam_mask_service.segment.tuning.refine import REFINE

SIZE = 1400
STEP = 10.0


def shape(bumps: int = 5, radius: float = 480, centre: tuple[float, float] = (700, 700)) -> Bits:
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    angle = np.arctan2(y - centre[1], x - centre[0])
    return np.asarray(np.hypot(x - centre[0], y - centre[1]) < radius * (1 + 0.06 * np.cos(bumps * angle)))


y, x = np.mgrid[:SIZE, :SIZE] + 0.5


def ellipse(centre: tuple[float, float], across: float, down: float) -> Bits:
    return np.asarray(((x - centre[0]) / across) ** 2 + ((y - centre[1]) / down) ** 2 <= 1)


def painted(truth: Bits, inner: int = 190, outer: int = 90, noise: float = 6) -> RGB:
    image = np.where(truth[..., None], [inner, inner - 40, inner - 60], [outer, outer, outer + 20]).astype(np.float32)
    image += np.random.default_rng(3).normal(0, noise, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8)


def coarse(truth: Bits, step: float = STEP, off: float = 0.8) -> Patch:
    """The truth in a window of so many pixels a step, moved by most of one, and blown up."""
    side = int(SIZE / step)
    move = np.array([[1, 0, off * step], [0, 1, -off * step]], np.float32)
    moved = cv2.warpAffine(truth.astype(np.float32), move, (SIZE, SIZE))
    small = cv2.resize(moved, (side, side), interpolation=cv2.INTER_AREA) > 0.5
    return Patch(0, 0, np.asarray(cv2.resize(small.astype(np.float32), (SIZE, SIZE)) > 0.5))


def off(patch: Patch, truth: Bits) -> NDArray[np.float32]:
    """Distances in pixels from the patch's outline to the true one."""
    bits = patch.place(*truth.shape[::-1])
    edge = bits & ~cv2.erode(bits.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1).astype(bool)
    true = truth & ~cv2.erode(truth.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1).astype(bool)
    return np.asarray(distance_to(true)[edge], np.float32)


@pytest.mark.parametrize("bumps", [0, 5, 11])
def test_the_outline_lies_where_the_picture_has_its_edge(bumps: int) -> None:
    truth = shape(bumps)
    before, after = coarse(truth), refined(painted(truth), coarse(truth), STEP)
    assert off(before, truth).mean() > 4
    assert off(after, truth).mean() < 1.2 and np.percentile(off(after, truth), 95) < 3


@pytest.mark.parametrize("by", [0.0, 0.8])
@pytest.mark.parametrize("what", ["straight", "curved"])
def test_the_error_is_less_than_half_of_what_it_was(what: str, by: float) -> None:
    """1,080 px high, a window's pixel ten of the picture's; also where the coarse outline lies right but for its
    stairs.
    """
    straight = np.asarray((abs(x - 690) < 391) & (abs(y - 710) < 453))
    truth = straight if what == "straight" else ellipse((700, 700), 400, 540)
    before, after = coarse(truth, off=by), refined(painted(truth), coarse(truth, off=by), STEP)
    assert off(after, truth).mean() < 0.5 * off(before, truth).mean()
    assert np.percentile(off(after, truth), 95) <= 1.5


@pytest.mark.parametrize("noise", [0, 20])
def test_where_nothing_is_to_be_seen_the_outline_stays(noise: int) -> None:
    """But for the stairs: it moves by less than a fifth of a window's pixel."""
    truth = ellipse((700, 700), 400, 540)
    flat = np.random.default_rng(0).integers(120 - noise, 121 + noise, (SIZE, SIZE, 3), dtype=np.uint8)
    before, after = coarse(truth, off=0), refined(flat, coarse(truth, off=0), STEP)
    assert off(after, before.bits).mean() < 0.2 * STEP and np.percentile(off(after, before.bits), 95) < 0.4 * STEP


@pytest.mark.parametrize("noise", [0, 6, 20])
@pytest.mark.parametrize(
    ("centre", "border"),
    [
        ((80, 700), np.s_[:, 0]),
        ((1350, 700), np.s_[:, -1]),
        ((700, 100), np.s_[0]),
        ((700, 1330), np.s_[-1]),
    ],
    ids=["left", "right", "top", "bottom"],
)
def test_a_face_that_the_picture_cuts_off_reaches_its_border(
    centre: tuple[float, float], border: Any, noise: int
) -> None:
    truth = ellipse(centre, 400, 450)
    found = refined(painted(truth, noise=noise), coarse(truth, off=0), STEP)
    bits = found.place(*truth.shape[::-1])
    assert np.count_nonzero(bits[border] ^ truth[border]) <= 6
    assert np.count_nonzero(bits ^ truth) < 0.01 * np.count_nonzero(truth)


def test_a_face_larger_than_the_picture_is_all_of_it() -> None:
    image = np.random.default_rng(2).integers(0, 256, (90, 70, 3), dtype=np.uint8)
    found = refined(image, Patch(0, 0, np.ones((90, 70), bool)), STEP)
    assert (found.x, found.y) == (0, 0) and found.bits.shape == (90, 70) and found.bits.all()


def test_outlines_that_are_as_fine_as_the_picture_are_left_alone() -> None:
    patch = coarse(shape())
    image = painted(shape())
    assert refined(image, patch, REFINE.worth - 0.01) is patch
    empty = Patch.empty(3, 4)
    assert refined(image, empty, STEP) is empty


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 70), st.integers(1, 70), st.floats(1.3, 30))
def test_any_patch_stays_in_the_picture_and_near_its_outline(
    x: int, y: int, width: int, height: int, step: float
) -> None:
    image = np.random.default_rng(x).integers(0, 256, (80, 90, 3), dtype=np.uint8)
    bits = np.ones((min(height, 80 - y), min(width, 90 - x)), bool)
    found = refined(image, Patch(x, y, bits), step)
    assert found.box.clipped(90, 80) == found.box
    grown = distance_to(Patch(x, y, bits).place(90, 80))[found.box.rows, found.box.columns]
    assert not (found.bits & (grown > REFINE.reach * step + 2)).any()
    length = 2 * sum(bits.shape) + 8
    assert (
        abs(int(found.bits.sum()) - int(bits.sum())) <= (REFINE.reach * step + 2) * length + np.pi * (2 * step + 2) ** 2
    )
