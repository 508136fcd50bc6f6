"""Uploads in a folder that the processes of one machine share: several workers, or containers with one volume.

In memory where the folder is (``/dev/shm``, a tmpfs volume). A file's name is a hash, its time that of its last use.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import ImageGone, StorageFull
from .store import OVERHEAD, name_of, new_id, unreachable, weight_of

LOCK_S = 5.0
"""Longest wait for other processes that make room."""
_PART = ".part"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class FolderStore:
    """An ``ImageStore``. Putting is one process's at a time; reading needs no lock, since a picture appears whole."""

    def __init__(
        self, folder: str | Path, max_bytes: int, seconds: float, clock: Callable[[], float] = time.time
    ) -> None:
        self.folder, self.max_bytes, self.seconds = Path(folder), max_bytes, seconds
        self._clock = clock

    def put(self, data: bytes, owner: bytes) -> str:
        weight, image_id = weight_of(data, self.max_bytes), new_id()
        with _told(), self._alone():
            kept = self._kept()
            self._make_room(kept, weight)
            while not self._written(name_of(image_id, owner), data):
                self._drop_oldest(kept)
        return image_id

    def get(self, image_id: str, owner: bytes) -> bytes:
        path = self._living(image_id, owner)
        with _found():
            data = path.read_bytes()
            os.utime(path, (self._clock(),) * 2)
        return data

    def delete(self, image_id: str, owner: bytes) -> None:
        path = self._living(image_id, owner)
        with _found():
            path.unlink()

    def _living(self, image_id: str, owner: bytes) -> Path:
        path = self.folder / name_of(image_id, owner)
        with _found():
            if path.stat().st_mtime + self.seconds > self._clock():
                return path
            path.unlink()
        raise ImageGone

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(self.folder / ".lock", timeout=LOCK_S, mode=0o600):
            yield

    def _kept(self) -> list[tuple[Path, int]]:
        """Each picture with its weight, what was unused for longest last. What has expired, or was left half written by
        a process that died, is removed.
        """
        found = []
        for path in self.folder.iterdir():
            if path.name.startswith(".") and path.name != _PART:
                continue  # locks
            with contextlib.suppress(FileNotFoundError):  # deleted by its owner just now
                status = path.stat()
                if path.name == _PART or status.st_mtime + self.seconds <= self._clock():
                    path.unlink()
                else:
                    found.append((status.st_mtime, path, status.st_size + OVERHEAD))
        return [(path, weight) for _, path, weight in sorted(found, reverse=True)]

    def _make_room(self, kept: list[tuple[Path, int]], weight: int) -> None:
        held = sum(each for _, each in kept)
        while held + weight > self.max_bytes:
            held -= self._drop_oldest(kept)

    def _drop_oldest(self, kept: list[tuple[Path, int]]) -> int:
        """The weight that is free now. Raises StorageFull when there is nothing to drop."""
        if not kept:
            raise StorageFull
        path, weight = kept.pop()
        path.unlink(missing_ok=True)
        return weight

    def _written(self, name: str, data: bytes) -> bool:
        """False when the disk is full, which may be smaller than what is allowed."""
        part = self.folder / _PART
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "wb") as file:  # noqa: PTH123 - of a descriptor
                file.write(data)
            os.utime(part, (self._clock(),) * 2)
        except OSError as error:
            part.unlink(missing_ok=True)
            if error.errno in _FULL:
                return False
            raise
        part.rename(self.folder / name)
        return True


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What the system says, in our words."""
    try:
        yield
    except (OSError, Timeout) as error:
        raise unreachable(error) from None


@contextlib.contextmanager
def _found() -> Iterator[None]:
    """The same of a picture that may be gone."""
    with _told():
        try:
            yield
        except FileNotFoundError:
            raise ImageGone from None
