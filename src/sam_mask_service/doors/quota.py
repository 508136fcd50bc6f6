"""Room for saved results: what a folder holds, against what it may come to hold."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from ..errors import StorageFull


def check_room(root: Path, more: int, most: int) -> None:
    """Raises StorageFull when the files of ``root`` and ``more`` bytes are over ``most``. Two at once may both still
    fit.
    """
    if _held(root) + more > most:
        raise StorageFull("The folder for results holds as much as it may (setting SAM_OUTPUT_BYTES).")


def _held(root: Path) -> int:
    """Bytes of the files right in ``root``, where alone results are saved; 0 when there is no such folder yet."""
    held = 0
    with contextlib.suppress(FileNotFoundError), os.scandir(root) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                held += entry.stat(follow_symlinks=False).st_size
    return held
