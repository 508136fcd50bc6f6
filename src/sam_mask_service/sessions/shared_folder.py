"""The folder that several workers of one gunicorn keep uploads in: made when it starts, gone when it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - only a private folder in it is used
_HELD = ".held"
_FRESH_S = 60.0
"""A folder as young as this may belong to a start that has not locked it yet."""


class SharedFolder:
    """A new folder for this user alone, in the first of ``places`` with ``wanted`` bytes of room, else in the roomiest.
    What starts that were killed have left there is removed. POSIX alone, as gunicorn is.

    The lock is a bare descriptor: forked workers hold it too, and no worker's end undoes it.
    """

    def __init__(self, wanted: int, places: Sequence[Path] = (MEMORY, Path(tempfile.gettempdir()))) -> None:
        usable = [place for place in places if place.is_dir() and os.access(place, os.W_OK)]
        for place in usable:
            _sweep(place)
        rooms = {place: shutil.disk_usage(place).free for place in usable}
        roomy = [place for place in usable if rooms[place] >= wanted]
        self.path = Path(
            tempfile.mkdtemp(prefix=_prefix(), dir=roomy[0] if roomy else max(usable, key=rooms.__getitem__))
        )
        self.free = shutil.disk_usage(self.path).free
        self._held = _lock(self.path)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._held)


def _prefix() -> str:
    return f"sam-mask-images-{os.getuid()}-"


def _lock(folder: Path) -> int:
    """Raises BlockingIOError when it is held."""
    descriptor = os.open(folder / _HELD, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _sweep(place: Path) -> None:
    for left in place.glob(f"{_prefix()}*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _FRESH_S:
                descriptor = _lock(left)
                shutil.rmtree(left)
                os.close(descriptor)
