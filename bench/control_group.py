"""A memory limit as a container has it: a control group of the kernel's, where this machine lets one be made."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Group:
    """``folder`` is the kernel's; ``limit``, ``peak``: names of its files there, which differ by version."""

    folder: Path
    limit: str
    peak: str

    def take(self, pid: int) -> None:
        """From now on the process, and what it starts, is in the group."""
        (self.folder / "cgroup.procs").write_text(str(pid))

    def highest(self) -> int:
        """Most bytes held so far, the pages of files that were read with them."""
        return int((self.folder / self.peak).read_text())


def _group(name: str) -> Group:
    if (ROOT / "memory").is_dir():
        return Group(ROOT / "memory" / name, "memory.limit_in_bytes", "memory.max_usage_in_bytes")
    return Group(ROOT / name, "memory.max", "memory.peak")


@contextlib.contextmanager
def limited(most: int) -> Iterator[Group | None]:
    """A group of ``most`` bytes; None where none can be made. Its processes have to have ended at the end of the block,
    or it stays."""
    group = _group(f"sam-mask-bench-{os.getpid()}")
    try:
        group.folder.mkdir()
    except OSError:
        yield None
        return
    try:
        (group.folder / group.limit).write_text(str(most))
        yield group
    finally:
        _remove(group.folder)


def _remove(folder: Path) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError):
            folder.rmdir()
            return
        time.sleep(0.1)
