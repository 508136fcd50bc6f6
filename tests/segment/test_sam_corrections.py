"""Corrections by points and by a box do what a user expects, with a decoder that follows its prompts, and with ones
that do not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sam_mask_service.deadline import NO_DEADLINE, Deadline
from sam_mask_service.errors import Internal
from sam_mask_service.geometry import Bits, Box, Face
from sam_mask_service.mask import distance_to
from sam_mask_service.patch import Patch
from sam_mask_service.sam.backend import Features
from sam_mask_service.sam.config import F32
from sam_mask_service.sam.fake import FakeSam
from sam_mask_service.sam.prompt import Prompt
from sam_mask_service.segment import candidate_choice
from sam_mask_service.segment.fake import FakeSegmenter
from sam_mask_service.segment.sam import SamSegmenter
from sam_mask_service.segment.sam_view import SamEmbedding
from sam_mask_service.segment.segmenter import Detail, FaceMask
from sam_mask_service.segment.tuning.sam import CORRECTION

SIZE = 512
IMAGE = np.zeros((SIZE, SIZE, 3), np.uint8)
FACE = Face(Box(180, 140, 120, 160), 0.9)
rows, columns = np.mgrid[:SIZE, :SIZE] + 0.5


def ellipse(x: float, y: float, across: float, down: float) -> Bits:
    return np.asarray(((columns - x) / across) ** 2 + ((rows - y) / down) ** 2 <= 1)


THINGS = {
    "face": ellipse(240, 220, 60, 80),
    "ear": ellipse(312, 220, 12, 24),
    "hand": ellipse(200, 260, 26, 22),
    "body": rows > 310,
    "other": ellipse(440, 120, 40, 50),
}
"""What is in the picture; later ones lie on earlier ones."""
EAR, HAND, BODY = (312.0, 220.0), (200.0, 260.0), (240.0, 400.0)


def visible(name: str) -> Bits:
    names = list(THINGS)
    covered = np.zeros((SIZE, SIZE), bool)
    for later in names[names.index(name) + 1 :]:
        covered |= THINGS[later]
    return np.asarray(THINGS[name] & ~covered)


@dataclass(slots=True)
class Following(FakeSam):
    """Segments things as a good SAM would: the things under points inside, and those that the mask prompt covers by
    half, without those under points outside; in a box the thing that fills it best. Further candidates: everything, and
    ``besides``."""

    besides: Callable[[Bits], Bits] | None = None

    def decode(
        self, embedding: Features, prompts: Sequence[Prompt], deadline: Deadline = NO_DEADLINE
    ) -> tuple[F32, F32]:
        (prompt,) = prompts
        self.calls.append(("decode", 1, prompt.mask is not None))
        side, step = self.image_size // 4, 4 * SIZE // self.image_size
        grids = {name: visible(name)[step // 2 :: step, step // 2 :: step] for name in THINGS}
        wanted = {name for name, bits in grids.items() if prompt.mask is not None and covered(bits, prompt.mask > 0)}
        if (box := prompt.box) is not None:
            wanted |= {max(grids, key=lambda name: fills(grids[name], box / 4))}
        for (x, y), label in zip(prompt.points, prompt.labels, strict=True):
            for name in [name for name, bits in grids.items() if bits[int(y) // 4, int(x) // 4]]:
                wanted = wanted | {name} if label else wanted - {name}
        found = np.zeros((side, side), bool)
        for name in wanted:
            found |= grids[name]
        masks = [np.ones_like(found), found, *([self.besides(found)] if self.besides else [])]
        logits = np.stack([np.where(mask, 10, -10) for mask in masks]).astype(np.float32)
        return logits[None], np.array([[0.95, 0.8, 0.99][: len(masks)]], np.float32)


def covered(bits: Bits, mask: Bits) -> bool:
    return bool(2 * np.count_nonzero(bits & mask) > np.count_nonzero(bits))


def fills(bits: Bits, box: NDArray[Any]) -> float:
    left, top, right, bottom = box.astype(int)
    return float(np.count_nonzero(bits[top:bottom, left:right]) / (np.count_nonzero(bits) + 1))


def at_work(backend: FakeSam, detail: Detail = "picture") -> tuple[SamSegmenter, SamEmbedding]:
    segmenter = SamSegmenter(backend, FakeSegmenter())
    return segmenter, segmenter.embed(IMAGE, [FACE], detail)


def corrected(
    points: Sequence[tuple[float, float, int]], start: Bits = THINGS["face"], backend: FakeSam | None = None
) -> Bits:
    segmenter, seen = at_work(backend or Following())
    return whole(segmenter.prompted(seen, FaceMask(Patch(0, 0, start), 0.9, 1.0), points, None))


def whole(mask: FaceMask) -> Bits:
    return mask.patch.place(SIZE, SIZE)


def share(bits: Bits, mask: Bits) -> float:
    return float(np.count_nonzero(bits & mask) / np.count_nonzero(bits))


def test_a_point_adds_the_thing_that_it_lies_on() -> None:
    mask = corrected([(*EAR, 1)])
    assert share(visible("ear"), mask) > 0.9 and share(visible("face"), mask) > 0.95
    assert share(visible("body"), mask) == 0 and share(visible("other"), mask) == 0


def test_a_point_takes_away_the_thing_that_it_lies_on() -> None:
    mask = corrected([(*HAND, 0)])
    assert share(visible("hand"), mask) < 0.1
    assert share(visible("face"), mask) > 0.9


def test_a_point_on_the_face_does_not_take_the_face_away() -> None:
    """What SAM leaves of a face without its skin is nothing, or dots: then colour has the word (tasks/image_masks)."""
    assert np.array_equal(corrected([(240.0, 200.0, 0)]), THINGS["face"])
    with_hand = corrected([(240.0, 200.0, 0), (*HAND, 0)])
    assert share(visible("hand"), with_hand) < 0.1 and share(visible("face"), with_hand) > 0.9


@dataclass(slots=True)
class Doubtful(FakeSam):
    """A thing on the face is out of the mask by so many logits."""

    thing: Bits = field(default_factory=lambda: THINGS["hand"])
    out: float = -0.5

    def decode(
        self, embedding: Features, prompts: Sequence[Prompt], deadline: Deadline = NO_DEADLINE
    ) -> tuple[F32, F32]:
        mask = np.where(THINGS["face"], 10, -10).astype(np.float32)
        mask[self.thing] = self.out
        return mask[None, None, 2::4, 2::4], np.array([[0.9]], np.float32)


@pytest.mark.parametrize(("out", "across", "stays"), [(-0.5, 40, True), (-5.0, 40, False), (-0.5, 16, False)])
def test_a_large_piece_that_sam_is_not_sure_of_stays(out: float, across: float, stays: bool) -> None:
    x, y = 240, 220
    doubtful = Doubtful(thing=ellipse(x, y, across, across), out=out, image_size=SIZE)
    mask = corrected([(x, y, 0)], backend=doubtful)
    assert mask[y, x] == stays
    assert share(THINGS["face"] & ~doubtful.thing, mask) > 0.99


def test_both_at_once_and_in_any_order() -> None:
    points = [(*HAND, 0), (*EAR, 1)]
    masks = [corrected(points), corrected(points[::-1])]
    assert np.array_equal(masks[0], masks[1])
    assert share(visible("ear"), masks[0]) > 0.9 and share(visible("hand"), masks[0]) < 0.1


def test_a_second_click_takes_the_first_back() -> None:
    """The page sends the points that stand; the mask is drawn anew from the face each time."""
    assert share(visible("ear"), corrected([(*EAR, 1)])) > 0.9
    assert share(visible("ear"), corrected([(*EAR, 0)])) == 0


def test_a_point_on_the_body_adds_what_is_near_and_never_all_of_it() -> None:
    mask = corrected([(240.0, 330.0, 1)])
    reach = CORRECTION.reach * candidate_choice.size_of(THINGS["face"])
    away = np.hypot(columns - 240, rows - 330)
    assert mask[330, 240] and not (mask & (away > reach + 2) & (rows > 330)).any()


@pytest.mark.parametrize(("point", "label"), [(EAR, 1), (HAND, 0)])
def test_a_surer_candidate_that_forgets_the_mask_is_not_taken(point: tuple[float, float], label: int) -> None:
    """A candidate of predicted IoU .99 that keeps the point but has nothing to do with the mask."""
    at_point = ellipse(*point, 12, 12)[2::4, 2::4]
    forgetful = Following(besides=lambda found: at_point if label else ~found, image_size=SIZE)
    assert share(visible("face"), corrected([(*point, label)], backend=forgetful)) > 0.9


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1), st.integers(0, 1)), min_size=1, max_size=5),
    st.sampled_from(["face", "body", "background", "everything", "nothing", "speck"]),
)
def test_a_point_changes_its_own_kind_near_by_and_nothing_else(points: list[tuple[int, int, int]], answer: str) -> None:
    """Whatever the network answers: a point inside only adds, one outside only takes away, as far as it lies from the
    outline.
    """
    start = THINGS["face"]
    mask = corrected([(float(x), float(y), label) for x, y, label in points], backend=FakeSam([(answer, 0.9)]))
    free = np.zeros_like(start)
    for x, y, label in points:
        depth = float((distance_to(start) if label else distance_to(~start))[y, x])
        near = np.hypot(columns - x - 0.5, rows - y - 0.5) <= CORRECTION.reach * depth + 3
        free |= near & (~start if label else start)
    assert not ((mask != start) & ~free).any()


@dataclass(slots=True)
class Dusty(FakeSam):
    """In a box: half of it with a clear outline, of a low predicted IoU, and unsure dots that fill it exactly."""

    def decode(
        self, embedding: Features, prompts: Sequence[Prompt], deadline: Deadline = NO_DEADLINE
    ) -> tuple[F32, F32]:
        assert prompts[0].box is not None
        left, top, right, bottom = (prompts[0].box / 4).astype(int)
        logits = np.full((1, 2, self.image_size // 4, self.image_size // 4), -10, np.float32)
        logits[0, 0, top:bottom, left : (left + right) // 2] = 10
        logits[0, 1, top:bottom, left:right] = -0.5
        logits[0, 1, top:bottom:2, left:right:2] = 0.5
        return logits, np.array([[0.5, 0.99]], np.float32)


def test_dust_that_fills_a_box_is_not_taken_for_a_thing() -> None:
    segmenter = SamSegmenter(Dusty(), FakeSegmenter())
    seen = segmenter.embed(IMAGE, [FACE], "picture")
    mask = whole(segmenter.prompted(seen, None, [], Box(400, 80, 80, 96)))
    assert mask[90:170, 404:436].all()
    assert not mask[:, 444:].any()


def test_a_box_takes_the_thing_in_it() -> None:
    """Not everything, though the network is surer of that; and points change what is taken."""
    segmenter, seen = at_work(Following())
    box = Box(400, 70, 80, 100)
    for points in ([], [(440.0, 120.0, 1)], [(440.0, 120.0, 1), (240.0, 220.0, 0)]):
        mask = whole(segmenter.prompted(seen, None, points, box))
        assert share(visible("other"), mask) > 0.95 and not (mask & (distance_to(visible("other")) > 4)).any()


def test_the_mask_that_is_seen_is_the_mask_prompt_without_one_there_is_none() -> None:
    backend = Following()
    segmenter, seen = at_work(backend)
    segmenter.prompted(seen, FaceMask(Patch(0, 0, THINGS["face"]), 0.9, 1.0), [(*EAR, 1)], None)
    segmenter.prompted(seen, None, [(*EAR, 1)], None)
    segmenter.prompted(seen, FaceMask(Patch(0, 0, np.zeros((2, 2), bool)), 0.9, 1.0), [(*EAR, 1)], None)
    assert [call[2] for call in backend.calls if call[0] == "decode"] == [True, False, False]


def test_whether_a_crop_shows_the_prompts() -> None:
    small = Face(Box(100, 100, 30, 36), 0.9)
    segmenter = SamSegmenter(Following(), FakeSegmenter())
    seen = segmenter.embed(IMAGE, [small], "face")
    assert seen.detail == "face"
    assert segmenter.shows(seen, [(110.0, 110.0, 1)], None) and segmenter.shows(seen, [], Box(95, 95, 40, 50))
    assert not segmenter.shows(seen, [(400.0, 400.0, 1)], None) and not segmenter.shows(seen, [], Box(300, 300, 50, 50))
    assert segmenter.shows(segmenter.embed(IMAGE, [], "auto"), [(400.0, 400.0, 1)], None)


def test_no_numbers_at_all_are_an_error_of_ours() -> None:
    segmenter, seen = at_work(FakeSam(candidates=[("nan", 0.9)]))
    with pytest.raises(Internal):
        segmenter.prompted(seen, None, [(5.0, 5.0, 1)], None)
