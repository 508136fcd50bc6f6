"""The graphs on tiny drawn networks: shapes, batches, prompts, threads, precisions; and parity where golden values are at hand."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.parity import best, drawn_state
from sam_mask_service.deadline import NO_DEADLINE, Deadline
from sam_mask_service.errors import DeadlinePassed
from sam_mask_service.sam.config import Architecture
from sam_mask_service.sam.frame import to_input
from sam_mask_service.sam.load import load_sam
from sam_mask_service.sam.machine import EXACT, Arithmetic
from sam_mask_service.sam.runtime import OpenVinoSam

from ..support import torchzip
from ..support.drawn_sam import TINYVIT, VIT, draw
from ..support.numpy_sam import encode_tinyvit, encode_vit
from .test_architecture import GOLDEN, needs_golden

BOXES = np.array([[10, 20, 70, 90], [30, 5, 100, 60], [0, 0, 128, 128], [50, 50, 60, 61], [1, 2, 3, 4]], np.float32)
POINTS = np.arange(30, dtype=np.float32).reshape(5, 3, 2) * 4
LABELS = np.array([[1, 0, -1]] * 5)
IMAGE = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)
SAMS: dict[str, OpenVinoSam] = {}


def sam(architecture: Architecture, arithmetic: Arithmetic = EXACT) -> OpenVinoSam:
    key = f"{architecture.name}-{arithmetic.precision}"
    if key not in SAMS:
        SAMS[key] = OpenVinoSam(draw(architecture), architecture, arithmetic, 1)
    return SAMS[key]


@pytest.mark.parametrize("architecture", [VIT, TINYVIT], ids=["vit", "tinyvit"])
def test_shapes(architecture: Architecture) -> None:
    network = sam(architecture)
    embedding = network.encode(IMAGE)
    assert embedding.shape == (1, 32, 8, 8) and embedding.dtype == np.float32
    logits, iou = network.decode(embedding, boxes=BOXES, points=POINTS, labels=LABELS)
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
    """Five at once are five times one: chunks, broadcasting and batch sizes change nothing."""
    network = sam(VIT)
    embedding = network.encode(IMAGE)
    prior = np.random.default_rng(1).standard_normal((5, 1, 32, 32)).astype(np.float32)
    for mask_prior in (None, prior):
        together, iou = network.decode(embedding, boxes=BOXES, points=POINTS, labels=LABELS, mask_prior=mask_prior)
        for i in range(5):
            part = slice(i, i + 1)
            alone, _ = network.decode(
                embedding,
                boxes=BOXES[part],
                points=POINTS[part],
                labels=LABELS[part],
                mask_prior=None if mask_prior is None else mask_prior[part],
            )
            assert np.allclose(together[i], alone[0], atol=1e-4)
        assert iou.shape == (5, 4)


def test_every_kind_of_prompt_counts() -> None:
    network = sam(VIT)
    embedding = network.encode(IMAGE)
    asked = [
        network.decode(embedding, boxes=BOXES[:1])[0],
        network.decode(embedding, points=POINTS[:1], labels=LABELS[:1])[0],
        network.decode(embedding, points=POINTS[:1], labels=1 - LABELS[:1].clip(0, 1))[0],
        network.decode(embedding, boxes=BOXES[:1], points=POINTS[:1], labels=LABELS[:1])[0],
        network.decode(embedding, boxes=BOXES[:1], mask_prior=np.ones((1, 1, 32, 32)))[0],
        network.decode(embedding, boxes=BOXES[:1], mask_prior=np.zeros((1, 1, 32, 32)))[0],
    ]
    for i, one in enumerate(asked):
        assert all(not np.allclose(one, other, atol=1e-3) for other in asked[i + 1 :])
    with pytest.raises(ValueError, match="points or a box"):
        network.decode(embedding)


def test_no_point_is_no_place() -> None:
    """A point marked −1 says the same wherever it lies."""
    network = sam(VIT)
    embedding = network.encode(IMAGE)
    moved = POINTS[:1].copy()
    moved[0, 2] = (99, 1)
    a, b = (network.decode(embedding, boxes=BOXES[:1], points=p, labels=LABELS[:1])[0] for p in (POINTS[:1], moved))
    assert np.array_equal(a, b)


@pytest.mark.parametrize("count", [1, 3, 9, 12, 40, 70])
def test_what_fills_a_prompt_up_changes_nothing(count: int) -> None:
    """A decoder made for just so many tokens answers the same."""
    network = sam(VIT)
    embedding = network.encode(IMAGE)
    points = np.random.default_rng(count).uniform(0, 128, (1, count, 2)).astype(np.float32)
    labels = np.arange(count)[None] % 2
    logits, iou = network.decode(embedding, points=points, labels=labels, boxes=BOXES[:1])
    prompt = network._prompts.tokens(points, labels, BOXES[:1])
    made = network._decoders._make(count + 2)
    source = network._source(embedding, network._prompts.no_mask)
    expected = made([source, prompt, np.zeros((1, count + 2), np.float32)], NO_DEADLINE)
    assert np.allclose(logits, expected[0], atol=1e-4) and np.allclose(iou, expected[1], atol=1e-4)


def test_more_prompts_than_any_decoder_takes() -> None:
    network = sam(VIT)
    with pytest.raises(ValueError, match="74 tokens; at most 72"):
        network.decode(network.encode(IMAGE), points=np.zeros((1, 72, 2)), labels=np.ones((1, 72)), boxes=BOXES[:1])


@pytest.mark.parametrize("architecture", [VIT, TINYVIT], ids=["vit", "tinyvit"])
@pytest.mark.parametrize(("precision", "limit"), [("bf16", 0.05), ("int8", 0.1)])
def test_lower_precision_stays_near(architecture: Architecture, precision: str, limit: float) -> None:
    exact = sam(architecture).encode(IMAGE)
    rough = sam(architecture, Arithmetic(precision, "f32" if precision == "int8" else "bf16")).encode(IMAGE)  # type: ignore[arg-type]
    assert np.linalg.norm(rough - exact) < limit * np.linalg.norm(exact)


def test_a_decoder_in_lower_precision_stays_near() -> None:
    embedding = sam(VIT).encode(IMAGE)
    exact, rough = (
        network.decode(embedding, boxes=BOXES, points=POINTS, labels=LABELS)
        for network in (sam(VIT), sam(VIT, Arithmetic("bf16", "bf16")))
    )
    for a, b in zip(exact, rough, strict=True):
        assert 0 < np.linalg.norm(a - b) < 0.05 * np.linalg.norm(a)


def test_threads_do_not_mix_results() -> None:
    network = sam(VIT)
    pictures = [np.full((128, 128, 3), shade, np.uint8) for shade in (0, 90, 250)]
    alone = [network.encode(p) for p in pictures]
    masks = [network.decode(e, boxes=BOXES[:2])[0] for e in alone]

    def work(i: int) -> bool:
        embedding = network.encode(pictures[i % 3])
        logits, _ = network.decode(embedding, boxes=BOXES[:2])
        return np.array_equal(embedding, alone[i % 3]) and np.array_equal(logits, masks[i % 3])

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(24)))


def test_waiting_for_a_turn_ends_at_the_deadline() -> None:
    network = sam(VIT)
    lock: threading.Lock = network._encoder._lock
    with lock, pytest.raises(DeadlinePassed):
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
