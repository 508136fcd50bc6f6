"""SAM on a card, on the CPU: the same answers as OpenVINO's, batches unmixed, faults said. On a card of arrays, and
where torch is installed (``make test-gpu``) on torch's own CPU device too.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sam_mask_service.deadline import Deadline
from sam_mask_service.errors import DeadlinePassed, DeviceFull, DeviceLost
from sam_mask_service.runtime.devices import Device, DeviceUnavailable
from sam_mask_service.runtime.machine import EXACT, ArithmeticUnavailable
from sam_mask_service.sam.backend import Sam
from sam_mask_service.sam.card import Card, CardSam
from sam_mask_service.sam.config import Architecture
from sam_mask_service.sam.load import load_sam, load_sam_on
from sam_mask_service.sam.prompt import Prompt

from ..support import torchzip
from ..support.array_card import ArrayCard
from ..support.drawn_sam import EFFICIENTVIT, TINYVIT, VIT, draw

ALL = pytest.mark.parametrize("architecture", [VIT, TINYVIT, EFFICIENTVIT], ids=["vit", "tinyvit", "efficientvit"])
RNG = np.random.default_rng(3)
PICTURES = [RNG.integers(0, 256, (96 + 8 * i, 128, 3), dtype=np.uint8) for i in range(4)]
LARGE = RNG.integers(0, 256, (301, 517, 3), dtype=np.uint8)
BOXES = [Prompt(box=np.array([5 * i, 3 * i, 60 + i, 90 - i], np.float32)) for i in range(4)]
POINTS = Prompt(np.array([[20, 30], [60, 70]], np.float32), np.array([1, 0]))


@pytest.fixture(params=["arrays", "torch"])
def card(request: pytest.FixtureRequest) -> Card:
    if request.param == "arrays":
        return ArrayCard()
    pytest.importorskip("torch")
    from sam_mask_service.runtime.torch_card import Card as TorchCard

    return TorchCard("torch-cpu", 1)


def near(one: Any, other: Any) -> bool:
    return bool(np.linalg.norm(one - other) <= 2e-5 * np.linalg.norm(other))


def features(sam: CardSam, image: Any) -> Any:
    return sam.embedding(sam.encode(image))


@ALL
def test_a_picture_is_seen_as_openvino_sees_it(architecture: Architecture, card: Card) -> None:
    state = draw(architecture)
    sam, plain = CardSam(state, architecture, "f32", card), Sam(state, architecture, EXACT, 1)
    for image in (*PICTURES[:2], LARGE):
        assert near(features(sam, image), plain.encode(image))
    assert sam.encode(LARGE).nbytes == plain.encode(LARGE).nbytes
    assert (sam.name, sam.image_size, sam.precision, sam.lost) == (plain.name, plain.image_size, "f32", None)


@ALL
def test_prompts_are_answered_together_as_openvino_answers_each(architecture: Architecture, card: Card) -> None:
    state = draw(architecture)
    sam, plain = CardSam(state, architecture, "f32", card), Sam(state, architecture, EXACT, 1)
    mask = RNG.standard_normal((32, 32)).astype(np.float32)
    for asked in (BOXES[:1], [*BOXES, POINTS], [BOXES[0], replace(POINTS, mask=mask), replace(BOXES[2], mask=mask)]):
        logits, iou = sam.decode(sam.encode(PICTURES[0]), asked)
        expected, expected_iou = plain.decode(plain.encode(PICTURES[0]), asked)
        assert near(logits, expected) and near(iou, expected_iou)
    many = Prompt(RNG.uniform(0, 128, (40, 2)).astype(np.float32), np.arange(40) % 2)
    assert near(sam.decode(sam.encode(PICTURES[0]), [many])[0], plain.decode(plain.encode(PICTURES[0]), [many])[0])


@ALL
def test_a_batch_answers_each_picture_as_it_would_alone(architecture: Architecture, card: Card) -> None:
    sam = CardSam(draw(architecture), architecture, "f32", card)
    alone = [features(sam, image) for image in PICTURES]
    together = sam._encode([sam._taken(image) for image in PICTURES])
    assert all(near(card.array(one.tensor), other) for one, other in zip(together, alone, strict=True))


def test_many_at_once_do_not_mix(card: Card) -> None:
    sam = CardSam(draw(VIT), VIT, "f32", card, largest=4)
    alone = [features(sam, image) for image in PICTURES]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: features(sam, PICTURES[i % 4]), range(32)))
    assert all(near(one, alone[i % 4]) for i, one in enumerate(found))
    assert sum(size * count for size, count in sam.batches.sizes.items()) == 36


def test_memory_that_suffices_for_fewer() -> None:
    card = ArrayCard()
    sam = CardSam(draw(VIT), VIT, "f32", card)
    card.fits, card.ran = 1, []
    assert sam.batches.largest == 8
    jobs = [sam._taken(image) for image in PICTURES]
    with pytest.raises(DeviceFull):
        sam._encode(jobs)
    card.fits = 0
    with pytest.raises(DeviceFull, match="no memory left"):
        sam.encode(PICTURES[0])
    card.fits = 64
    assert sam.encode(PICTURES[0]).nbytes == 4 * 32 * 8 * 8


def test_a_card_that_is_lost_is_said_from_then_on() -> None:
    card = ArrayCard()
    sam = CardSam(draw(VIT), VIT, "f32", card)
    seen = sam.encode(PICTURES[0])
    card.lost = "cuda:0 does not answer any more"
    with pytest.raises(DeviceLost):
        sam.encode(PICTURES[1])
    with pytest.raises(DeviceLost):
        sam.decode(seen, BOXES)
    assert sam.lost == card.lost


def test_a_deadline_is_heeded(card: Card) -> None:
    sam = CardSam(draw(VIT), VIT, "f32", card)
    with pytest.raises(DeadlinePassed):
        sam.encode(PICTURES[0], Deadline.after(-1))
    with pytest.raises(DeadlinePassed):
        sam.decode(sam.encode(PICTURES[0]), BOXES, Deadline.after(-1))


def test_features_of_another_backend_are_refused(card: Card) -> None:
    sam = CardSam(draw(VIT), VIT, "f32", card)
    with pytest.raises(TypeError, match="another backend"):
        sam.decode(np.zeros((1, 32, 8, 8), np.float32), BOXES)
    with pytest.raises(ValueError, match="at most 72"):
        sam.decode(sam.encode(PICTURES[0]), [Prompt(np.zeros((72, 2), np.float32), np.ones(72, np.int64))])


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Any]:
    with torchzip.write(tmp_path / "sam.pth", draw(VIT)).open("rb") as opened:
        yield opened


def test_from_a_file_onto_the_card(file: Any) -> None:
    pytest.importorskip("torch")
    sam = load_sam_on(Device("torch-cpu"), file, threads=1)
    assert (sam.device, sam.precision, sam.name) == ("torch-cpu", "f32", "vit")
    with pytest.raises(ArithmeticUnavailable, match="int8 is for CPUs"):
        load_sam_on(Device("torch-cpu"), file, precision="int8", threads=1)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("CUDA out of memory", "not enough free memory for vit"),
        ("CUDA error: no kernel image is available", "has no code for this card"),
        ("CUDA error: unspecified launch failure", "cannot use a card here"),
    ],
)
def test_a_card_that_cannot_take_the_network(
    error: str, words: str, file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    from sam_mask_service.runtime import torch_card

    def faulty(*_: Any) -> None:
        raise RuntimeError(error)

    monkeypatch.setattr(torch_card, "TorchNetwork", faulty)
    monkeypatch.setattr(torch_card, "_card", torch_card.Card)  # one of its own: what is lost stays lost
    with pytest.raises(DeviceUnavailable, match=words):
        load_sam_on(Device("torch-cpu"), file, threads=1)


def test_f16_is_for_gpus_and_not_for_every_network(file: Any, tmp_path: Path) -> None:
    with pytest.raises(ArithmeticUnavailable, match="f16 is for GPUs"):
        load_sam(file, precision="f16", threads=1)
    pytest.importorskip("torch")
    path = torchzip.write(tmp_path / "l0.pth", draw(EFFICIENTVIT))
    with path.open("rb") as other, pytest.raises(ArithmeticUnavailable, match="range of f16"):
        load_sam_on(Device("torch-cpu"), other, precision="f16", threads=1, image_size=128)
