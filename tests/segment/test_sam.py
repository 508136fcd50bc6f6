"""SAM draws the outline of a face and nothing else, whatever its network answers."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sam_mask_service.deadline import NO_DEADLINE, Deadline
from sam_mask_service.errors import DeadlinePassed, InvalidParameter, RegionUnavailable
from sam_mask_service.geometry import RGB, Bits, Box, Face
from sam_mask_service.mask import band as mask_band
from sam_mask_service.mask import fill_holes, iou, largest_part
from sam_mask_service.sam.fake import CANDIDATES, FakeSam
from sam_mask_service.segment import band
from sam_mask_service.segment.fake import FakeEmbedding, FakeSegmenter
from sam_mask_service.segment.sam import SamSegmenter
from sam_mask_service.segment.sam_jobs import DISAGREED, SECOND_LOOKS
from sam_mask_service.segment.sam_view import SamEmbedding
from sam_mask_service.segment.segmenter import Detail, FaceMask

WIDTH, HEIGHT = 900, 700
IMAGE = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
FACE = Face(Box(300, 200, 160, 200), 0.9)
SMALL = Face(Box(80, 60, 20, 26), 0.8)
GOOD = [("face", 0.9)]
DETAILS: tuple[Detail, ...] = ("picture", "face")


@dataclass(slots=True)
class Mesh:
    """The mesh engine's stand-in: an ellipse in the face's box; for ``head`` a larger one."""

    name: str = "mesh"
    model: str = "fake"
    heeds_neighbours: bool = True
    regions: frozenset[str] = frozenset({"face", "head", "lips"})
    asked: list[str] = field(default_factory=list)
    inner: FakeSegmenter = field(default_factory=lambda: FakeSegmenter(regions=frozenset({"face", "head", "lips"})))

    def embedding_key(self, width: int, height: int, faces: Sequence[Face], detail: Detail) -> Hashable:
        return width, height, tuple(face.box for face in faces)

    def embed(
        self, image: RGB, faces: Sequence[Face], detail: Detail = "auto", deadline: Deadline = NO_DEADLINE
    ) -> FakeEmbedding:
        return self.inner.embed(image, faces, detail, deadline)

    def masks(
        self, embedding: object, faces: Sequence[Face], region: str = "face", deadline: Deadline = NO_DEADLINE
    ) -> list[FaceMask]:
        self.asked.append(region)
        assert isinstance(embedding, FakeEmbedding)
        grown = [Face(face.box.grown(0.2), face.confidence) for face in faces] if region == "head" else list(faces)
        return self.inner.masks(embedding, grown, region, deadline)


def engine(candidates: Sequence[tuple[str, float]], **fake: object) -> tuple[SamSegmenter, FakeSam]:
    backend = FakeSam(candidates=candidates, **fake)  # type: ignore[arg-type]
    return SamSegmenter(backend, Mesh()), backend


def whole(mask: FaceMask, width: int = WIDTH, height: int = HEIGHT) -> Bits:
    canvas = np.zeros((height, width), bool)
    patch = mask.patch
    canvas[patch.y : patch.y + patch.bits.shape[0], patch.x : patch.x + patch.bits.shape[1]] = patch.bits
    return canvas


def run(
    candidates: Sequence[tuple[str, float]],
    faces: Sequence[Face] = (FACE,),
    region: str = "face",
    detail: Detail = "picture",
) -> list[FaceMask]:
    segmenter, _ = engine(candidates)
    return segmenter.masks(segmenter.embed(IMAGE, faces, detail), faces, region)


def prior(face: Face = FACE) -> FaceMask:
    mesh = Mesh()
    return mesh.masks(mesh.embed(IMAGE, [face]), [face])[0]


def test_a_good_candidate_is_drawn() -> None:
    (mask,) = run(GOOD)
    assert mask.score == pytest.approx(0.9) and mask.warnings == ()
    assert mask.agreement > 0.8  # the prompt's box is a little wider than the face
    assert iou(whole(mask), whole(prior())) == pytest.approx(mask.agreement)


@pytest.mark.parametrize("bad", ["body", "background", "everything", "nothing", "speck", "nan"])
def test_a_wrong_candidate_alone_gives_the_mesh_mask_and_a_warning(bad: str) -> None:
    (mask,) = run([(bad, 1.0)])
    assert mask.warnings == (DISAGREED,)
    assert np.array_equal(whole(mask), whole(prior()))
    assert mask.score == prior().score
    assert mask.agreement < band.FLOOR


@pytest.mark.parametrize("bad", sorted(set(CANDIDATES) - {"face", "larger", "hole", "island"}))
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_good_candidate_is_found_among_bad_ones(bad: str, place: int) -> None:
    """Even when the network is surer of the bad ones."""
    candidates = [(bad, 1.0), (bad, 1.0)]
    candidates.insert(place, ("face", 0.6))
    (mask,) = run(candidates)
    assert mask.warnings == () and mask.score == pytest.approx(0.6)
    assert np.array_equal(whole(mask), whole(run([("face", 0.6)])[0]))


def test_of_two_that_agree_alike_the_surer_one_wins() -> None:
    (mask,) = run([("face", 0.2), ("face", 0.8), ("face", 0.5)])
    assert mask.score == pytest.approx(0.8)


@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf, 7.0, -3.0])
def test_scores_are_numbers_between_0_and_1(score: float) -> None:
    (mask,) = run([("face", score)])
    assert 0 <= mask.score <= 1 and mask.warnings == ()


def test_holes_are_filled_and_islands_removed() -> None:
    for name in ("hole", "island"):
        (mask,) = run([(name, 0.9)])
        bits = mask.patch.bits
        assert mask.warnings == ()
        assert np.array_equal(bits, fill_holes(bits)) and np.array_equal(bits, largest_part(bits))
        assert iou(whole(mask), whole(run(GOOD)[0])) > 0.98


def test_the_band_holds_what_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A face that leaks far into something else, and just passes the floor, keeps no more of the leak than the band is wide."""

    def leaking(box: NDArray[Any], side: int) -> NDArray[np.bool_]:
        bits = np.asarray(CANDIDATES["face"](box, side))
        middle = int(box[0] + box[2]) // 2
        bits[int(box[3]) - 10 :, middle - 1 : middle + 2] = True
        return bits

    monkeypatch.setitem(CANDIDATES, "leaking", leaking)
    (mask,) = run([("leaking", 0.9)])
    assert mask.warnings == ()
    allowed = band.OUTER * np.sqrt(np.count_nonzero(whole(prior()))) + 1
    rows, columns = np.nonzero(whole(mask))
    ellipse = FACE.box
    assert rows.min() >= ellipse.y - allowed and rows.max() <= ellipse.bottom + allowed
    assert columns.min() >= ellipse.x - allowed and columns.max() <= ellipse.right + allowed
    assert whole(mask).sum() > whole(prior()).sum()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.02, 0.9))
def test_any_mask_at_all_is_held(seed: int, density: float) -> None:
    """Whatever bits come: all that is sure stays, nothing impossible gets in, one piece, no holes."""
    bits = np.random.default_rng(seed).random((60, 60)) < density
    y, x = np.mgrid[:60, :60]
    ellipse = ((x - 30) / 16) ** 2 + ((y - 28) / 20) ** 2 <= 1
    found = band.held(bits, ellipse)
    size = float(np.sqrt(ellipse.sum()))
    sure, possible = mask_band(ellipse, band.INNER * size, band.OUTER * size)
    assert not (sure & ~found).any() and not (found & ~possible).any()
    assert np.array_equal(found, fill_holes(found)) and np.array_equal(found, largest_part(found))


@pytest.mark.parametrize(
    "shape", [(1, 1, 256, 255), (1, 1, 64, 64), (2, 1, 256, 256), (1, 3, 256, 256), (0, 1, 256, 256)]
)
def test_answers_of_a_wrong_shape_give_the_mesh_mask(shape: tuple[int, ...]) -> None:
    segmenter, _ = engine(GOOD, shape=shape)
    (mask,) = segmenter.masks(segmenter.embed(IMAGE, [FACE], "picture"), [FACE])
    assert mask.warnings == (DISAGREED,)
    assert np.array_equal(whole(mask), whole(prior()))


def test_masks_come_in_the_order_of_the_faces() -> None:
    faces = [FACE, SMALL, Face(Box(600, 400, 120, 150), 0.7)]
    for detail in DETAILS:
        for order in (faces, faces[::-1]):
            found = run(GOOD, order, detail=detail)
            for face, mask in zip(order, found, strict=True):
                assert iou(whole(mask), whole(prior(face))) > 0.75, (detail, face.box)


def test_head_is_drawn_and_unknown_regions_are_refused() -> None:
    segmenter, _ = engine(GOOD)
    embedding = segmenter.embed(IMAGE, [FACE], "picture")
    (head,) = segmenter.masks(embedding, [FACE], "head")
    assert head.score == pytest.approx(0.9) and whole(head).sum() > whole(prior()).sum()
    with pytest.raises(RegionUnavailable):
        segmenter.masks(embedding, [FACE], "hat")


def test_the_cheap_step_is_cheap() -> None:
    """One run of the encoder a view; all faces of a view in one call; the mesh's mask of the face is drawn once."""
    segmenter, backend = engine(GOOD)
    embedding = segmenter.embed(IMAGE, [FACE, SMALL], "picture")
    assert [c[0] for c in backend.calls] == ["encode"]
    for _ in range(3):
        segmenter.masks(embedding, [FACE, SMALL])
    assert [c for c in backend.calls if c[0] == "decode"] == [("decode", 2, False)] * 3
    assert isinstance(segmenter._prior, Mesh) and segmenter._prior.asked == ["face"] * 2


def test_a_second_look_only_at_a_few_half_agreed_faces() -> None:
    faces = [Face(Box(60 + 110 * i, 300, 80, 100), 0.9) for i in range(7)]
    segmenter, backend = engine([("body", 0.9)])
    found = segmenter.masks(segmenter.embed(IMAGE, faces, "picture"), faces)
    asked = [c for c in backend.calls if c[0] == "decode"]
    assert asked[0] == ("decode", 7, False)
    assert all(c[2] and c[1] <= SECOND_LOOKS for c in asked[1:])
    assert all(m.warnings == (DISAGREED,) for m in found)


def test_no_faces() -> None:
    segmenter, _ = engine(GOOD)
    embedding = segmenter.embed(IMAGE, [], "auto")
    assert embedding.detail == "picture" and segmenter.masks(embedding, []) == []


def test_nbytes_counts_the_arrays() -> None:
    segmenter, _ = engine(GOOD)
    embedding = segmenter.embed(IMAGE, [FACE], "picture")
    arrays = sum(v.embedding.nbytes for v in embedding.views) + prior().patch.bits.nbytes
    assert embedding.nbytes == arrays + embedding.mesh.nbytes
    assert embedding.nbytes > 4 * 256 * 64 * 64


def test_keys_tell_embeddings_apart() -> None:
    segmenter, _ = engine(GOOD)

    def key(faces: Sequence[Face], detail: Detail) -> Hashable:
        return segmenter.embedding_key(WIDTH, HEIGHT, faces, detail)

    assert key([FACE], "picture") == key([FACE], "picture")
    assert key([FACE], "auto") == key([FACE], "picture")
    assert len({key([FACE], "picture"), key([SMALL], "picture"), key([SMALL], "face"), key([FACE, SMALL], "face")}) == 4
    assert hash(key([FACE], "face"))


def test_the_deadline_is_asked() -> None:
    segmenter, _ = engine(GOOD)
    with pytest.raises(DeadlinePassed):
        segmenter.embed(IMAGE, [FACE], "picture", Deadline.after(0))
    embedding = segmenter.embed(IMAGE, [FACE], "picture")
    with pytest.raises(DeadlinePassed):
        segmenter.masks(embedding, [FACE], "face", Deadline.after(0))


@pytest.mark.parametrize(
    "box", [Box(-50, -60, 200, 220), Box(800, 600, 180, 190), Box(0, 0, 2, 2), Box(898, 698, 2, 2)]
)
def test_faces_at_the_edge(box: Box) -> None:
    for detail in DETAILS:
        (mask,) = run(GOOD, [Face(box, 0.9)], detail=detail)
        patch = mask.patch
        assert patch.x >= 0 and patch.x + patch.bits.shape[1] <= WIDTH
        assert patch.y >= 0 and patch.y + patch.bits.shape[0] <= HEIGHT
        assert patch.bits.any()


# The user's own prompts.


def look(candidates: Sequence[tuple[str, float]] = GOOD) -> tuple[SamSegmenter, SamEmbedding]:
    segmenter, _ = engine(candidates)
    return segmenter, segmenter.embed(IMAGE, [FACE], "picture")


def test_prompted_by_a_box() -> None:
    segmenter, embedding = look()
    mask = segmenter.prompted(embedding, None, [], Box(100, 100, 200, 150))
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    ellipse = ((x - 200) / 100) ** 2 + ((y - 175) / 75) ** 2 <= 1
    assert iou(whole(mask), np.asarray(ellipse)) > 0.95
    assert mask.agreement == 1.0 and mask.score == pytest.approx(0.9)


def test_points_choose_the_candidate() -> None:
    segmenter, embedding = look([("face", 0.5), ("body", 0.9)])
    box = Box(300, 100, 150, 150)
    below = (375.0, 500.0)
    assert whole(segmenter.prompted(embedding, None, [(*below, 1)], box))[500, 375]
    assert not whole(segmenter.prompted(embedding, None, [(*below, 0)], box))[500, 375]


def test_only_parts_with_a_point_inside_stay() -> None:
    segmenter, embedding = look([("island", 0.9)])
    box = Box(200, 200, 100, 100)
    with_all = whole(segmenter.prompted(embedding, None, [], box))
    picked = whole(segmenter.prompted(embedding, None, [(250.0, 250.0, 1)], box))
    assert picked.sum() < with_all.sum() and not (picked & ~with_all).any()
    assert np.array_equal(picked, largest_part(with_all))


def test_a_mask_to_start_from() -> None:
    segmenter, backend = engine(GOOD)
    embedding = segmenter.embed(IMAGE, [FACE], "picture")
    mask = segmenter.prompted(embedding, prior(), [], None)
    assert iou(whole(mask), whole(prior())) > 0.85
    assert mask.agreement == pytest.approx(iou(whole(mask), whole(prior())))
    assert backend.calls[-1] == ("decode", 1, True)


@pytest.mark.parametrize(
    ("points", "box"),
    [
        ([], None),
        ([(-1.0, 5.0, 1)], None),
        ([(5.0, 700.0, 1)], None),
        ([(5.0, 5.0, 2)], None),
        ([(float("nan"), 5.0, 1)], None),
        ([(1.0, 1.0, 1)] * 65, None),
        ([], Box(1000, 1000, 10, 10)),
        ([], Box(10, 10, 0, 10)),
        ([], Box(float("nan"), 10, 10, 10)),
    ],
)
def test_bad_prompts_are_named(points: list[tuple[float, float, int]], box: Box | None) -> None:
    segmenter, embedding = look()
    with pytest.raises(InvalidParameter):
        segmenter.prompted(embedding, None, points, box)


def test_a_foreign_embedding() -> None:
    segmenter, _ = engine(GOOD)
    with pytest.raises(TypeError):
        segmenter.masks(FakeEmbedding(WIDTH, HEIGHT), [FACE])


def test_an_empty_answer_is_an_empty_patch_inside_the_picture() -> None:
    segmenter, embedding = look([("nothing", 0.9)])
    mask = segmenter.prompted(embedding, None, [(450.0, 350.0, 1)], None)
    assert mask.patch.bits.shape == (1, 1) and not mask.patch.bits.any()
