"""SAM outlines some parts that the mesh engine proposes, in pieces where they have pieces, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sam_mask_service.deadline import NO_DEADLINE, Deadline
from sam_mask_service.geometry import Bits, Box, Face
from sam_mask_service.mask import band as mask_band
from sam_mask_service.mask import expand, iou
from sam_mask_service.patch import Patch
from sam_mask_service.sam.backend import Features
from sam_mask_service.sam.config import F32
from sam_mask_service.sam.fake import FakeSam
from sam_mask_service.sam.prompt import INSIDE, OUTSIDE, Prompt
from sam_mask_service.segment import candidate_choice, prompts
from sam_mask_service.segment.fake import FakeEmbedding, FakeSegmenter
from sam_mask_service.segment.regions import combine, pieces
from sam_mask_service.segment.sam import SamSegmenter
from sam_mask_service.segment.sam_view import SamEmbedding, coarse
from sam_mask_service.segment.segmenter import DISAGREED, Embedding, FaceMask, Pixels
from sam_mask_service.segment.tuning.sam import PART

SIZE = 512
IMAGE = np.zeros((SIZE, SIZE, 3), np.uint8)
FACE = Face(Box(156, 156, 200, 240), 0.9)


def ellipse(x: float, y: float, across: float, down: float) -> Bits:
    rows, columns = np.mgrid[:SIZE, :SIZE] + 0.5
    return np.asarray(((columns - x) / across) ** 2 + ((rows - y) / down) ** 2 <= 1)


def patch(bits: Bits) -> Patch:
    return Patch(0, 0, bits)


HEAD = ellipse(256, 256, 130, 160)
SHAPES = {
    "face": ellipse(256, 276, 100, 120),
    "hair": HEAD & ~ellipse(256, 296, 100, 125),
    "eyes": ellipse(216, 240, 30, 16) | ellipse(296, 240, 28, 16),
    "lips": ellipse(256, 340, 48, 30) & ~ellipse(256, 340, 26, 10),
    "brows": ellipse(216, 210, 30, 4) | ellipse(296, 210, 30, 4),
    "oval": ellipse(256, 276, 95, 125),
    "glasses": np.zeros((SIZE, SIZE), bool),
}
SHAPES["skin"] = SHAPES["face"] & ~SHAPES["eyes"] & ~SHAPES["brows"]
ASKED = ("eyes", "lips")
SHAPED = ("hair", *ASKED)


@dataclass(slots=True)
class Proposer(FakeSegmenter):
    """The mesh engine's stand-in with a shape for every region."""

    regions: frozenset[str] = field(default=frozenset(SHAPES))

    def masks(
        self,
        embedding: Embedding,
        faces: Sequence[Face],
        region: str = "face",
        deadline: Deadline = NO_DEADLINE,
        pixels: Pixels | None = None,
    ) -> list[FaceMask]:
        assert isinstance(embedding, FakeEmbedding)
        return [FaceMask(patch(SHAPES[region]), 0.5, 1.0) for _ in faces]


@dataclass(slots=True)
class Told(FakeSam):
    """Answers every prompt with the same candidates: (mask of the picture, predicted IoU)."""

    told: Sequence[tuple[Bits, float]] = ()
    seen: SamEmbedding | None = None

    def decode(
        self, embedding: Features, prompts: Sequence[Prompt], deadline: Deadline = NO_DEADLINE
    ) -> tuple[F32, F32]:
        assert self.seen is not None
        self.calls.append(("decode", len(prompts), prompts[0].mask is not None))
        one = np.stack([20 * coarse(patch(bits), self.seen.views[0]) - 10 for bits, _ in self.told])
        scores = np.array([score for _, score in self.told], np.float32)
        return np.stack([one] * len(prompts)), np.stack([scores] * len(prompts))


def asked(region: str, backend: FakeSam) -> FaceMask:
    segmenter = SamSegmenter(backend, Proposer())
    seen = segmenter.embed(IMAGE, [FACE], "picture")
    if isinstance(backend, Told):
        backend.seen = seen
    return segmenter.masks(seen, [FACE], region)[0]


def told(region: str, *candidates: tuple[Bits, float]) -> FaceMask:
    return asked(region, Told(told=candidates))


def whole(mask: FaceMask) -> Bits:
    return mask.patch.place(SIZE, SIZE)


@pytest.mark.parametrize("region", ASKED)
@pytest.mark.parametrize("bad", ["body", "background", "everything", "nothing", "speck", "nan"])
def test_a_wrong_candidate_leaves_the_proposal_and_warns(region: str, bad: str) -> None:
    mask = asked(region, FakeSam(candidates=[(bad, 1.0)]))
    assert mask.warnings == (DISAGREED,) and mask.score == pytest.approx(0.5)
    assert np.array_equal(whole(mask), SHAPES[region])


@pytest.mark.parametrize("region", ASKED)
def test_a_good_candidate_among_bad_ones_is_drawn(region: str) -> None:
    better = expand(SHAPES[region], 2)
    mask = told(
        region, (HEAD, 1.0), (np.zeros_like(HEAD), 1.0), (~HEAD, 1.0), *(((part, 0.8)) for part in split(better))
    )
    assert mask.warnings == () and mask.score == pytest.approx(0.8, abs=0.02)
    assert iou(whole(mask), better) > max(0.9, iou(SHAPES[region], better))


def split(bits: Bits) -> list[Bits]:
    """Both eyes are two things to SAM."""
    return [piece.place(*bits.shape[::-1]) for piece in pieces(patch(bits))]


def test_one_eye_may_be_drawn_and_the_other_not() -> None:
    left, right = split(SHAPES["eyes"])
    mask = told("eyes", (expand(left, 2), 0.9), (HEAD, 0.9))
    assert mask.warnings == (DISAGREED,)
    assert iou(whole(mask) & ~right, expand(left, 2)) > 0.9
    assert np.array_equal(whole(mask) & right, right)
    assert 0.5 < mask.score < 0.9


def test_both_eyes_are_asked_about_in_one_call() -> None:
    backend = Told(told=[(part, 0.9) for part in split(SHAPES["eyes"])])
    asked("eyes", backend)
    assert [call for call in backend.calls if call[0] == "decode"] == [("decode", 2, False)]


def test_the_mouth_stays_open() -> None:
    """A candidate without the hole between the lips narrows it by the band alone."""
    mouth = ellipse(256, 340, 48, 30)
    mask = told("lips", (mouth, 0.9))
    assert mask.warnings == () and not whole(mask)[340, 256]


@pytest.mark.parametrize("region", ["brows", "oval", "glasses", "hair"])
def test_thin_empty_geometric_and_hairy_regions_stay_as_proposed(region: str) -> None:
    backend = Told(told=[(HEAD, 0.9)])
    mask = asked(region, backend)
    assert mask.warnings == () and mask.score == 0.5
    assert np.array_equal(whole(mask), SHAPES[region])
    assert not [call for call in backend.calls if call[0] == "decode"]


def test_compositions_use_the_outlined_parts() -> None:
    left, right = split(expand(SHAPES["eyes"], 3))
    candidates = [(HEAD, 0.3), (left, 0.8), (right, 0.8)]
    mask = told("hair,eyes", *candidates)
    alone = told("hair", *candidates), told("eyes", *candidates)
    expected = combine([(1, alone[0].patch), (1, alone[1].patch)])
    assert mask.patch.iou(expected) == 1.0
    assert alone[0].score < mask.score < alone[1].score
    assert min(a.agreement for a in alone) <= mask.agreement <= max(a.agreement for a in alone)


def test_a_composition_warns_when_a_part_disagreed() -> None:
    assert told("hair,-lips", (SHAPES["oval"], 0.9)).warnings == (DISAGREED,)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(ASKED), st.integers(0, 2**32 - 1), st.floats(0.05, 0.95))
def test_whatever_comes_is_held_at_the_proposal(region: str, seed: int, density: float) -> None:
    """Any bits at all: what is sure stays, nothing impossible gets in."""
    bits = np.random.default_rng(seed).random((SIZE // 4, SIZE // 4)) < density
    prior = SHAPES[region][::4, ::4]
    found = candidate_choice.held(bits, prior)
    size = candidate_choice.size_of(prior)
    sure, possible = mask_band(prior, PART.inner * size, PART.outer * size)
    assert not (sure & ~found).any() and not (found & ~possible).any()


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(ASKED), st.integers(-8, 8), st.integers(-8, 8))
def test_what_the_user_gets_lies_inside_the_band(region: str, right: int, down: int) -> None:
    """Through prompts, choice and band: shifted candidates, agreeing or not."""
    shifted = np.roll(SHAPES[region], (down, right), (0, 1))
    mask = told(region, *((part, 0.9) for part in split(shifted)), (HEAD, 1.0))
    size = max(
        candidate_choice.size_of(SHAPES[region]), *(candidate_choice.size_of(piece) for piece in split(SHAPES[region]))
    )
    assert not (whole(mask) & ~expand(SHAPES[region], int(np.ceil(PART.outer * size)))).any()


@pytest.mark.parametrize("region", SHAPED)
def test_points_lie_on_the_region_and_beside_it(region: str) -> None:
    prompt = prompts.of_region(FACE, patch(SHAPES[region]), region)
    assert prompt.points.shape == (len(prompt.labels), 2) and prompt.box is not None
    assert (prompt.labels == INSIDE).any()
    for (x, y), label in zip(prompt.points, prompt.labels, strict=True):
        assert SHAPES[region][int(y), int(x)] == (label == INSIDE)


def test_hair_is_told_from_the_face_within_it() -> None:
    prompt = prompts.of_region(FACE, patch(SHAPES["hair"]), "hair")
    outside = prompt.points[prompt.labels == OUTSIDE]
    assert any(SHAPES["face"][int(y), int(x)] for x, y in outside)


def test_pieces_are_the_large_ones_and_the_specks_together() -> None:
    bits = np.zeros((40, 60), bool)
    bits[5:15, 5:15] = bits[5:14, 30:40] = bits[30, 2] = bits[35, 50] = True
    found = pieces(Patch(100, 200, bits))
    assert [int(p.bits.sum()) for p in found] == [100, 90, 2]
    assert (found[0].x, found[0].y) == (105, 205)
    assert combine([(1, p) for p in found]).bits.sum() == bits.sum()
    assert pieces(Patch(0, 0, np.zeros((3, 3), bool))) == []


def test_a_thin_thing_is_small() -> None:
    bar = np.zeros((100, 400), bool)
    bar[45:55, 10:390] = True
    disc = ellipse(256, 256, 50, 50)
    assert candidate_choice.size_of(bar) < 15 < np.sqrt(bar.sum())
    assert candidate_choice.size_of(disc) == pytest.approx(np.sqrt(disc.sum()))
    assert candidate_choice.size_of(np.zeros((4, 4), bool)) == 0
