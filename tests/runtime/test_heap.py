"""The allocator of a process that handles pictures."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys

import pytest

from sam_mask_service.runtime import heap

HELD = """
import sys
import numpy as np
from sam_mask_service.runtime import heap

def private():
    lines = open("/proc/self/smaps_rollup").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:")) // 1024

if "restrained" in sys.argv:
    heap.restrain()
np.ones(31 << 20, np.uint8)  # freed at once: by default it raises the size from which memory goes back
start = private()
kept = []
for _ in range(20):
    large = np.ones(6 << 20, np.uint8)
    kept.append(np.ones(60_000, np.uint8))  # lies above it, so that the arena cannot shrink
    kept.append(np.ones(60_000, np.uint8))
    del large
print(private() - start)
"""


def held(*arguments: str) -> int:
    """MiB that a process holds after it has freed large arrays between small ones that it keeps."""
    done = subprocess.run([sys.executable, "-c", HELD, *arguments], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's allocator only")
def test_all_settings_take_effect_unless_the_operator_has_set_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in heap.SETTINGS:
        monkeypatch.delenv(name, raising=False)
    assert heap.restrain() == list(heap.SETTINGS)
    monkeypatch.setenv("MALLOC_ARENA_MAX", "8")
    assert "MALLOC_ARENA_MAX" not in heap.restrain()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's allocator only")
def test_freed_arrays_go_back_to_the_kernel() -> None:
    assert held() > held("restrained") + 3


def test_other_allocators_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Musl:
        pass

    monkeypatch.setattr(ctypes, "CDLL", lambda _: Musl())
    assert heap.restrain() == []
