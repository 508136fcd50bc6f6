"""Model files that are on this machine's disk: where they lie, whether they are whole, and how they are opened.

The models folder comes first; what is not in it may lie beside the installed service (an image brings models there) or
in a package that happens to be installed. Nothing of such a package is imported.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import mmap
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, Protocol

from ..models.registry import BY_NAME, ROWS
from ..models.row import Member, ModelRow
from .weights_errors import ModelMissing, ModelUnknown, UnsafeFile, WrongBytes

Status = Literal["ok", "absent", "damaged"]

BESIDE = Path(sys.prefix) / "share" / "sam-mask-api" / "models"
"""Models that came with the environment that the service runs in. Only read."""
CHUNK = 1 << 20
_OPEN = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT"))
"""Does not wait for a pipe's other end; text is nowhere."""


class Published(Protocol):
    """A file of which one content alone is accepted."""

    @property
    def file(self) -> str: ...

    @property
    def bytes(self) -> int: ...

    @property
    def sha256(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Installed:
    """A row of ``models list``. ``status`` goes by the size alone (``verify`` reads every byte)."""

    row: ModelRow
    status: Status


def model(name: str) -> ModelRow:
    """Raises ModelUnknown, naming those there are."""
    if name not in BY_NAME:
        raise ModelUnknown(f"There is no model {name[:40]!r}; known are {', '.join(BY_NAME)}.")
    return BY_NAME[name]


def path(row: ModelRow, folder: Path) -> Path:
    """Where the model belongs, there or not."""
    return folder / row.file


def places(row: ModelRow, folder: Path | None) -> Iterator[Path]:
    """Where the model may lie, the models folder first. Without one: only what came with the environment."""
    if folder is not None:
        yield path(row, folder)
    yield BESIDE / row.file
    yield from filter(None, map(_carried, row.members))


def _carried(member: Member) -> Path | None:
    try:
        distribution = importlib.metadata.distribution(member.archive.project)
    except importlib.metadata.PackageNotFoundError:
        return None
    return Path(str(distribution.locate_file(member.installed)))


def find(row: ModelRow, folder: Path | None) -> Path | None:
    """The file that is used for the model, whole or not; None when there is none."""
    return next((place for place in places(row, folder) if place.is_file()), None)


def sound(row: ModelRow, folder: Path | None) -> Path | None:
    """The first place that holds the published bytes. Reads every byte."""
    return next((place for place in places(row, folder) if place.is_file() and is_right(row, place)), None)


def required(name: str, folder: Path | None = None) -> Path:
    """The file of a model that its caller cannot do without, every byte verified. ``folder``: see ``places``.

    Raises ModelMissing.
    """
    row = model(name)
    if (found := sound(row, folder)) is None:
        raise ModelMissing(f"{row.file} is not installed; fetch it with: sam-mask models pull {row.name}")
    return found


def seems_whole(row: ModelRow, folder: Path) -> bool:
    """Is there a file for the model, of the right size?"""
    return _by_size(row, find(row, folder)) == "ok"


def listing(folder: Path) -> list[Installed]:
    return [Installed(row, _by_size(row, find(row, folder))) for row in ROWS]


def _by_size(row: ModelRow, file: Path | None) -> Status:
    try:
        return "absent" if file is None else "ok" if file.stat().st_size == row.bytes else "damaged"
    except OSError:
        return "absent"


def verify(row: ModelRow, folder: Path) -> Status:
    """Of the file that is used for the model. Reads every byte."""
    file = find(row, folder)
    if file is None:
        return "absent"
    return "ok" if is_right(row, file) else "damaged"


def is_right(wanted: Published, file: Path) -> bool:
    """Reads every byte, unless the size tells already."""
    try:
        if file.stat().st_size != wanted.bytes:
            return False
        with file.open("rb") as opened:
            return sha256(opened) == wanted.sha256
    except OSError:
        return False


def open_unverified(row: ModelRow, folder: Path) -> IO[bytes]:
    """The model of the right size, opened. Nothing may come of its bytes before ``check`` has passed.

    Raises ModelMissing, WrongBytes, UnsafeFile.
    """
    try:
        file = _open_regular(find(row, folder) or path(row, folder))
    except FileNotFoundError:
        raise ModelMissing(f"{row.file} is not installed; fetch it with: sam-mask models pull {row.name}") from None
    if os.fstat(file.fileno()).st_size != row.bytes:
        file.close()
        raise _wrong(row)
    return file


def check(row: ModelRow, file: IO[bytes]) -> None:
    """Reads every byte beside whoever else reads ``file`` (its position stays). Raises WrongBytes."""
    digest = hashlib.sha256()
    for chunk in _chunks(file.fileno()):
        digest.update(chunk)
    if digest.hexdigest() != row.sha256:
        raise _wrong(row)


def _chunks(descriptor: int) -> Iterator[bytes]:
    """All bytes, wherever the descriptor stands."""
    if hasattr(os, "pread"):
        done = 0
        while chunk := os.pread(descriptor, CHUNK, done):
            yield chunk
            done += len(chunk)
    elif size := os.fstat(descriptor).st_size:  # Windows
        with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as mapped:
            yield from (mapped[start : start + CHUNK] for start in range(0, size, CHUNK))


def _wrong(row: ModelRow) -> WrongBytes:
    return WrongBytes(
        f"{row.file} is not the published file (its hash differs); fetch it again: sam-mask models pull {row.name}"
    )


def open_checkpoint(file_path: Path) -> IO[bytes]:
    """A checkpoint of the user's own (``SAM_CHECKPOINT``), opened. Raises ModelMissing, UnsafeFile."""
    try:
        return _open_regular(file_path)
    except FileNotFoundError:
        raise ModelMissing("The file named by SAM_CHECKPOINT does not exist.") from None


def _open_regular(file_path: Path) -> IO[bytes]:
    """Refuses what is no regular file, and what anybody on the machine may overwrite."""
    try:
        descriptor = os.open(file_path, _OPEN)
    except FileNotFoundError:
        raise
    except OSError:
        raise UnsafeFile(f"{file_path.name} cannot be read.") from None
    mode = os.fstat(descriptor).st_mode
    folder = file_path.resolve().parent.stat().st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise UnsafeFile(f"{file_path.name} is no regular file.")
    if os.name == "posix" and (mode & stat.S_IWOTH or (folder & stat.S_IWOTH and not folder & stat.S_ISVTX)):
        os.close(descriptor)
        raise UnsafeFile(
            f"{file_path.name} or its folder may be overwritten by every user of this machine (chmod o-w)."
        )
    return os.fdopen(descriptor, "rb")


def sha256(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()
