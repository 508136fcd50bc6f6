"""The mesh engine on drawn faces (nothing downloaded, no data set)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from sam_mask_service.deadline import Deadline
from sam_mask_service.errors import DeadlinePassed, InvalidParameter, RegionUnavailable
from sam_mask_service.geometry import Face
from sam_mask_service.mask import iou
from sam_mask_service.segment import artist, face_view
from sam_mask_service.segment.crop import Window
from sam_mask_service.segment.cutter import Logits, no_logits
from sam_mask_service.segment.face_view import Nets
from sam_mask_service.segment.head import head_mask
from sam_mask_service.segment.mesh import MeshSegmenter
from sam_mask_service.segment.outline import face_mask
from sam_mask_service.segment.segmenter import FaceMask
from sam_mask_service.segment.tuning import TUNED
from tests.support.drawn_face import HAIR, SKIN, WALL, face, portrait


@pytest.fixture(scope="module")
def engine() -> MeshSegmenter:
    return MeshSegmenter()


def whole(mask: FaceMask, shape: tuple[int, int]) -> NDArray[np.bool_]:
    return mask.patch.place(shape[1], shape[0])


def drawn(engine: MeshSegmenter, size: tuple[int, int], *args: Any, region: str = "face", **kw: Any) -> tuple[Any, Any]:
    """(mask, truth) of one drawn portrait."""
    image, truth = portrait(size, *args)
    found = [face(*args, **kw)]
    return whole(engine.masks(engine.embed(image, found), found, region)[0], size), truth


@pytest.mark.parametrize(("face_size", "head_size"), [(96, 192), (200, 320)])
def test_windows_of_another_size_draw_about_the_same(engine: MeshSegmenter, face_size: int, head_size: int) -> None:
    """The person network looks at a window of its own size, whatever the head's is."""
    windows = replace(TUNED.window, face_size=face_size, head_size=head_size)
    other = engine.with_tuning(replace(TUNED, window=windows))
    for region in ("face", "head"):
        one, two = (drawn(e, (300, 300), (150, 160), 90, 120, region=region)[0] for e in (engine, other))
        assert iou(one, two) > 0.9, region


@pytest.mark.parametrize(
    ("size", "centre", "width", "height", "angle"),
    [
        ((300, 300), (150, 160), 90, 120, 0.0),
        ((300, 300), (150, 150), 90, 120, 0.6),
        ((300, 300), (150, 150), 90, 120, 2.4),
        ((300, 300), (150, 150), 90, 120, np.pi),
        ((1400, 1200), (600, 700), 620, 820, -0.3),
        ((120, 120), (60, 62), 18, 24, 0.2),
        ((300, 300), (20, 160), 90, 120, 0.0),
        ((300, 300), (150, 15), 90, 120, 0.0),
        ((200, 200), (100, 100), 190, 250, 0.0),
    ],
    ids=["plain", "tilted", "far-tilted", "upside-down", "large", "tiny", "left-border", "top-border", "frame-filling"],
)
def test_the_mask_is_the_skin(
    engine: MeshSegmenter, size: tuple[int, int], centre: tuple[float, float], width: float, height: float, angle: float
) -> None:
    mask, truth = drawn(engine, size, centre, width, height, angle)
    assert iou(mask, truth) > 0.9


def test_a_face_is_expected_near_where_it_is_drawn_and_without_drawing_it(
    engine: MeshSegmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, truth = portrait((300, 300), (20, 160), 90, 120, 0.3)
    found = face((20, 160), 90, 120, 0.3)
    embedding = engine.embed(image, [found])
    monkeypatch.setattr(face_view, "face_mask", Mock(side_effect=AssertionError("a cut was made")))
    expected = whole(FaceMask(engine.expected(embedding, found), 0.5, 1.0), (300, 300))
    assert iou(expected, truth) > 0.8


def test_the_edge_of_a_large_face_has_no_steps(engine: MeshSegmenter) -> None:
    """A working pixel is seven of the picture's here: pasted as it is it would jump by as much from row to row."""
    mask, _ = drawn(engine, (1400, 1200), (600, 700), 620, 820, 0.0)
    left = mask.argmax(1)[500:900]
    assert np.abs(np.diff(left)).max() <= 3


def test_without_a_mesh_the_mask_is_drawn_from_the_box_and_scored_lower(engine: MeshSegmenter) -> None:
    image, truth = portrait((300, 300), (150, 150), 90, 120, 0.4)
    with_mesh, without = (face((150, 150), 90, 120, 0.4, mesh=m) for m in (True, False))
    a, b = (engine.masks(engine.embed(image, [f]), [f])[0] for f in (with_mesh, without))
    assert iou(whole(b, truth.shape), truth) > 0.75
    assert b.score < a.score


def test_a_heads_score_is_its_own_and_moves_little_with_the_faces(engine: MeshSegmenter) -> None:
    image, _ = portrait((300, 300), (150, 150), 90, 120, 0.4)
    told = {}
    for mesh in (True, False):
        found = [face((150, 150), 90, 120, 0.4, mesh=mesh)]
        seen = engine.embed(image, found)
        told[mesh] = {region: engine.masks(seen, found, region)[0].score for region in ("face", "head", "face,head")}
    assert told[True]["face"] <= 1
    assert told[True]["face"] == told[True]["face,head"]
    assert 0 < told[True]["head"] - told[False]["head"] < 0.5 * (told[True]["face"] - told[False]["face"])


def test_the_head_holds_the_face_and_neither_neck_nor_shoulders(engine: MeshSegmenter) -> None:
    head, truth = drawn(engine, (400, 400), (200, 180), 100, 130, 0.0, region="head")
    assert (head & truth).sum() / truth.sum() > 0.97
    assert not head[270:].any()


def test_regions_of_the_mesh_lie_where_they_are(engine: MeshSegmenter) -> None:
    args = ((300, 300), (150, 150), 120, 160, 0.0)
    eyes, _ = drawn(engine, *args, region="eyes")
    mouth, _ = drawn(engine, *args, region="mouth")
    skin, _ = drawn(engine, *args, region="skin")
    both, _ = drawn(engine, *args, region="face,-eyes,-mouth")
    assert eyes[134, 126]
    assert eyes[134, 174]
    assert mouth[190, 150]
    assert not (skin & (eyes | mouth)).any()
    assert not (both & (eyes | mouth)).any()
    assert skin[165, 120]


def test_parts_are_empty_without_a_mesh(engine: MeshSegmenter) -> None:
    eyes, _ = drawn(engine, (300, 300), (150, 150), 120, 160, 0.0, region="eyes", mesh=False)
    assert not eyes.any()


def test_a_region_that_needs_a_network_is_refused_with_those_there_are(engine: MeshSegmenter) -> None:
    image, _ = portrait((100, 100), (50, 50), 30, 40)
    found = [face((50, 50), 30, 40)]
    with pytest.raises(RegionUnavailable) as caught:
        engine.masks(engine.embed(image, found), found, "face,-glasses")
    assert "glasses" in caught.value.detail
    assert "brows" in caught.value.detail
    with pytest.raises(InvalidParameter):
        engine.masks(engine.embed(image, found), found, "fase")


def test_no_faces_no_masks(engine: MeshSegmenter) -> None:
    assert engine.masks(engine.embed(np.zeros((9, 9, 3), np.uint8), []), []) == []


def test_patches_lie_inside_the_picture(engine: MeshSegmenter) -> None:
    image, _ = portrait((64, 48), (0, 0), 40, 52)
    found = [face(at, 40, 52, angle) for at in ((0, 0), (48, 64), (47, 0)) for angle in (0.0, 1.0)]
    for region in ("face", "head", "eyes", "oval", "skin"):
        for mask in engine.masks(engine.embed(image, found), found, region):
            assert mask.patch.box.clipped(48, 64) == mask.patch.box


@pytest.mark.parametrize("at", [(90, 30), (-40, 30), (24, 120), (24, -60)])
def test_of_a_part_beyond_the_picture_nothing_is_masked(engine: MeshSegmenter, at: tuple[int, int]) -> None:
    image, _ = portrait((64, 48), (0, 0), 40, 52)
    beyond = [face(at, 40, 52)]
    (mask,) = engine.masks(engine.embed(image, beyond), beyond, "oval")
    assert mask.patch.box.clipped(48, 64) == mask.patch.box
    assert not mask.patch.area


def test_the_deadline_is_asked_for_every_face(engine: MeshSegmenter) -> None:
    image, _ = portrait((100, 100), (50, 50), 30, 40)
    found = [face((50, 50), 30, 40)]
    embedding = engine.embed(image, found)
    past = Deadline.after(-1)
    with pytest.raises(DeadlinePassed):
        engine.embed(image, found, deadline=past)
    with pytest.raises(DeadlinePassed):
        engine.masks(embedding, found, deadline=past)


def test_threads_give_what_one_thread_gives(engine: MeshSegmenter) -> None:
    """Two pictures at once must not stir one another."""
    jobs: list[tuple[Any, Face]] = [
        (portrait((160, 160), (80, 80), 50 + 4 * i, 66, 0.2 * i)[0], face((80, 80), 50 + 4 * i, 66, 0.2 * i))
        for i in range(4)
    ]

    def run(job: tuple[Any, Face]) -> bytes:
        image, found = job
        mask = engine.masks(engine.embed(image, [found]), [found], "head")[0]
        return mask.patch.bits.tobytes() + repr((mask.patch.x, mask.patch.y, mask.score)).encode()

    alone = [run(job) for job in jobs]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(run, jobs * 5)) == alone * 5


def test_a_face_is_outlined_once_whatever_is_asked_of_it(
    engine: MeshSegmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, _ = portrait((300, 300), (150, 160), 90, 120)
    found = [face((150, 160), 90, 120)]
    fresh = {region: engine.masks(engine.embed(image, found), found, region)[0] for region in ("face", "head", "skin")}
    once = Mock(side_effect=face_mask)
    monkeypatch.setattr(face_view, "face_mask", once)
    embedding = engine.embed(image, found)
    for region, expected in fresh.items():
        (again,) = engine.masks(embedding, found, region)
        np.testing.assert_array_equal(whole(again, (300, 300)), whole(expected, (300, 300)))
        assert (again.score, again.agreement) == (expected.score, expected.agreement)
    once.assert_called_once()


def test_an_embedding_says_what_it_holds(engine: MeshSegmenter) -> None:
    image, _ = portrait((100, 100), (50, 50), 30, 40)
    one, two = face((50, 50), 30, 40), face((40, 50), 30, 40)
    single, double = (engine.embed(image, found).nbytes for found in ([one], [one, two]))
    assert double == 2 * single > 100_000
    key: Callable[..., Any] = engine.embedding_key
    assert key(100, 100, [one], "auto") != key(100, 100, [two], "auto")


_BEFORE = {"face": (105, 100, 91, 121, 8617), "head": (88, 68, 124, 153, 14230), "skin": (105, 100, 91, 121, 7840)}
"""x, y, width, height and area as drawn before SAM's logits had a place in the cut; other processors may round
otherwise.
"""


@pytest.mark.parametrize("region", _BEFORE)
def test_without_sam_and_pixels_nothing_is_drawn_otherwise_than_before(engine: MeshSegmenter, region: str) -> None:
    image, _ = portrait((300, 300), (150, 160), 90, 120)
    found = [face((150, 160), 90, 120)]
    embedding = engine.embed(image, found)
    (mask,) = engine.masks(embedding, found, region)
    (height, width), p = mask.patch.bits.shape, mask.patch
    assert np.abs(np.subtract((p.x, p.y, width, height), _BEFORE[region][:4])).max() <= 1
    assert int(p.bits.sum()) == pytest.approx(_BEFORE[region][4], rel=0.003)
    for again in (
        engine.drawn(embedding, found, region, None)[0],
        engine.drawn(embedding, found, region, [no_logits])[0],
    ):
        np.testing.assert_array_equal(again.patch.bits, p.bits)
        assert (again.patch.x, again.patch.y, again.score) == (p.x, p.y, mask.score)


def _down_to(top: float) -> Logits:
    """SAM's logits when it sees a face of 220 pixels' width with its hair line in this row."""

    def logits(_: str, window: Window) -> NDArray[np.float32]:
        columns, rows = np.meshgrid(*[np.arange(window.size) + 0.5] * 2)
        inverse = window.inverse()
        x, y = (inverse[i, 0] * columns + inverse[i, 1] * rows + inverse[i, 2] for i in (0, 1))
        return np.where((y > top) & (np.abs(x - 300) < 110), 10, -10).astype(np.float32)

    return logits


@pytest.mark.parametrize("top", [180, 230, 250])
def test_the_hair_line_is_where_sam_says(engine: MeshSegmenter, top: int) -> None:
    """The drawn face begins at 210 and ends at 470, where SAM, which sees no chin, changes nothing."""
    image, _ = portrait((600, 600), (300, 340), 200, 260)
    found = [face((300, 340), 200, 260)]
    embedding = engine.embed(image, found)
    plain = np.flatnonzero(whole(engine.masks(embedding, found)[0], (600, 600))[:, 300])
    told = np.flatnonzero(whole(engine.drawn(embedding, found, "face", [_down_to(top)])[0], (600, 600))[:, 300])
    assert abs(plain[0] - 210) <= 3 and abs(told[0] - top) <= 3
    assert abs(told[-1] - plain[-1]) <= 3


@pytest.mark.parametrize("region", ["face", "head"])
def test_pixels_are_asked_for_where_the_outline_is_coarser_than_they(engine: MeshSegmenter, region: str) -> None:
    for scale, asked in ((1, 0), (12, 1)):
        args = (150 * scale, 160 * scale), 45 * scale, 60 * scale
        image, truth = portrait((240 * scale, 300 * scale), *args)
        found, pixels = [face(*args)], Mock(return_value=image)
        embedding = engine.embed(image, found)
        (fine,) = engine.masks(embedding, found, region, pixels=pixels)
        assert pixels.call_count == asked
        if asked and region == "face":
            assert iou(whole(fine, truth.shape), truth) > iou(
                whole(engine.masks(embedding, found)[0], truth.shape), truth
            )


def test_a_face_that_the_picture_cuts_off_is_drawn_to_its_border(engine: MeshSegmenter) -> None:
    args = (40, 700), 620, 820
    image, truth = portrait((1400, 1200), *args)
    found = [face(*args)]
    mask = whole(engine.masks(engine.embed(image, found), found, pixels=lambda: image)[0], truth.shape)
    assert np.count_nonzero(mask[:, 0] & truth[:, 0]) > 0.98 * np.count_nonzero(truth[:, 0])


class _ByColour:
    """Stands in for a small network: sees what is, or is not, of one colour."""

    def __init__(self, colour: tuple[int, int, int], like: bool, size: int) -> None:
        self.colour, self.like, self.size = colour, like, size
        self.shown: list[NDArray[np.uint8]] = []

    def __call__(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.shown.append(rgb)
        return np.asarray((np.abs(rgb.astype(int) - self.colour).max(-1) < 40) == self.like, np.float32)


@pytest.fixture
def sighted() -> MeshSegmenter:
    """The engine with networks that see every person before a wall, and all hair."""
    engine = MeshSegmenter()
    engine.regions |= {"hair"}
    engine._nets = Nets(_ByColour(WALL, False, 256), _ByColour(HAIR, True, 512))  # type: ignore[arg-type]
    return engine


def _long_haired(hair_to: int) -> NDArray[np.uint8]:
    """A face of 80 × 100 with its chin in row 230; hair hangs down to this row on both sides."""
    image, _ = portrait((420, 400), (200, 180), 80, 100)
    for left in (138, 240):
        image[165:hair_to, left : left + 22] = HAIR
    return image


@pytest.mark.parametrize("region", ["head", "hair"])
def test_long_hair_is_followed_beyond_the_window(sighted: MeshSegmenter, region: str) -> None:
    image, found = _long_haired(380), [face((200, 180), 80, 100)]
    embedding = sighted.embed(image, found)
    cut_off, followed = (
        whole(sighted.masks(embedding, found, region, pixels=pixels)[0], (420, 400)) for pixels in (None, lambda: image)
    )
    assert not cut_off[330:].any()
    for column in (149, 251):
        assert abs(np.flatnonzero(followed[:, column])[-1] - 379) <= 4


def test_the_wider_window_is_for_hair_that_leaves_the_other_of_a_face_large_enough(sighted: MeshSegmenter) -> None:
    for scale, hair_to, asked in ((1.0, 380, 1), (1.0, 280, 0), (0.25, 380, 0)):
        image = _long_haired(hair_to)
        small = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        pixels, found = Mock(return_value=small), [face((200 * scale, 180 * scale), 80 * scale, 100 * scale)]
        sighted.masks(sighted.embed(small, found), found, "head", pixels=pixels)
        assert pixels.call_count == asked, (scale, hair_to)


def test_the_face_parsing_network_is_asked_once_and_heard_in_the_wider_window_too(
    sighted: MeshSegmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, found = _long_haired(380), [face((200, 180), 80, 100)]
    parsing, drawing = _ByColour(WALL, False, 448), Mock(wraps=head_mask)
    sighted._nets = replace(sighted._nets, parsing=parsing)  # type: ignore[arg-type]
    monkeypatch.setattr(artist, "head_mask", drawing)
    sighted.masks(sighted.embed(image, found), found, "head", pixels=lambda: image)
    assert [call.args[2].head.shape for call in drawing.call_args_list] == [(256, 256), (408, 408)]
    assert len(parsing.shown) == 1


def test_networks_are_shown_the_picture_and_no_repeated_border(sighted: MeshSegmenter) -> None:
    """A face that fills its picture, whose border alone is of a colour that nothing else has."""
    image, found = np.full((120, 100, 3), SKIN, np.uint8), [face((50, 60), 80, 100)]
    image[:, 0] = image[:, -1] = image[0] = image[-1] = 1
    embedding = sighted.embed(image, found)
    sighted.masks(embedding, found, "head")
    for net in (sighted._nets.person, sighted._nets.hair):
        (shown,) = net.shown  # type: ignore[union-attr]
        assert (shown[8:-8, 8:-8] > 100).all()
