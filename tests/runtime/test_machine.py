"""How many cores we may use, and which arithmetic is taken."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from sam_mask_service.runtime import machine
from sam_mask_service.runtime.machine import Rates, by_flags, cgroup_cores, choose, cpu_threads

CORES = len(os.sched_getaffinity(0))


def cgroup(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, None),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "50000 100000\n"}, 0.5),
        ({"cpu.max": "rubbish"}, None),
        ({"cpu.max": "-1 100000"}, None),
        ({"cpu.max": "100000 0"}, None),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"}, 2.0),
        ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4.0),
    ],
)
def test_cgroup_quota(tmp_path: Path, files: dict[str, str], cores: float | None) -> None:
    assert cgroup_cores(cgroup(tmp_path, files)) == cores


@pytest.mark.parametrize(
    ("requested", "environment", "quota", "expected"),
    [
        (None, {}, None, CORES),
        (1, {}, None, 1),
        (10_000, {}, None, CORES),
        (None, {"OMP_NUM_THREADS": "1"}, None, 1),
        (None, {"OMP_NUM_THREADS": "1,4"}, None, 1),
        (None, {"OMP_NUM_THREADS": ""}, None, CORES),
        (None, {"OMP_NUM_THREADS": "many"}, None, CORES),
        (None, {"OMP_NUM_THREADS": "0"}, None, CORES),
        (None, {}, "100000 100000", 1),
        (None, {}, "20000 100000", 1),
        (10_000, {}, "10000000 100000", CORES),
    ],
)
def test_threads(
    tmp_path: Path, requested: int | None, environment: dict[str, str], quota: str | None, expected: int
) -> None:
    root = cgroup(tmp_path, {"cpu.max": quota} if quota else {})
    assert cpu_threads(requested, environment=environment, cgroup=root) == expected


@pytest.mark.parametrize(
    ("f32", "bf16", "expected"),
    [(200, 430, "bf16"), (200, 1900, "bf16"), (200, 150, "f32"), (200, 210, "f32"), (200, 0, "f32")],
)
def test_bf16_must_be_clearly_faster(f32: float, bf16: float, expected: str) -> None:
    assert Rates(f32, bf16).fastest == expected


@pytest.mark.parametrize(
    ("wish", "rates", "expected"),
    [
        ("auto", Rates(200, 430), ("bf16", "bf16")),
        ("auto", Rates(200, 100), ("f32", "f32")),
        ("f32", Rates(200, 430), ("f32", "f32")),
        ("bf16", Rates(200, 100), ("bf16", "bf16")),
        ("int8", Rates(200, 430), ("int8", "bf16")),
        ("int8", Rates(200, 100), ("int8", "f32")),
    ],
)
def test_choice_by_measurement(
    monkeypatch: pytest.MonkeyPatch, wish: machine.Wish, rates: Rates, expected: tuple[str, str]
) -> None:
    monkeypatch.setattr(machine, "measure", lambda *_, **__: rates)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    chosen = choose(wish, 1)
    assert (chosen.precision, chosen.rest) == expected


@pytest.mark.parametrize(
    ("flags", "environment", "expected"),
    [
        ("fpu sse2 avx2 avx512f avx512_bf16", {}, "bf16"),
        ("fpu sse2 avx512f amx_bf16 amx_tile", {}, "bf16"),
        ("fpu sse2 avx2 avx512f avx512_vnni", {}, "f32"),
        ("fpu sse2 avx2 avx512_bf16", {"ONEDNN_MAX_CPU_ISA": "AVX2"}, None),
        ("fp asimd bf16 i8mm", {}, None),
        ("", {}, None),
    ],
)
def test_what_the_flags_say(flags: str, environment: dict[str, str], expected: str | None) -> None:
    assert by_flags(flags.split(), environment) == expected


def test_flags_need_no_measurement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor : 0\nflags : fpu sse2 avx512_bf16\n")
    monkeypatch.setattr(machine, "CPUINFO", info)
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    monkeypatch.setattr(machine, "measure", lambda *_, **__: pytest.fail("measured"))
    assert choose("auto", 1).precision == "bf16"


def test_the_measurement_measures() -> None:
    rates = machine.measure(1, seconds=0.01)
    assert rates.f32 > 0.1 and rates.int8 >= 0
    assert machine.measure(1, seconds=0.01, quantized=False).int8 == 0


def test_what_others_take_of_the_cores_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that lasted 10 s on two cores and worked 1 s on each: as fast as one of 1 s."""
    ticks, work = itertools.count(0, 10), itertools.count(0, 2)
    clock = SimpleNamespace(perf_counter=lambda: next(ticks), process_time=lambda: next(work))
    monkeypatch.setattr(machine, "time", clock)
    busy = machine.measure(2, seconds=30, quantized=False).f32
    work = itertools.count(0, 20)  # alone on both cores all the time
    alone = machine.measure(2, seconds=30, quantized=False).f32
    assert busy == pytest.approx(10 * alone)
