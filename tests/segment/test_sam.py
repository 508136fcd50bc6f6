"""SAM's answers are evidence for the mesh engine's cut where they mean the face, whatever its network answers."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sam_mask_service.deadline import NO_DEADLINE, Deadline
from sam_mask_service.errors import DeadlinePassed, InvalidParameter, RegionUnavailable
from sam_mask_service.geometry import RGB, Bits, Box, Face, PixelBox
from sam_mask_service.mask import band as mask_band
from sam_mask_service.mask import fill_holes, iou, largest_part
from sam_mask_service.patch import Patch
from sam_mask_service.sam.fake import FakeSam
from sam_mask_service.sam.prompt import INSIDE
from sam_mask_service.segment import candidate_choice
from sam_mask_service.segment import sam_evidence as evidence
from sam_mask_service.segment.crop import paste, upright
from sam_mask_service.segment.cutter import Logits
from sam_mask_service.segment.fake import FakeEmbedding, FakeSegmenter
from sam_mask_service.segment.sam import SamSegmenter
from sam_mask_service.segment.sam_view import SamEmbedding
from sam_mask_service.segment.segmenter import DISAGREED, Detail, Embedding, FaceMask, Pixels
from sam_mask_service.segment.tuning import TUNED
from sam_mask_service.segment.tuning.sam import EVIDENCE, PART

WIDTH, HEIGHT = 900, 700
IMAGE = np.zeros((HEIGHT, WIDTH, 3), np.uint8)


def seen(x: float, y: float, width: float, height: float, confidence: float = 0.9) -> Face:
    """A face with eyes, nose, mouth and ears where a detector sees them."""
    marks = [(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.5, 0.8), (0.02, 0.5), (0.98, 0.5)]
    points = np.array([(x + u * width, y + v * height) for u, v in marks], np.float32)
    return Face(Box(x, y, width, height), confidence, keypoints=points)


FACE = seen(300, 200, 160, 200)
SMALL = seen(80, 60, 20, 26, 0.8)
GOOD = [("face", 0.9)]
DETAILS: tuple[Detail, ...] = ("picture", "face")


@dataclass(slots=True)
class Mesh:
    """The mesh engine's stand-in: an ellipse in the face's box, for ``head`` a larger one; with SAM's logits, what they
    say in a window round the face."""

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
        self,
        embedding: object,
        faces: Sequence[Face],
        region: str = "face",
        deadline: Deadline = NO_DEADLINE,
        pixels: Pixels | None = None,
    ) -> list[FaceMask]:
        self.asked.append(region)
        assert isinstance(embedding, FakeEmbedding)
        grown = [Face(face.box.grown(0.2), face.confidence) for face in faces] if region == "head" else list(faces)
        return self.inner.masks(embedding, grown, region, deadline)

    def expected(self, embedding: Embedding, face: Face) -> Patch:
        return self.inner.expected(embedding, face)

    def drawn(
        self,
        embedding: Embedding,
        faces: Sequence[Face],
        region: str,
        logits: Sequence[Logits] | None,
        deadline: Deadline = NO_DEADLINE,
        pixels: Pixels | None = None,
    ) -> list[FaceMask]:
        masks = self.masks(embedding, faces, region, deadline, pixels)
        return [_by_logits(face, region, mask, one) for face, mask, one in zip(faces, masks, logits or [], strict=True)]


def _by_logits(face: Face, region: str, mask: FaceMask, logits: Logits) -> FaceMask:
    window = upright(np.array(face.box.centre), 3 * face.box.side, np.array([0.0, -1.0]), 256)
    seen = logits(region, window)
    if seen is None:
        return mask
    return replace(mask, patch=paste((seen > 0).astype(np.float32), window, WIDTH, HEIGHT))


def engine(candidates: Sequence[tuple[str, float]], **fake: object) -> tuple[SamSegmenter, FakeSam]:
    backend = FakeSam(candidates=candidates, **fake)  # type: ignore[arg-type]
    return SamSegmenter(backend, Mesh()), backend


def whole(mask: FaceMask, width: int = WIDTH, height: int = HEIGHT) -> Bits:
    return mask.patch.place(width, height)


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


def test_the_cut_is_told_what_sam_sees() -> None:
    (mask,) = run(GOOD)
    assert mask.score == pytest.approx(0.9) and mask.warnings == ()
    assert mask.agreement > 0.8
    assert 0.7 < iou(whole(mask), whole(prior())) < 1


@pytest.mark.parametrize("region", ["face", "head"])
@pytest.mark.parametrize("bad", ["body", "background", "everything", "nothing", "speck", "nan"])
def test_who_does_not_mean_the_face_is_not_believed(bad: str, region: str) -> None:
    (mask,) = run([(bad, 1.0)], region=region)
    proposed = Mesh().masks(FakeEmbedding(WIDTH, HEIGHT), [FACE], region)[0]
    assert mask.warnings == (DISAGREED,)
    assert np.array_equal(whole(mask), whole(proposed))
    assert mask.score == proposed.score
    assert mask.agreement < EVIDENCE.floor


@pytest.mark.parametrize(
    ("region", "names"), [("face", ["nan", "face", "face", "nan"]), ("head", ["nan", "nan", "face", "face"])]
)
def test_two_candidates_are_heard_and_the_others_are_not(region: str, names: list[str]) -> None:
    (mask,) = run([(name, 0.2 * i) for i, name in enumerate(names)], region=region)
    heard = getattr(EVIDENCE, region)
    assert mask.warnings == () and mask.score == pytest.approx(0.2 * np.mean(heard))
    for i in heard:
        (mask,) = run([("nan" if i == n else name, 0.9) for n, name in enumerate(names)], region=region)
        assert mask.warnings == (DISAGREED,)


@pytest.mark.parametrize("part", ["speck", "everything"])
def test_a_candidate_of_something_else_does_not_thin_out_the_other(part: str) -> None:
    alone, beside = (
        run([("nan", 0), ("nan", 0), (name, 0.4), ("face", 0.8)], region="head")[0] for name in ("face", part)
    )
    assert beside.warnings == () and beside.score == pytest.approx(0.8)
    assert np.array_equal(whole(beside), whole(alone))


@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf, 7.0, -3.0])
def test_scores_are_numbers_between_0_and_1(score: float) -> None:
    (mask,) = run([("face", score)])
    assert 0 <= mask.score <= 1 and mask.warnings == ()


@pytest.mark.parametrize(
    ("seen", "low", "high"),
    [
        ("the face", 0.99, 1.0),
        ("face and neck", 0.8, 1.0),
        ("half of the face", 0.4, 0.6),
        ("a body", 0.0, 0.3),
        ("all but the face", 0.0, 0.0),
        ("everything", 0.0, 0.3),
        ("nothing", 0.0, 0.0),
        ("the face with a hole", 0.8, 0.9),
        ("a speck of it", 0.0, 0.05),
        ("the face beside it", 0.0, 0.0),
        ("both faces", 0.4, 0.6),
    ],
)
def test_agreement(seen: str, low: float, high: float) -> None:
    y, x = np.mgrid[:256, :256]
    face = ((x - 128) / 20) ** 2 + ((y - 90) / 26) ** 2 <= 1
    shapes = {
        "the face": face,
        "face and neck": face | ((abs(x - 128) < 12) & (y > 90) & (y < 130)),
        "half of the face": face & (x < 128),
        "a body": face | ((abs(x - 128) < 60) & (y > 120)),
        "all but the face": ~face,
        "everything": np.ones_like(face),
        "nothing": np.zeros_like(face),
        "the face with a hole": face & (np.hypot(x - 128, y - 90) > 9),
        "a speck of it": np.hypot(x - 128, y - 90) < 4,
        "the face beside it": np.roll(face, 70, axis=1),
        "both faces": face | np.roll(face, 70, axis=1),
    }
    found = evidence.agrees(np.where(shapes[seen], 5, -5).astype(np.float32), face.astype(np.float32))
    assert low <= found <= high
    assert evidence.agrees(np.ones((256, 256), np.float32), np.zeros((256, 256), np.float32)) == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.02, 0.9))
def test_any_mask_at_all_is_held(seed: int, density: float) -> None:
    """Whatever bits come: all that is sure stays, nothing impossible gets in, one piece, no holes."""
    bits = np.random.default_rng(seed).random((60, 60)) < density
    y, x = np.mgrid[:60, :60]
    ellipse = ((x - 30) / 16) ** 2 + ((y - 28) / 20) ** 2 <= 1
    found = candidate_choice.held(bits, ellipse)
    size = float(np.sqrt(ellipse.sum()))
    sure, possible = mask_band(ellipse, PART.inner * size, PART.outer * size)
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
    faces = [FACE, SMALL, seen(600, 400, 120, 150, 0.7)]
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
    """One run of the encoder a view; all faces of a view in one call, and nothing is asked twice."""
    segmenter, backend = engine(GOOD)
    embedding = segmenter.embed(IMAGE, [FACE, SMALL], "picture")
    assert [c[0] for c in backend.calls] == ["encode"]
    for _ in range(3):
        segmenter.masks(embedding, [FACE, SMALL])
    segmenter.masks(embedding, [SMALL], "head")
    assert [c for c in backend.calls if c[0] == "decode"] == [("decode", 2, False), ("decode", 1, False)]


def test_faces_are_asked_about_by_points_and_heads_by_a_box_too() -> None:
    segmenter, backend = engine(GOOD)
    embedding = segmenter.embed(IMAGE, [FACE], "picture")
    for region in ("face", "head"):
        segmenter.masks(embedding, [FACE], region)
    face, head = backend.prompts
    assert face.box is None and (face.labels == INSIDE).any()
    assert head.box is not None and (head.labels == INSIDE).any()


def test_a_face_whose_points_lie_outside_the_view_is_asked_about_by_its_box() -> None:
    marks = np.full((6, 2), 20.0, np.float32)
    face = replace(FACE, keypoints=marks)
    segmenter, backend = engine(GOOD)
    embedding = segmenter.embed(IMAGE, [face], "picture")
    view = replace(embedding.views[0], box=PixelBox(290, 190, 40, 40))
    off = replace(Mesh().expected(embedding.mesh, face), x=500)
    evidence.asked(backend, [evidence.OutlineQuestion(face, "face", off, view)], NO_DEADLINE)
    assert backend.prompts[-1].box is not None and len(backend.prompts[-1].points) == 0


def test_a_face_too_small_for_sams_grid_is_left_to_the_mesh_engine() -> None:
    tiny = Face(Box(80, 60, 12, 14), 0.8)
    segmenter, backend = engine(GOOD)
    (mask,) = segmenter.masks(segmenter.embed(IMAGE, [tiny], "picture"), [tiny])
    assert mask == prior(tiny) or np.array_equal(whole(mask), whole(prior(tiny)))
    assert mask.warnings == () and not [c for c in backend.calls if c[0] == "decode"]


def test_a_second_look_only_at_a_few_half_agreed_parts() -> None:
    faces = [Face(Box(60 + 110 * i, 300, 80, 100), 0.9) for i in range(7)]
    segmenter, backend = engine([("larger", 0.9), ("body", 0.9)])
    embedding = segmenter.embed(IMAGE, faces, "picture")
    for i, limit in enumerate((0.99, PART.floor)):
        segmenter.tuning = replace(TUNED, part=replace(PART, floor=limit))
        segmenter.masks(embedding, faces, "lips")
        asked = [c for c in backend.calls if c[0] == "decode"]
        assert asked[0] == ("decode", 7, False)
        assert all(c[2] and c[1] <= PART.second_looks for c in asked[1:] if c[1] != 7)
        assert (len(asked) > 1) == (i == 0) or i
        backend.calls.clear()


def test_no_faces() -> None:
    segmenter, _ = engine(GOOD)
    embedding = segmenter.embed(IMAGE, [], "auto")
    assert embedding.detail == "picture" and segmenter.masks(embedding, []) == []


def test_nbytes_counts_the_arrays() -> None:
    segmenter, _ = engine(GOOD)
    embedding = segmenter.embed(IMAGE, [FACE], "picture")
    arrays = sum(v.embedding.nbytes for v in embedding.views)
    answers = 2 * 256 * 256 * 4  # what SAM may yet say of the face and the head
    assert embedding.nbytes == arrays + answers + embedding.mesh.nbytes
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
        assert mask.patch.box.clipped(WIDTH, HEIGHT) == mask.patch.box
        assert mask.patch.area


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
