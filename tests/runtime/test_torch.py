"""torch as a runtime, on its CPU device (``make test-gpu``; skipped where torch is not installed)."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch")

from sam_mask_service.errors import DeviceFull, DeviceLost  # noqa: E402
from sam_mask_service.runtime import devices, ops, torch_card, torch_ops  # noqa: E402
from sam_mask_service.runtime.machine import ArithmeticUnavailable  # noqa: E402
from sam_mask_service.runtime.openvino_ops import OPERATIONS  # noqa: E402
from sam_mask_service.runtime.torch_card import Card  # noqa: E402
from sam_mask_service.runtime.torch_network import TorchNetwork  # noqa: E402
from sam_mask_service.sam.architectures import family_of  # noqa: E402
from sam_mask_service.sam.frame import DEVIATION, MEAN, Frame, to_input  # noqa: E402

from ..support.drawn_sam import VIT, draw  # noqa: E402


@pytest.fixture
def card() -> Card:
    return Card("torch-cpu", 1)


def test_torch_has_every_operation_that_openvino_has() -> None:
    inside = {"picture", "constant", "quantized_constant", "attention_by_places"}
    assert set(torch_ops.OPERATIONS) == set(OPERATIONS) - inside


@pytest.mark.parametrize("form", torch_ops.FORMS)
@pytest.mark.parametrize("apart", [True, False])
def test_every_form_of_attention_is_the_textbooks(form: str, apart: bool) -> None:
    rng, side, depth = np.random.default_rng(0), 3, 5
    q, k, v = (rng.standard_normal((2, 4, side * side, depth)).astype(np.float32) for _ in range(3))
    rows, columns = (rng.standard_normal((2, 4, side * side, side)).astype(np.float32) for _ in range(2))
    scores = q @ k.swapaxes(2, 3)
    for key in range(side * side):
        scores[..., key] += rows[..., key // side] + columns[..., key % side]
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    names = [ops.picture(2, name=n) for n in "qkvrc"]
    node = ops.attention_by_places(*names, heads=4, side=side, apart=apart)
    found = torch_ops.function_of(node, form)(*(torch.from_numpy(x) for x in (q, k, v, rows, columns)))
    assert np.allclose(found, weights @ v, atol=1e-5)


def test_tensors_are_let_go_of_where_nothing_reads_them_any_more() -> None:
    x = ops.picture(1, 2, name="x")
    a = ops.relu(x)
    b = ops.add(a, x)
    c = ops.multiply(b, b)
    network = TorchNetwork(ops.model([c, a], [x], "few"), "cpu", torch.float32, "apart")
    assert [len(step.spent) for step in network._steps] == [0, 0, 1]
    assert [out.tolist() for out in network(torch.tensor([[-1.0, 2.0]]))] == [[[1.0, 16.0]], [[0.0, 2.0]]]


@pytest.mark.parametrize(("precision", "limit"), [("bf16", 0.05), ("f16", 0.01)])
def test_lower_precision_stays_near(card: Card, precision: Any, limit: float) -> None:
    state, family = draw(VIT), family_of(VIT)
    image = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    x = torch.from_numpy(family.input(image, VIT))
    exact, rough = (card.network(family.build(state, VIT, family.own(VIT), False), p)(x)[0] for p in ("f32", precision))
    assert rough.dtype == torch.float32
    assert 0 < float(torch.linalg.norm(rough - exact)) < limit * float(torch.linalg.norm(exact))


@pytest.mark.parametrize("shape", [(128, 128), (96, 128), (301, 517), (40, 30), (1000, 600), (7, 900), (1, 1)])
@pytest.mark.parametrize("side", [128, 1000])
def test_pictures_are_scaled_as_pillow_scales(shape: tuple[int, int], side: int, card: Card) -> None:
    image = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    size = Frame(shape[1], shape[0], side).scaled
    found = card.array(card.picture(image, size, side, MEAN, DEVIATION))
    assert np.allclose(found, to_input(image, side), atol=1e-5)


def test_memory_and_loss_are_told_apart(card: Card) -> None:
    for full in (torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED")):
        with pytest.raises(DeviceFull), card.guarded():
            raise full
    with pytest.raises(RuntimeError, match="shapes"), card.guarded():
        raise RuntimeError("shapes do not fit")
    assert card.lost is None
    with pytest.raises(DeviceLost), card.guarded():
        raise RuntimeError("CUDA error: an illegal memory access was encountered")
    assert card.lost == "torch-cpu does not answer any more"
    with pytest.raises(DeviceLost):
        card.tensor(np.zeros(1))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("CUDA error: CUDA-capable device(s) is/are busy or unavailable", "SAM_DEVICE=cuda:7: the card is busy"),
        ("CUDA error: out of memory", "SAM_DEVICE=cuda:7: the card has no free memory"),
        ("CUDA error: no kernel image is available for execution", "SAM_DEVICE=cuda:7: torch .* has no code for this"),
    ],
)
def test_a_card_that_is_seen_and_cannot_be_had(error: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def stream(_: Any) -> None:
        raise RuntimeError(error)

    monkeypatch.setattr(torch.cuda, "Stream", stream)
    with pytest.raises(devices.DeviceUnavailable, match=words):
        torch_card.card_of("cuda:7", 1)


@pytest.mark.parametrize(("wish", "found"), [("auto", "f32"), ("f32", "f32"), ("bf16", "bf16"), ("f16", "f16")])
def test_precisions(wish: str, found: str, card: Card) -> None:
    assert card.precision(wish) == found


def test_int8_is_for_cpus(card: Card) -> None:
    with pytest.raises(ArithmeticUnavailable, match="int8 is for CPUs"):
        card.precision("int8")


def test_an_old_card_multiplies_in_f16(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    card.cuda = True
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (7, 5))
    assert card.precision("auto") == "f16"
    with pytest.raises(ArithmeticUnavailable, match="no bf16"):
        card.precision("bf16")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    assert card.precision("auto") == "bf16"


def test_what_torch_sees_here() -> None:
    found = devices.look(None)
    assert found.version == torch.__version__
    assert bool(found.cards) != bool(found.problem)


def test_a_driver_that_is_too_old_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def init() -> None:
        raise RuntimeError("The NVIDIA driver on your system is too old (found version 11040).")

    monkeypatch.setattr(torch.cuda, "init", init)
    found = torch_card.seen()
    assert not found.cards and "too old for torch" in found.problem


def test_visible_cards_of_dotenv_reach_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch_card, "seen", lambda: devices.Torch("x"))
    devices.look("1")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "1"
