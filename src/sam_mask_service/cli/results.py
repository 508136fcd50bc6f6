"""Where the results of a picture are written, and what is there already."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ..bulk.action import Product
from ..bulk.contents import contents, fitted, is_of_face
from ..doors import files, folder
from ..errors import FileExists, InvalidParameter, StorageFull
from .inputs import Job


def write(job: Job, made: Product, *, overwrite: bool) -> list[Path]:
    """Writes a job's results and returns their paths.

    Raises FileExists (before anything is written), FileMissing, StorageFull, InvalidParameter.
    """
    if job.target is None:
        return []
    if job.to_stdout:
        return [_to_stdout(job.target, made)]
    ready = contents(fitted(job.target, made.kind, named=job.named), made)
    taken = [] if overwrite else [path for path in ready if os.path.lexists(path)]
    if taken:
        raise FileExists(f"{taken[0]} exists already; --overwrite replaces it.")
    _write_all(ready, overwrite)
    return list(ready)


def existing(job: Job, *, per_face: bool) -> Path | None:
    """An output of this job that is there already, if any: asked before the work is done."""
    if job.target is None or job.to_stdout or not job.target.parent.is_dir():
        return None
    if not per_face:
        return job.target if os.path.lexists(job.target) else None
    return next((path for path in sorted(job.target.parent.iterdir()) if is_of_face(path.name, job.target)), None)


def _to_stdout(target: Path, made: Product) -> Path:
    if len(made.pictures) != 1:
        raise InvalidParameter(
            f"This gives {len(made.pictures)} pictures and stdout takes one: name a file or a folder with -o."
        )
    if made.beside:
        raise InvalidParameter("The picture has to be made to fit too and stdout takes one: name a file with -o.")
    try:
        sys.stdout.buffer.write(made.pictures[0])
        sys.stdout.buffer.flush()
    except OSError as error:  # a full disk, or a reader that has left
        raise StorageFull(f"stdout does not take the picture ({error.strerror}).") from None
    return target


def _write_all(ready: dict[Path, bytes], overwrite: bool) -> None:
    for path, data in ready.items():
        folder.make(path.parent)
        files.write_file(path, data, overwrite=overwrite)
