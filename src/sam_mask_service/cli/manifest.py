"""``manifest.jsonl``: a row per file of a batch, which says what was asked for it and what became of it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, ValidationError

from ..errors import StorageFull
from ..wire import Json
from .naming import json_line, meant

NAME = "manifest.jsonl"


class Warned(BaseModel):
    """One of an answer's warnings, as ``tasks/notices.py`` writes it."""

    model_config = ConfigDict(extra="allow", frozen=True)
    code: str
    detail: str


class Figures(BaseModel):
    """A result's ``stats``, of which only the warnings are read again."""

    model_config = ConfigDict(extra="allow", frozen=True)
    warnings: list[Warned] = []


class Row(BaseModel):
    """What an earlier run wrote. ``question``: the digest of what was asked; ``sha256``: of the picture's bytes;
    ``earlier``: the row of the result that this one was refused for."""

    model_config = ConfigDict(frozen=True)
    input: str
    output: list[str]
    status: str
    error: str | None = None
    code: str | None = None
    faces: int | None = None
    stats: Figures | None = None
    sha256: str | None = None
    question: str
    action: str
    params: Json
    engine: str
    model: str
    earlier: Row | None = None

    def paths(self, folder: Path) -> list[Path]:
        """The results that are there, of those that lie inside ``folder``."""
        inside = [name for name in self.output if not PurePath(name).is_absolute() and ".." not in PurePath(name).parts]
        choices = [(folder / name, folder / meant(name)) for name in inside]
        return [path for path in (next(filter(os.path.lexists, pair), None) for pair in choices) if path is not None]

    def is_whole(self, folder: Path) -> bool:
        return bool(self.output) and len(self.paths(folder)) == len(self.output)


class Manifest:
    """The file, opened for a run. Rows are appended as pictures get done, so that a run that is cut off loses none, nor
    any of the runs before."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path, self._file, self._start = path, file, file.tell()

    def add(self, row: Json) -> None:
        """Raises StorageFull."""
        with _as_storage_full(self._path):
            self._file.write(f"{json_line(row)}\n".encode())
            self._file.flush()

    def finish(self) -> None:
        """Leaves this run's rows alone, in one step. Raises StorageFull."""
        ready = self._path.with_name(f".{NAME}.part")
        with _as_storage_full(self._path):
            with self._path.open("rb") as all_rows, ready.open("wb") as own:
                all_rows.seek(self._start)
                shutil.copyfileobj(all_rows, own)
            ready.replace(self._path)


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Manifest]:
    """The manifest of ``folder``, which is made when missing. A run that comes to its end leaves a row per file.

    Raises StorageFull.
    """
    path = folder / NAME
    with _as_storage_full(path):
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("ab+")
        _end_line(file)
    with file:
        rows = Manifest(path, file)
        yield rows
    rows.finish()


def rows_of(folder: Path) -> dict[str, Row]:
    """By input, the last of each. What is no row is passed over: its picture is made again and compared."""
    path, rows = folder / NAME, dict[str, Row]()
    if not path.is_file():
        return rows
    with _as_storage_full(path), path.open("rb") as lines:
        for line in lines:
            with contextlib.suppress(ValidationError):
                row = Row.model_validate_json(line)
                rows[row.input] = row.earlier or row
    return rows


def _end_line(file: BinaryIO) -> None:
    """A run that was cut off may have left half a line."""
    if file.seek(0, os.SEEK_END):
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            file.write(b"\n")
            file.flush()


@contextlib.contextmanager
def _as_storage_full(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageFull(f"{path} cannot be read or written ({error.strerror}).") from None
