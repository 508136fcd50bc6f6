"""MobileSAM on its published weights, which set-up brings: the reference's values, prompts as trained, a face."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from bench.quality.parity_real import GOLDEN, PAIR, Case, cases, compared, loaded
from sam_mask_service.patch import Patch
from sam_mask_service.sam.backend import Sam
from sam_mask_service.sam.prompt import Prompt
from sam_mask_service.segment.mesh import MeshSegmenter
from sam_mask_service.segment.sam import SamSegmenter

from ..support.drawn_face import face, portrait
from ..support.real_weights import mobile_sam

needs_pair = pytest.mark.skipif(
    not (GOLDEN / f"{PAIR}.npz").is_file() or not (GOLDEN.parent / "eval").is_dir(),
    reason="the golden values are not beside this checkout",
)


@cache
def _sam() -> Sam:
    return loaded(mobile_sam(), "f32")


@pytest.fixture
def sam() -> Sam:
    return _sam()


@needs_pair
def test_the_reference_answers_the_same(sam: Sam) -> None:
    reference = np.load(GOLDEN / f"{PAIR}.npz")
    asked: list[Case] = list(cases())[:6]
    embeddings = {number: sam.encode(asked[3 * number].image) for number in (0, 1)}
    for case in asked:
        row = compared(sam, case, embeddings[case.number], reference)
        assert row["embedding"] < 1e-4 and row["iou"] < 1e-3, case.key
        assert row["logits"] < 2e-3, case.key  # stored as float16
        assert row["pixels"] < 1e-5, case.key


def test_prompts_of_any_length_answer_alone_as_together(sam: Sam) -> None:
    image, _ = portrait((300, 260), (130, 150), 120, 160)
    embedding = sam.encode(image)
    spots = np.random.default_rng(5).uniform(300, 800, (11, 2)).astype(np.float32)
    asked = [Prompt(spots[:n], np.ones(n, np.int64)) for n in (1, 2, 5, 11)]
    asked += [Prompt(spots[:n], np.ones(n, np.int64), np.array([250, 200, 800, 900], np.float32)) for n in (0, 3, 10)]
    together, predicted = sam.decode(embedding, asked)
    for prompt, logits, scores in zip(asked, together, predicted, strict=True):
        alone, alone_scores = sam.decode(embedding, [prompt])
        assert np.array_equal(logits, alone[0]) and np.array_equal(scores, alone_scores[0])


@pytest.mark.parametrize("count", [5, 13])
def test_what_fills_a_prompt_up_is_seen_by_nothing(sam: Sam, count: int) -> None:
    """A decoder made for just so many tokens answers the same; 13 go to the larger one."""
    embedding = sam.encode(portrait((300, 260), (130, 150), 120, 160)[0])
    spots = np.random.default_rng(count).uniform(300, 800, (count - 1, 2)).astype(np.float32)
    prompt = Prompt(spots, np.ones(count - 1, np.int64))
    tokens = sam._prompts.tokens(prompt)[None]
    exact = sam._decoders._make(tokens.shape[1])
    source = sam._source(embedding, sam._prompts.no_mask)
    expected = exact.run([source, tokens, np.zeros(tokens.shape[:2], np.float32)])
    logits, scores = sam.decode(embedding, [prompt])
    assert np.abs(logits - expected[0]).max() < 1e-3 * np.abs(expected[0]).max()
    assert np.abs(scores - expected[1]).max() < 1e-4


def test_a_drawn_face_is_outlined_better_than_by_the_mesh_engine_alone(sam: Sam) -> None:
    image, truth = portrait((700, 600), (300, 360), 300, 400)
    found = [face((300, 360), 300, 400)]
    mesh = MeshSegmenter()
    both = SamSegmenter(sam, mesh), mesh
    fits = []
    for engine in both:
        (mask,) = engine.masks(engine.embed(image, found), found, pixels=lambda: image)
        fits.append(mask.patch.iou(Patch(0, 0, truth)))
        assert mask.warnings == ()
    assert fits[0] > 0.97 and fits[0] >= fits[1] - 0.002
