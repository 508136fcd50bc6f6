"""What the doctor reads about the machine."""

from __future__ import annotations

import math
import os
import platform
from pathlib import Path


def _info(key: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def cpu_name() -> str:
    """The processor in its maker's words."""
    return _info("model name") or platform.processor() or platform.machine()


def cpu_flags() -> set[str]:
    """The kernel's names of what the processor can do; empty where they cannot be read."""
    return set(_info("flags").split())


def memory_bytes() -> float | None:
    """What this process may use: the machine's memory, or the container's limit where that is less."""
    try:
        total = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (ValueError, OSError, AttributeError):
        return None
    limits = (_number(Path("/sys/fs/cgroup", name)) for name in ("memory.max", "memory/memory.limit_in_bytes"))
    return min(total, *limits)


def _number(path: Path) -> float:
    try:
        return float(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return math.inf
