"""Which device is chosen, and what is said where it cannot be had: every wish against every machine."""

from __future__ import annotations

import importlib.util

import pytest

from sam_mask_service.runtime import devices
from sam_mask_service.runtime.devices import Device, DeviceUnavailable, Torch, choose_device, is_device, problem_of

NONE = Torch()
BARE = Torch("2.13.0+cpu", problem="no card")
ONE = Torch("2.13.0", cards=("NVIDIA H100",))
TWO = Torch("2.13.0", cards=("NVIDIA H100", "NVIDIA H200"))
APPLE = Torch("2.13.0", problem="no card", mps=True)


def chosen(wish: str, found: Torch, visible: str | None = None, *, intel: bool = False) -> Device:
    return choose_device(wish, visible, lambda _: found, lambda: intel)


@pytest.mark.parametrize(
    ("wish", "found", "visible", "name", "reason"),
    [
        ("auto", NONE, None, "cpu", "no torch for a GPU (pip install 'sam-mask-api[gpu]')"),
        ("auto", BARE, None, "cpu", "no card"),
        ("auto", ONE, None, "cuda:0", "NVIDIA H100"),
        ("auto", ONE, "", "cpu", "CUDA_VISIBLE_DEVICES hides all cards"),
        ("auto", ONE, "-1", "cpu", "CUDA_VISIBLE_DEVICES hides all cards"),
        ("auto", ONE, "3", "cuda:0", "NVIDIA H100"),
        ("auto", APPLE, None, "cpu", "SAM_DEVICE=mps would use Apple's GPU"),
        ("cpu", ONE, None, "cpu", "SAM_DEVICE=cpu"),
        ("cuda", TWO, None, "cuda:0", "NVIDIA H100"),
        ("cuda:1", TWO, None, "cuda:1", "NVIDIA H200"),
        ("mps", APPLE, None, "mps", "SAM_DEVICE=mps"),
        ("torch-cpu", BARE, None, "torch-cpu", "torch 2.13.0+cpu on the CPU, for tests"),
    ],
)
def test_what_is_chosen(wish: str, found: Torch, visible: str | None, name: str, reason: str) -> None:
    assert chosen(wish, found, visible) == Device(name, reason)


@pytest.mark.parametrize(
    ("wish", "found", "visible", "words"),
    [
        ("cuda", NONE, None, r"needs torch: pip install 'sam-mask-api\[gpu\]'"),
        ("cuda", BARE, None, "no card. SAM_DEVICE=auto or cpu"),
        ("cuda", ONE, "", "CUDA_VISIBLE_DEVICES is empty"),
        ("cuda:2", TWO, None, "no such card; there is cuda:0 NVIDIA H100, cuda:1 NVIDIA H200"),
        ("mps", ONE, None, "no Apple GPU"),
        ("mps", NONE, None, "needs torch"),
        ("torch-cpu", NONE, None, "needs torch"),
        ("intel-gpu", ONE, None, "no Intel GPU"),
    ],
)
def test_what_cannot_be_had_is_said(wish: str, found: Torch, visible: str | None, words: str) -> None:
    with pytest.raises(DeviceUnavailable, match=words):
        chosen(wish, found, visible)


def test_an_intel_gpu_is_openvinos() -> None:
    device = chosen("intel-gpu", NONE, intel=True)
    assert device.name == "intel-gpu" and not device.by_torch
    assert not chosen("cpu", NONE).by_torch and chosen("cuda", ONE).by_torch and chosen("torch-cpu", BARE).by_torch


@pytest.mark.parametrize(
    ("wish", "worker", "name"),
    [
        ("cuda", 0, "cuda:0"),
        ("cuda", 1, "cuda:1"),
        ("auto", 1, "cuda:1"),
        ("cuda", 2, "cuda:0"),
        ("cuda:0", 1, "cuda:0"),
    ],
)
def test_each_worker_has_a_card_of_its_own(wish: str, worker: int, name: str) -> None:
    assert choose_device(wish, None, lambda _: TWO, lambda: False, worker).name == name


def test_a_workers_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(devices.WORKER_NUMBER, raising=False)
    assert devices.worker_number() == 0
    monkeypatch.setenv(devices.WORKER_NUMBER, "3")
    assert devices.worker_number() == 3


def test_torch_is_asked_only_where_it_matters() -> None:
    def never(_: str | None) -> Torch:
        raise AssertionError("torch was imported")

    assert choose_device("cpu", None, never, lambda: False).name == "cpu"
    assert choose_device("auto", "", never, lambda: False).name == "cpu"


@pytest.mark.parametrize("text", ["auto", "cpu", "cuda", "cuda:0", "cuda:12", "mps", "intel-gpu", "torch-cpu"])
def test_names(text: str) -> None:
    assert is_device(text)


@pytest.mark.parametrize("text", ["", "gpu", "CUDA", "cuda:", "cuda:-1", "cuda:1234", "cuda:1 ", "cuda:٣", "rocm"])
def test_no_names(text: str) -> None:
    assert not is_device(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Torch not compiled with CUDA enabled", "torch 2.13.0 is a build without CUDA"),
        ("Found no NVIDIA driver on your system. Please check …", "there is no NVIDIA driver"),
        ("The NVIDIA driver on your system is too old (found version 11040).", "too old for torch 2.13.0"),
        ("No CUDA GPUs are available", "the driver shows no card"),
        ("CUDA error: out of memory", "no free memory"),
        ("CUDA-capable device(s) is/are busy or unavailable", "busy"),
        ("something new", "torch 2.13.0 cannot use a card here"),
    ],
)
def test_why_there_is_no_card_in_our_words(text: str, words: str) -> None:
    assert words in problem_of(text, "2.13.0")


def test_looking_where_torch_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert devices.look("0") == Torch()


def test_openvino_is_asked_for_intels_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    class Core:
        available_devices = ("CPU", "GPU.0")

    monkeypatch.setattr("sam_mask_service.runtime.openvino.core", Core)
    assert devices.intel_gpu()
    monkeypatch.setattr(Core, "available_devices", ("CPU",))
    assert not devices.intel_gpu()
