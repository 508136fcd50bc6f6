"""Where the results of a picture are written, and what is there already."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from ..doors import files
from ..errors import FileExists, InvalidParameter, ServiceError, StorageFull
from .inputs import Job
from .naming import SUFFIXES_OF
from .work import Product


def outputs(target: Path, faces: Sequence[str] | None) -> list[Path]:
    """``target`` itself for the one result of a picture, or one file per face, named by the face's number."""
    if faces is None:
        return [target]
    return [target.with_name(f"{target.stem}-{face}{target.suffix}") for face in faces]


def fitted(job: Job, kind: str) -> Path:
    """The job's target with a suffix that fits the result's format. Raises InvalidParameter when the user named
    another.
    """
    assert job.target is not None  # noqa: S101 - asked for jobs that write a file
    if job.target.suffix.lower() in SUFFIXES_OF[kind]:
        return job.target
    if job.named:
        raise InvalidParameter(
            f"The result is a {kind.upper()} file: name one that ends in {SUFFIXES_OF[kind][0]}, or a folder."
        )
    return job.target.with_suffix(SUFFIXES_OF[kind][0])


def write(job: Job, made: Product, *, overwrite: bool) -> list[Path]:
    """Writes a job's results and returns their paths.

    Raises FileExists (before anything is written), FileMissing, StorageFull, InvalidParameter.
    """
    if job.target is None:
        return []
    if job.to_stdout:
        return [_to_stdout(job.target, made)]
    contents = _contents(job, made)
    taken = [] if overwrite else [path for path in contents if os.path.lexists(path)]
    if taken:
        raise FileExists(f"{taken[0]} exists already; --overwrite replaces it.")
    _write_all(contents, overwrite)
    return list(contents)


def complete(job: Job, made: Product) -> tuple[list[Path], bool]:
    """Writes those of a job's results that are missing. Returns the paths of all, and whether any was missing.

    Raises FileExists where a file of that name holds something else (before anything is written), and what ``write``
    raises.
    """
    contents = _contents(job, made)
    missing = {path: data for path, data in contents.items() if not os.path.lexists(path)}
    for path, data in contents.items():
        if path not in missing and not _holds(path, data):
            raise FileExists(f"{path} exists already and is no result of this run; --overwrite replaces it.")
    _write_all(missing, overwrite=False)
    return list(contents), bool(missing)


def existing(job: Job, *, per_face: bool) -> Path | None:
    """An output of this job that is there already, if any: asked before the work is done."""
    if job.target is None or job.to_stdout or not job.target.parent.is_dir():
        return None
    if not per_face:
        return job.target if os.path.lexists(job.target) else None
    ours = re.compile(re.escape(job.target.stem) + r"-\d+" + re.escape(job.target.suffix))
    return next((path for path in sorted(job.target.parent.iterdir()) if ours.fullmatch(path.name)), None)


def _to_stdout(target: Path, made: Product) -> Path:
    if len(made.pictures) != 1:
        raise InvalidParameter(
            f"This gives {len(made.pictures)} pictures and stdout takes one: name a file or a folder with -o."
        )
    if made.beside:
        raise InvalidParameter("The picture has to be made to fit too and stdout takes one: name a file with -o.")
    sys.stdout.buffer.write(made.pictures[0])
    sys.stdout.buffer.flush()
    return target


def _contents(job: Job, made: Product) -> dict[Path, bytes]:
    ready = fitted(job, made.kind)
    pictures = zip(outputs(ready, made.faces), made.pictures, strict=True)
    return {**dict(pictures), **{ready.with_name(ready.stem + name): data for name, data in made.beside.items()}}


def _write_all(contents: dict[Path, bytes], overwrite: bool) -> None:
    for path, data in contents.items():
        _make(path.parent)
        files.write_file(path, data, overwrite=overwrite)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        raise StorageFull(f"The folder {folder} cannot be made.") from None


def _holds(path: Path, data: bytes) -> bool:
    try:
        return files.read_file(path, len(data)) == data
    except ServiceError:
        return False
