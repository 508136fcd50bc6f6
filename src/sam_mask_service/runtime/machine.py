"""What this machine lets us use: the cores we may run on, and the arithmetic that is fastest here (measured, not
guessed).
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

Precision = Literal["f32", "bf16", "f16", "int8"]
Exact = Literal["f32", "bf16", "f16"]
Wish = Literal["auto", "f32", "bf16", "f16", "int8"]

CGROUP = Path("/sys/fs/cgroup")
CPUINFO = Path("/proc/cpuinfo")
_ISA_LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
BF16_GAIN = 1.2
"""bf16 is chosen when it is at least this much faster: it costs accuracy (embedding error 1 %), so a tie goes to
f32.
"""
INT8_GROUP = 256
"""Values that share a scale when activations are quantised: 128 costs a third of the gain, 768 costs accuracy."""
_ROWS, _WIDE, _NARROW = 1024, 3072, 768  # a quarter of one MLP of ViT-B: about 10 GFLOP with both products


def cpu_threads(
    requested: int | None = None, *, environment: Mapping[str, str] | None = None, cgroup: Path = CGROUP
) -> int:
    """How many threads to compute with: the cores this process may use (affinity, cgroup quota), at most ``requested``
    or ``OMP_NUM_THREADS``."""
    environment = os.environ if environment is None else environment
    limits = [len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1]
    quota = cgroup_cores(cgroup)
    if quota is not None:
        limits.append(max(1, int(quota + 0.5)))
    wish = requested if requested is not None else _whole(environment.get("OMP_NUM_THREADS", "").split(",")[0])
    if wish is not None and wish > 0:
        limits.append(wish)
    return max(1, min(limits))


def cgroup_cores(root: Path = CGROUP) -> float | None:
    """The CPU quota of this container in cores (cgroup v2 ``cpu.max``, else v1), or None without one."""
    v2 = _words(root / "cpu.max")
    if len(v2) == 2 and v2[0] != "max":
        return _ratio(v2[0], v2[1])
    quota, period = _words(root / "cpu/cpu.cfs_quota_us"), _words(root / "cpu/cpu.cfs_period_us")
    if quota and period and not quota[0].startswith("-"):
        return _ratio(quota[0], period[0])
    return None


def _words(path: Path) -> list[str]:
    try:
        return path.read_text("ascii").split()
    except (OSError, ValueError):
        return []


def _whole(text: str) -> int | None:
    return int(text) if text.strip().isdecimal() else None


def _ratio(quota: str, period: str) -> float | None:
    if not quota.isdecimal() or not period.isdecimal() or int(period) == 0 or int(quota) == 0:
        return None
    return int(quota) / int(period)


class ArithmeticUnavailable(Exception):
    """This machine cannot compute in the asked precision. The text says so."""


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``precision`` of the encoder's fully connected layers, ``rest``: of everything else in it."""

    precision: Precision
    rest: Exact


EXACT = Arithmetic("f32", "f32")


@dataclass(frozen=True, slots=True)
class Rates:
    """GFLOP per second of large matrix products; ``bf16`` is 0 where the CPU plug-in has none. ``int8``: with 8-bit
    weights and activations quantised on the way, what lies between the products in ``fastest``; 0 where it was not
    measured."""

    f32: float
    bf16: float
    int8: float = 0.0

    @property
    def fastest(self) -> Exact:
        return "bf16" if self.bf16 >= BF16_GAIN * self.f32 else "f32"


def measure(threads: int, seconds: float = 0.15, *, quantized: bool = True) -> Rates:
    """Measures the rates, for about ``seconds`` each. What other programs take of the cores does not count: the best of
    the runs does, and of each its share of processor time where that is less than its duration. ``quantized``: int8
    too."""
    rates = Rates(_rate(EXACT, threads, seconds), _possible_rate(Arithmetic("bf16", "bf16"), threads, seconds))
    if not quantized:
        return rates
    return replace(rates, int8=_possible_rate(Arithmetic("int8", rates.fastest), threads, seconds))


def _possible_rate(arithmetic: Arithmetic, threads: int, seconds: float) -> float:
    """0 where the machine has no such products."""
    from .openvino import core

    if arithmetic.rest == "bf16" and "BF16" not in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return 0.0
    try:
        return _rate(arithmetic, threads, seconds)
    except RuntimeError:  # the plug-in claims bf16 by the CPU's name, oneDNN has no kernel for it
        return 0.0


def _rate(arithmetic: Arithmetic, threads: int, seconds: float) -> float:
    from .openvino import OpenVinoSession

    session = OpenVinoSession(_products(quantized=arithmetic.precision == "int8"), cpu_options(arithmetic, threads))
    x = np.ones((1, _ROWS, _NARROW), np.float32)
    best, end = float("inf"), time.perf_counter() + seconds
    session.run([x])
    while True:
        start, worked = time.perf_counter(), time.process_time()
        session.run([x])
        now, busy = time.perf_counter(), time.process_time() - worked
        best = min(best, now - start, busy / threads if busy else float("inf"))
        if now > end:
            return 4 * _ROWS * _WIDE * _NARROW / best / 1e9


def _products(*, quantized: bool) -> Any:
    from . import ops as op

    weights = op.quantized_constant if quantized else op.constant
    x = op.picture(1, _ROWS, _NARROW, name="x")
    wide = weights(np.full((_WIDE, _NARROW), 1 / _NARROW, np.float32))
    narrow = weights(np.full((_NARROW, _WIDE), 1 / _WIDE, np.float32))
    y = op.multiply_transposed(op.relu(op.multiply_transposed(x, wide)), narrow)
    return op.model([y], [x], "probe")


def cpu_options(arithmetic: Arithmetic, threads: int) -> dict[str, Any]:
    """OpenVINO's settings for one stream on ``threads`` cores, unpinned (a container's cores are shared)."""
    options: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": arithmetic.rest,
        "ENABLE_CPU_PINNING": False,
    }
    if arithmetic.precision == "int8":
        options["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = INT8_GROUP
    return options


def choose(wish: Wish, threads: int) -> Arithmetic:
    """``auto``: bf16 where the CPU multiplies in it (AMX, AVX512-BF16), else f32, which is faster there. Never int8,
    which costs more accuracy. Raises ArithmeticUnavailable."""
    if wish == "f16":
        raise ArithmeticUnavailable("SAM_PRECISION=f16 is for GPUs; on a CPU set auto, bf16, f32 or int8.")
    if wish == "f32" or wish == "bf16":
        return Arithmetic(wish, wish)
    fastest = by_flags(_words(CPUINFO)) or measure(threads, quantized=False).fastest
    return Arithmetic("int8" if wish == "int8" else fastest, fastest)


def by_flags(words: Collection[str], environment: Mapping[str, str] | None = None) -> Exact | None:
    """What the kernel's list of CPU flags says, at once and whatever else runs on the machine; None where it says
    nothing (not an x86 Linux) or oneDNN was told to leave instructions out: then it must be measured."""
    environment = os.environ if environment is None else environment
    if "sse2" not in words or any(name in environment for name in _ISA_LIMITS):
        return None
    return "bf16" if "amx_bf16" in words or "avx512_bf16" in words else "f32"
