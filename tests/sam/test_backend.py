"""The graphs on tiny drawn networks: shapes, batches, prompts, threads, precisions; and parity where golden values are
at hand.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.quality.parity import best, drawn_state
from sam_mask_service.deadline import NO_DEADLINE, Deadline
from sam_mask_service.errors import DeadlinePassed
from sam_mask_service.runtime.machine import EXACT, Arithmetic
from sam_mask_service.runtime.openvino import OpenVinoSession
from sam_mask_service.sam.backend import Sam
from sam_mask_service.sam.config import Architecture
from sam_mask_service.sam.frame import to_input
from sam_mask_service.sam.load import load_sam
from sam_mask_service.sam.prompt import Prompt

from ..support import torchzip
from ..support.drawn_sam import EFFICIENTVIT, TINYVIT, VIT, draw
from ..support.numpy_sam import encode_tinyvit, encode_vit
from .test_architecture import GOLDEN, needs_golden

BOXES = np.array([[10, 20, 70, 90], [30, 5, 100, 60], [0, 0, 128, 128], [50, 50, 60, 61], [1, 2, 3, 4]], np.float32)
POINTS = np.arange(30, dtype=np.float32).reshape(5, 3, 2) * 4
LABELS = np.array([1, 0, 1])
PROMPTS = [Prompt(points, LABELS, box) for points, box in zip(POINTS, BOXES, strict=True)]
BOXED = [Prompt(box=box) for box in BOXES]
IMAGE = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)
SAMS: dict[str, Sam] = {}


def sam(architecture: Architecture, arithmetic: Arithmetic = EXACT) -> Sam:
    key = f"{architecture.name}-{arithmetic.precision}"
    if key not in SAMS:
        SAMS[key] = Sam(draw(architecture), architecture, arithmetic, 1)
    return SAMS[key]


@pytest.mark.parametrize("architecture", [VIT, TINYVIT, EFFICIENTVIT], ids=["vit", "tinyvit", "efficientvit"])
def test_shapes(architecture: Architecture) -> None:
    network = sam(architecture)
    embedding = network.encode(IMAGE)
    assert embedding.shape == (1, 32, 8, 8) and embedding.dtype == np.float32
    logits, iou = network.decode(embedding, PROMPTS)
    assert logits.shape == (5, 4, 32, 32) and iou.shape == (5, 4)
    assert np.isfinite(logits).all() and np.isfinite(iou).all()


@pytest.mark.parametrize(
    ("architecture", "reference"), [(VIT, encode_vit), (TINYVIT, encode_tinyvit)], ids=["vit", "tinyvit"]
)
def test_encoders_equal_plain_numpy(architecture: Architecture, reference: Callable[..., NDArray[np.float64]]) -> None:
    picture = to_input(IMAGE, architecture.image_size)[0].astype(np.float64)
    expected = reference(draw(architecture), architecture, picture)
    found = sam(architecture).encode(IMAGE)[0]
    assert np.linalg.norm(found - expected) < 1e-5 * np.linalg.norm(expected)


def test_prompts_are_independent_of_their_batch() -> None:
    """Prompts of all kinds and lengths at once answer what each answers alone, bit for bit."""
    network = sam(VIT)
    embedding = network.encode(IMAGE)
    mask = np.random.default_rng(1).standard_normal((32, 32)).astype(np.float32)
    few = [Prompt(points[:n], LABELS[:n]) for n, points in enumerate(POINTS[:3], 1)]
    asked = [*PROMPTS, *BOXED[:2], *few, replace(PROMPTS[0], mask=mask), replace(BOXED[0], mask=mask)]
    logits, iou = network.decode(embedding, asked)
    for prompt, one, predicted in zip(asked, logits, iou, strict=True):
        alone, alone_iou = network.decode(embedding, [prompt])
        assert np.array_equal(one, alone[0]) and np.array_equal(predicted, alone_iou[0])


def test_every_kind_of_prompt_counts() -> None:
    network = sam(VIT)
    embedding = network.encode(IMAGE)
    points = POINTS[0]
    kinds = [
        BOXED[0],
        Prompt(points, LABELS),
        Prompt(points, 1 - LABELS),
        PROMPTS[0],
        replace(BOXED[0], mask=np.ones((32, 32), np.float32)),
        replace(BOXED[0], mask=np.zeros((32, 32), np.float32)),
    ]
    asked = [network.decode(embedding, [kind])[0] for kind in kinds]
    for i, one in enumerate(asked):
        assert all(not np.allclose(one, other, atol=1e-3) for other in asked[i + 1 :])
    with pytest.raises(ValueError, match="points or a box"):
        network.decode(embedding, [Prompt()])


@pytest.mark.parametrize(
    ("points", "boxed", "tokens"), [(0, True, 2), (1, False, 2), (1, True, 3), (5, False, 6), (10, True, 12)]
)
def test_a_prompt_has_just_the_tokens_that_the_network_was_trained_with(points: int, boxed: bool, tokens: int) -> None:
    """One a point, two a box; one "not a point" behind points without a box, and never another."""
    prompt = Prompt(np.ones((points, 2), np.float32), np.ones(points, np.int64), BOXES[0] if boxed else None)
    found = sam(VIT)._prompts.tokens(prompt)
    assert found.shape == (tokens, 32)
    no_point = draw(VIT)["prompt_encoder.not_a_point_embed.weight"][0]
    assert sum(np.allclose(token, no_point) for token in found) == (not boxed)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7, 9, 10, 11, 12, 40, 70])
def test_what_fills_a_prompt_up_changes_nothing(count: int) -> None:
    """A decoder made for just so many tokens answers the same."""
    network = sam(VIT)
    embedding = network.encode(IMAGE)
    points = np.random.default_rng(count).uniform(0, 128, (count, 2)).astype(np.float32)
    prompt = Prompt(points, np.arange(count) % 2, BOXES[0])
    logits, iou = network.decode(embedding, [prompt])
    tokens = network._prompts.tokens(prompt)[None]
    made = network._decoders._make(count + 2)
    source = network._source(embedding, network._prompts.no_mask)
    expected = made.run([source, tokens, np.zeros((1, count + 2), np.float32)])
    assert np.allclose(logits, expected[0], atol=1e-4) and np.allclose(iou, expected[1], atol=1e-4)


def test_more_prompts_than_any_decoder_takes() -> None:
    network = sam(VIT)
    with pytest.raises(ValueError, match="74 tokens; at most 72"):
        network.decode(network.encode(IMAGE), [Prompt(np.zeros((72, 2), np.float32), np.ones(72, np.int64), BOXES[0])])


@pytest.mark.parametrize("architecture", [VIT, TINYVIT], ids=["vit", "tinyvit"])
@pytest.mark.parametrize(("precision", "limit"), [("bf16", 0.05), ("int8", 0.1)])
def test_lower_precision_stays_near(architecture: Architecture, precision: str, limit: float) -> None:
    exact = sam(architecture).encode(IMAGE)
    rough = sam(architecture, Arithmetic(precision, "f32" if precision == "int8" else "bf16")).encode(IMAGE)  # type: ignore[arg-type]
    assert np.linalg.norm(rough - exact) < limit * np.linalg.norm(exact)


def test_a_decoder_in_lower_precision_stays_near() -> None:
    """(On a processor without bfloat16 both are computed alike.)"""
    embedding = sam(VIT).encode(IMAGE)
    exact, rough = (network.decode(embedding, PROMPTS) for network in (sam(VIT), sam(VIT, Arithmetic("bf16", "bf16"))))
    for a, b in zip(exact, rough, strict=True):
        assert np.linalg.norm(a - b) < 0.05 * np.linalg.norm(a)


def test_threads_do_not_mix_results() -> None:
    network = sam(VIT)
    pictures = [np.full((128, 128, 3), shade, np.uint8) for shade in (0, 90, 250)]
    alone = [network.encode(p) for p in pictures]
    masks = [network.decode(e, BOXED[:2])[0] for e in alone]

    def work(i: int) -> bool:
        embedding = network.encode(pictures[i % 3])
        logits, _ = network.decode(embedding, BOXED[:2])
        return np.array_equal(embedding, alone[i % 3]) and np.array_equal(logits, masks[i % 3])

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(24)))


def test_waiting_for_a_turn_ends_at_the_deadline() -> None:
    network = sam(VIT)
    assert isinstance(network._encoder, OpenVinoSession)
    with network._encoder._turn(NO_DEADLINE), pytest.raises(DeadlinePassed):
        network.encode(IMAGE, Deadline.after(0.02))
    assert network.encode(IMAGE, Deadline.after(30)).shape == (1, 32, 8, 8)


def test_load_from_a_file(tmp_path: Path) -> None:
    path = torchzip.write(tmp_path / "sam.pth", draw(VIT))
    with path.open("rb") as file:
        network = load_sam(file, precision="f32", threads=1)
    assert (network.name, network.image_size, network.precision, network.device) == ("vit", 128, "f32", "cpu")
    assert np.allclose(network.encode(IMAGE), sam(VIT).encode(IMAGE), atol=1e-5)


TOLERANCE = {"f32": (1e-5, 1e-4), "bf16": (2e-2, 1e-2)}


@needs_golden
@pytest.mark.parametrize("name", ["tiny", "tiny-odd"])
@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_parity_with_the_reference(name: str, precision: str) -> None:
    """Tolerances of the golden values' own README."""
    config = GOLDEN / f"{name}.json"
    line = best(config, drawn_state(GOLDEN, config), precision)  # type: ignore[arg-type]
    numbers, pixels = TOLERANCE[precision]
    assert line["name"] == name and line["precision"] == precision
    assert max(line[key] for key in ("embedding", "logits", "iou", "logits_with_prior")) <= numbers
    assert line["mask_disagreement"] <= pixels
