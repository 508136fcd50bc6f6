"""A device that torch computes on: tensors on it, networks on it, its memory, and its faults in our own words."""

from __future__ import annotations

import functools
import logging
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as f

from ..errors import DeviceFull, DeviceLost
from . import ops
from .cuda_graph import Recorded, memory_is_full
from .devices import DeviceUnavailable, Torch, problem_of
from .machine import ArithmeticUnavailable, Precision
from .torch_network import TorchNetwork
from .torch_ops import Tensor
from .torch_scaling import scaled

log = logging.getLogger(__name__)

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
AMPERE = (8, 0)
"""From this CUDA capability on there are bf16 products."""
GONE = ("CUDA error", "device-side assert", "unspecified launch failure", "device lost", "uncorrectable ECC")
"""In the words of an error after which a process cannot use its card any more."""
CPU_BATCH = 4
"""Pictures at once where no card limits them."""
MEMORY_SHARE = 0.4
"""Of the card's free memory that the largest batch may take: the recordings of all smaller ones take as much again."""
LARGEST = 32


def seen() -> Torch:
    """What torch finds on this machine."""
    version = str(torch.__version__)
    mps = bool(torch.backends.mps.is_available())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            torch.cuda.init()
            names = tuple(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
        except (RuntimeError, AssertionError) as e:
            log.info("no CUDA card: %s", e)
            return Torch(version, problem_of(str(e), version), (), mps)
    return Torch(version, "" if names else problem_of("No CUDA GPUs are available", version), names, mps)


class Card:
    """``name``: ``cuda:0``, ``mps`` or ``torch-cpu``. Thread-safe; networks take turns on it."""

    def __init__(self, name: str, threads: int) -> None:
        self.name = name
        self.cuda = name.startswith("cuda")
        self.device = torch.device("cpu" if name == "torch-cpu" else name)
        self.lost: str | None = None
        self._turn = threading.RLock()
        self._copies = torch.cuda.Stream(self.device) if self.cuda else None
        torch.backends.cudnn.allow_tf32 = False  # f32 means f32
        if name == "torch-cpu":
            torch.set_num_threads(threads)

    def precision(self, wish: str) -> Precision:
        """``wish``: SAM_PRECISION. ``auto``: bf16 where the card multiplies in it, else f16; f32 without
        CUDA. Raises ArithmeticUnavailable."""
        if wish == "int8":
            raise ArithmeticUnavailable(f"SAM_PRECISION=int8 is for CPUs; on {self.name} set auto, bf16, f16 or f32.")
        modern = self.cuda and torch.cuda.get_device_capability(self.device) >= AMPERE
        if wish == "bf16" and self.cuda and not modern:
            raise ArithmeticUnavailable(f"{self.name} has no bf16 products; set SAM_PRECISION to auto, f16 or f32.")
        if wish == "auto":
            return ("bf16" if modern else "f16") if self.cuda else "f32"
        return wish  # type: ignore[return-value]  # the settings know no other

    def network(self, graph: ops.Model, precision: Precision, form: str | None = None) -> Network:
        """``form``: how biases enter attention; None: the one that suits the device."""
        with self.guarded():
            made = TorchNetwork(graph, self.device, DTYPES[precision], form or ("folded" if self.cuda else "apart"))
        return Network(self, Recorded(made) if self.cuda else made)

    def picture(
        self, image: NDArray[np.uint8], size: tuple[int, int], square: int, mean: Any, deviation: Any
    ) -> Tensor:
        """``image`` (H, W, 3) scaled to ``size`` (height, width), normalised, with zeros right and below: (1, 3,
        square, square) float32."""
        with self.guarded(), torch.inference_mode(), self._beside():
            x = scaled(self._up(image).permute(2, 0, 1), *size)[None].float()
            middle, spread = (torch.tensor(v, device=self.device).view(1, 3, 1, 1) for v in (mean, deviation))
            x = (x - middle) / spread
            return f.pad(x, (0, square - size[1], 0, square - size[0]))

    @contextmanager
    def _beside(self) -> Iterator[None]:
        """Pictures go up beside what is computed; who then computes waits for them."""
        if self._copies is None:
            yield
            return
        with torch.cuda.stream(self._copies):
            yield
            self._copies.synchronize()

    def _up(self, values: NDArray[Any]) -> Tensor:
        tensor = torch.from_numpy(np.array(values, order="C"))
        return tensor.pin_memory().to(self.device, non_blocking=True) if self.cuda else tensor.to(self.device)

    def tensor(self, values: NDArray[Any]) -> Tensor:
        """``values`` on the device."""
        with self.guarded():
            return self._up(values)

    def array(self, tensor: Tensor) -> NDArray[np.float32]:
        """A tensor of the device as the caller's own array; waits for it."""
        with self.guarded():
            return np.array(tensor.cpu().numpy(), np.float32)

    def together(self, tensors: Sequence[Tensor]) -> Tensor:
        """One behind the other along the first axis."""
        with self.guarded():
            return torch.cat(list(tensors)) if len(tensors) > 1 else tensors[0]

    def apart(self, tensor: Tensor) -> list[Tensor]:
        """The entries of the first axis, each in memory of its own: a view of one would keep them all."""
        with self.guarded():
            return [tensor] if len(tensor) == 1 else [part.clone() for part in tensor.split(1)]

    def wait(self) -> None:
        """Until all that was begun is done: its faults show here."""
        if self.cuda:
            with self.guarded():
                torch.cuda.synchronize(self.device)

    def room(self, use: Any) -> int:
        """How many pictures fit at once. ``use`` computes one: what it takes at its peak is measured."""
        if not self.cuda:
            use()
            return CPU_BATCH
        torch.cuda.reset_peak_memory_stats(self.device)
        before = torch.cuda.memory_allocated(self.device)
        use()  # the first run is the dearest: not recorded yet
        peak = max(1, torch.cuda.max_memory_allocated(self.device) - before)
        free, _ = torch.cuda.mem_get_info(self.device)
        return max(1, min(LARGEST, int(MEMORY_SHARE * free / peak)))

    def memory(self) -> int | None:
        """Bytes of the card that this process has taken; None where there is no telling."""
        return int(torch.cuda.memory_reserved(self.device)) if self.cuda else None

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """The device's faults as ours. A lost card stays lost for this process: ``lost`` says why."""
        if self.lost is not None:
            raise DeviceLost
        try:
            with torch.cuda.device(self.device) if self.cuda else nullcontext():
                yield
        except RuntimeError as e:
            if memory_is_full(e):
                self._release()
                raise DeviceFull from e
            if not any(mark in str(e) for mark in GONE):
                raise
            self.lost = f"{self.name} does not answer any more"
            log.exception("%s is lost", self.name)
            raise DeviceLost from e

    def _release(self) -> None:
        if self.cuda:
            torch.cuda.empty_cache()


def card_of(name: str, threads: int) -> Card:
    """The process's one card of this name: what is lost for one network is lost for all. Raises DeviceUnavailable:
    what was seen cannot be used after all."""
    try:
        return _card(name, threads)
    except RuntimeError as e:
        raise DeviceUnavailable(unusable(name, e)) from e


@functools.cache
def _card(name: str, threads: int) -> Card:
    return Card(name, threads)


def unusable(name: str, error: BaseException) -> str:
    """Why the device ``name`` cannot be used, by what torch says."""
    return f"SAM_DEVICE={name}: {problem_of(str(error), str(torch.__version__))}."


class Network:
    """A network on a card. Takes and gives tensors of the card."""

    def __init__(self, card: Card, run: Any) -> None:
        self._card = card
        self._run = run

    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        with self._card.guarded(), self._card._turn:
            return list(self._run(*inputs))
