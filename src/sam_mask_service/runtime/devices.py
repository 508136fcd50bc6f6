"""Where SAM computes: what was wished for, held against what is here. Pure but for ``look``, which asks torch."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Callable
from dataclasses import dataclass

PLAIN = ("auto", "cpu", "cuda", "mps", "intel-gpu", "torch-cpu")
_NUMBERED = re.compile(r"cuda:[0-9]{1,3}", re.ASCII)
WORKER_NUMBER = "_SAM_MASK_WORKER"
"""In a worker's environment: its number among its siblings, from 0."""
INSTALL = "pip install 'sam-mask-api[gpu]'"


class DeviceUnavailable(Exception):
    """What was asked for cannot be had. The text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Torch:
    """What torch sees. ``version``: None where torch is not installed. ``cards``: the names of the CUDA cards; none:
    ``problem`` says why. ``mps``: Apple's."""

    version: str | None = None
    problem: str = ""
    cards: tuple[str, ...] = ()
    mps: bool = False


@dataclass(frozen=True, slots=True)
class Device:
    """``name``: as ``/health`` calls it: ``cpu``, ``cuda:0``, ``mps``, ``intel-gpu``, ``torch-cpu``. ``reason``: why
    ``auto`` chose it. ``by_torch``: torch runs it, else OpenVINO."""

    name: str
    reason: str | None = None

    @property
    def by_torch(self) -> bool:
        return self.name not in ("cpu", "intel-gpu")


def is_device(text: str) -> bool:
    return text in PLAIN or _NUMBERED.fullmatch(text) is not None


def choose_device(
    wish: str, visible: str | None, look: Callable[[str | None], Torch], intel: Callable[[], bool], worker: int = 0
) -> Device:
    """``wish``: SAM_DEVICE. ``visible``: CUDA_VISIBLE_DEVICES as it is written, None where it is not; empty hides all
    cards. ``worker``: number of this process among several; ``auto`` and ``cuda`` deal the cards out by it. Raises
    DeviceUnavailable."""
    if wish == "cpu":
        return Device("cpu", "SAM_DEVICE=cpu")
    if wish == "intel-gpu":
        if not intel():
            raise DeviceUnavailable("SAM_DEVICE=intel-gpu: OpenVINO sees no Intel GPU here (driver, /dev/dri).")
        return Device("intel-gpu", "SAM_DEVICE=intel-gpu")
    hidden = visible is not None and visible.strip() in ("", "-1")
    if wish == "auto":
        return Device("cpu", "CUDA_VISIBLE_DEVICES hides all cards") if hidden else _automatic(look(visible), worker)
    if hidden and wish.startswith("cuda"):
        raise DeviceUnavailable(f"SAM_DEVICE={wish}: CUDA_VISIBLE_DEVICES is empty, which hides all cards.")
    return _asked(wish, look(visible), worker)


def _automatic(found: Torch, worker: int) -> Device:
    """A card where there is one; Apple's only when it is asked for by name."""
    if found.version is None:
        return Device("cpu", f"no torch for a GPU ({INSTALL})")
    if found.cards:
        return _dealt(found, worker)
    return Device("cpu", "SAM_DEVICE=mps would use Apple's GPU" if found.mps else found.problem)


def _dealt(found: Torch, worker: int) -> Device:
    """One card for each worker; further workers share them."""
    number = worker % len(found.cards)
    return Device(f"cuda:{number}", found.cards[number])


def worker_number() -> int:
    return int(os.environ.get(WORKER_NUMBER, "0"))


def _asked(wish: str, found: Torch, worker: int) -> Device:
    if found.version is None:
        raise DeviceUnavailable(f"SAM_DEVICE={wish} needs torch: {INSTALL}")
    if wish == "torch-cpu":
        return Device(wish, f"torch {found.version} on the CPU, for tests")
    if wish == "mps":
        if not found.mps:
            raise DeviceUnavailable("SAM_DEVICE=mps: torch sees no Apple GPU here.")
        return Device(wish, "SAM_DEVICE=mps")
    if not found.cards:
        raise DeviceUnavailable(f"SAM_DEVICE={wish}: {found.problem}. SAM_DEVICE=auto or cpu computes on the CPU.")
    if wish == "cuda":
        return _dealt(found, worker)
    number = int(wish.partition(":")[2])
    if number >= len(found.cards):
        there = ", ".join(f"cuda:{i} {name}" for i, name in enumerate(found.cards))
        raise DeviceUnavailable(f"SAM_DEVICE={wish}: there is no such card; there is {there}.")
    return Device(f"cuda:{number}", found.cards[number])


def look(visible: str | None) -> Torch:
    """Imports torch where it is installed: a second or two, and some hundred MB."""
    if importlib.util.find_spec("torch") is None:
        return Torch()
    if visible is not None:  # as a setting it may come from .env, where torch does not look
        os.environ["CUDA_VISIBLE_DEVICES"] = visible
    from .torch_card import seen

    return seen()


def intel_gpu() -> bool:
    from .openvino import core

    return any(name.split(".")[0] == "GPU" for name in core().available_devices)


def problem_of(text: str, version: str) -> str:
    """Why there is no CUDA card, from what torch says when it is asked for one."""
    for mark, words in _PROBLEMS.items():
        if mark in text:
            return words.format(version=version)
    return f"torch {version} cannot use a card here; the log says why"


_PROBLEMS = {
    "not compiled with CUDA": "torch {version} is a build without CUDA; install the one with it (https://pytorch.org)",
    "no NVIDIA driver": "there is no NVIDIA driver (is the container started with --gpus all?)",
    "driver on your system is too old": "the NVIDIA driver is too old for torch {version}; renew the driver",
    "No CUDA GPUs are available": "the driver shows no card (CUDA_VISIBLE_DEVICES, --gpus all)",
    "out of memory": "the card has no free memory; another program holds it",
    "busy or unavailable": "the card is busy: another program has it for itself alone",
    "no kernel image": "torch {version} has no code for this card, which is too old or too new for that build",
}
