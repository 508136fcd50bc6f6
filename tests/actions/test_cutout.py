"""Cut-outs: frames and aspects, transparency that hides, edges without the old background."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sam_mask_service.actions.cutout import Aspect, colour, cutout, decontaminate, frame, head_box
from sam_mask_service.errors import InvalidParameter, NoFace
from sam_mask_service.geometry import Bits, Face, PixelBox
from sam_mask_service.mask import feather
from tests.support.drawn_face import face

U8 = NDArray[np.uint8]
ASPECTS: tuple[Aspect, ...] = get_args(Aspect)
RATIOS = {"1:1": 1.0, "3:4": 0.75, "35x45mm": 35 / 45}
SIDE = st.integers(1, 1200)


def disc(size: int, radius: float) -> Bits:
    y, x = np.mgrid[:size, :size] + 0.5
    return np.asarray((x - size / 2) ** 2 + (y - size / 2) ** 2 <= radius**2)


@given(SIDE, SIDE, SIDE, SIDE, st.sampled_from(ASPECTS), st.none() | st.floats(0, 2))
def test_a_frame_holds_its_subject_in_the_asked_aspect(
    x: int, y: int, w: int, h: int, aspect: Aspect, padding: float | None
) -> None:
    cut = frame(PixelBox(x, y, w, h), aspect, padding)
    assert cut.x <= x
    assert cut.y <= y
    assert cut.x + cut.width >= x + w
    assert cut.y + cut.height >= y + h
    if aspect in RATIOS:
        assert abs(cut.width - cut.height * RATIOS[aspect]) <= 1
    assert abs((cut.x + cut.width / 2) - (x + w / 2)) <= 1


def test_a_passport_picture_gives_the_head_three_quarters_of_its_height() -> None:
    cut = frame(PixelBox(100, 100, 300, 400), "35x45mm")
    assert 400 / cut.height == pytest.approx(0.75, abs=0.005)


def _bust() -> tuple[U8, U8, list[Face]]:
    """A head whose hair hangs below the chin, on shoulders: (image, alpha, faces)."""
    alpha = np.zeros((600, 500), np.uint8)
    alpha[100:420, 190:310] = 255  # hair
    alpha[400:, 60:440] = 255
    image = np.random.default_rng(1).integers(1, 256, (600, 500, 3), np.uint8)
    return image, alpha, [face((250, 240), 100, 160)]


def test_a_passport_picture_is_framed_from_chin_to_crown_whatever_is_cut_out() -> None:
    image, alpha, faces = _bust()
    head = head_box(alpha, faces)
    assert head is not None
    assert (head.y, head.bottom) == (100, 320)  # the chin of the drawn face; hair goes on below it
    _, cut = cutout(image, alpha, aspect="35x45mm", faces=faces)
    assert head.height / cut.height == pytest.approx(0.75, abs=0.01)
    assert cut.x + cut.width / 2 == pytest.approx(250, abs=1)


def test_a_mask_that_shows_nothing_over_the_face_is_framed_as_it_is() -> None:
    image, alpha, faces = _bust()
    alpha[:500] = 0
    assert head_box(alpha, faces) is None
    assert cutout(image, alpha, aspect="35x45mm", faces=faces)[1].bottom > 500


@pytest.mark.parametrize(("dpi", "size"), [(300, (531, 413)), (600, (1063, 827)), (72, (128, 99))])
@pytest.mark.parametrize("background", [None, (255, 255, 255)])
def test_dots_an_inch_give_the_size_on_paper(
    dpi: int, size: tuple[int, int], background: tuple[int, int, int] | None
) -> None:
    image, alpha, faces = _bust()
    out, _ = cutout(image, alpha, aspect="35x45mm", faces=faces, dpi=dpi, background=background)
    assert out.shape[:2] == size


def test_padding_is_a_share_of_the_longer_side() -> None:
    assert frame(PixelBox(100, 100, 40, 80), "free", 0.25).as_dict() == {"x": 80, "y": 80, "width": 80, "height": 120}


def test_a_frame_beyond_all_measure_is_refused() -> None:
    with pytest.raises(InvalidParameter):
        frame(PixelBox(0, 0, 8000, 8000), "35x45mm", 2.0)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(ASPECTS), st.floats(0, 2), st.floats(0, 20))
def test_nothing_of_the_background_is_left_under_full_transparency(aspect: Aspect, padding: float, soft: float) -> None:
    alpha = feather(disc(60, 20), soft)
    image = np.random.default_rng(0).integers(1, 256, (60, 60, 3), np.uint8)
    out, cut = cutout(image, alpha, aspect=aspect, padding=padding)
    assert out.shape == (cut.height, cut.width, 4)
    assert not out[out[..., 3] == 0].any()
    assert np.count_nonzero(out[..., 3]) == np.count_nonzero(alpha)
    opaque = np.argwhere(out[..., 3] == 255)
    assert all(np.array_equal(out[j, i, :3], image[j + cut.y, i + cut.x]) for j, i in opaque[::17])


def test_soft_edges_take_the_colour_of_the_subject_not_of_the_wall() -> None:
    """A red disc mixed into a green wall: what was cut out has red edges, and only the alpha fades."""
    alpha = feather(disc(200, 60), 16)
    a = alpha[..., None] / 255
    image = np.rint(a * (200, 20, 10) + (1 - a) * (10, 220, 30)).astype(np.uint8)
    soft = (alpha > 40) & (alpha < 215)
    before = np.abs(image[soft].astype(int) - (200, 20, 10)).mean()
    after = np.abs(decontaminate(image, alpha)[soft].astype(int) - (200, 20, 10)).mean()
    assert before > 60
    assert after < 12


def test_decontamination_leaves_hard_pixels_alone() -> None:
    alpha = feather(disc(64, 20), 8)
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    out = decontaminate(image, alpha)
    hard = (alpha == 0) | (alpha == 255)
    assert np.array_equal(out[hard], image[hard])
    two_valued = np.where(alpha > 127, np.uint8(255), np.uint8(0))
    assert np.array_equal(decontaminate(image, two_valued), image)


def test_a_colour_behind_it() -> None:
    alpha = feather(disc(40, 10), 0)
    out, cut = cutout(np.full((40, 40, 3), 7, np.uint8), alpha, background=(1, 2, 3), aspect="1:1", padding=2)
    assert out.shape == (cut.height, cut.width, 3)
    assert cut.x < 0
    assert (out[0, 0] == (1, 2, 3)).all()
    assert (out[cut.height // 2, cut.width // 2] == 7).all()


@pytest.mark.parametrize("size", [(10, 300), (300, 10), (50, 50), (1, 1)])
def test_a_picture_behind_it_covers_the_frame(size: tuple[int, int]) -> None:
    backdrop = np.full((*size, 3), 99, np.uint8)
    out, cut = cutout(np.zeros((40, 40, 3), np.uint8), feather(disc(40, 10), 0), background=backdrop, aspect="3:4")
    assert out.shape == (cut.height, cut.width, 3)
    assert (out[0] == 99).all()
    assert (out[-1] == 99).all()


def test_an_empty_mask_is_no_face() -> None:
    with pytest.raises(NoFace):
        cutout(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint8))


@pytest.mark.parametrize(
    ("text", "value"),
    [("#ffffff", (255, 255, 255)), ("0A141e", (10, 20, 30)), ("#f80", (255, 136, 0)), ("White", (255, 255, 255))],
)
def test_colours(text: str, value: tuple[int, int, int]) -> None:
    assert colour(text) == value


@pytest.mark.parametrize("text", ["", "#", "#12", "#12345", "#ggg", "red; }", "#ffffff00", "٠٠٠", "#fff\n"])
def test_colours_that_are_none(text: str) -> None:
    with pytest.raises(InvalidParameter):
        colour(text)
