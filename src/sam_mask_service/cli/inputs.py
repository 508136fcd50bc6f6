"""Which pictures a command line names, and where each result goes."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import typer
from PIL import Image

from ..doors import files
from ..errors import FileExists, InvalidParameter, StorageFull, TooLarge
from ..image import FORMATS

STREAM = "-"
_HEIF = (".heic", ".heif", ".hif")
SUFFIXES = frozenset(suffix for suffix, kind in Image.registered_extensions().items() if kind in (*FORMATS, "MPO")) | {
    *_HEIF
}
UNREAD = frozenset((".jxl", ".jp2"))
"""Photographs all the same: each is named as one that cannot be read, since whoever hides the faces of a folder must not
believe that nothing was passed over."""
SEARCHED = SUFFIXES | UNREAD
"""What a folder is searched for; a file named by itself is taken whatever its name."""


SUFFIXES_OF: dict[str, tuple[str, ...]] = {
    "png": (".png",),
    "jpeg": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "webp": (".webp",),
}
"""A result's format → the suffixes that fit it, the usual one first."""


@dataclass(frozen=True, slots=True)
class Job:
    """One picture. ``name`` is what messages call it; ``source`` None is stdin. ``target`` None: nothing is written;
    ``-`` is stdout; else the file of a single result (several results get ``-0``, ``-1``, … before its suffix). ``named``: the
    user wrote the target's name himself, so that its suffix must fit; else the result's format decides the suffix."""

    name: str
    source: Path | None
    target: Path | None
    named: bool = False

    @property
    def to_stdout(self) -> bool:
        return self.target is not None and str(self.target) == STREAM


def gather(inputs: Sequence[str], out: str | None, suffix: str | None = ".png") -> list[Job]:
    """The jobs of ``mask INPUT… -o OUT``. ``suffix``: of outputs in a folder; None keeps each input's own.

    Raises typer.BadParameter for a command line that makes no sense.
    """
    found = [item for word in inputs for item in _pictures(word)]
    if not found:
        raise typer.BadParameter("there is no picture in this folder", param_hint="INPUT")
    if out is None or out == STREAM:
        return _without_folder(found, out)
    target = Path(out)
    into_folder = (
        len(found) > 1 or target.is_dir() or out.endswith(("/", "\\")) or any(Path(w).is_dir() for w in inputs)
    )
    if not into_folder:
        if suffix and target.suffix.lower() != suffix:
            raise typer.BadParameter(
                f"the result is a {suffix[1:].upper()} file: name one that ends in {suffix}, or a folder",
                param_hint="-o",
            )
        name, path, _ = found[0]
        return [Job(name, path, target, named=True)]
    names = output_names([relative for _, _, relative in found], suffix)
    return [Job(name, path, target / output) for (name, path, _), output in zip(found, names, strict=True)]


def _without_folder(found: Sequence[tuple[str, Path | None, Path]], out: str | None) -> list[Job]:
    if out == STREAM and len(found) > 1:
        raise typer.BadParameter("stdout takes the result of one picture; name a folder", param_hint="-o")
    return [Job(name, path, Path(STREAM) if out else None) for name, path, _ in found]


def _pictures(word: str) -> Iterator[tuple[str, Path | None, Path]]:
    """(name for messages, path or None for stdin, path below the output folder) of what one INPUT names."""
    if word == STREAM:
        yield "stdin", None, Path("stdin")
        return
    path = Path(word)
    if path.is_dir():
        for picture in files.pictures_in(path, SEARCHED):
            yield str(picture), picture, picture.relative_to(path)
    else:
        yield word, path, Path(path.name)


def output_names(relative: Sequence[Path], suffix: str | None = ".png") -> list[Path]:
    """``a/b.jpg`` → ``a/b.png``; inputs that would meet in one output keep their own suffix: ``a/b.jpg.png``; what still
    meets (same names from two folders) is numbered: ``a/b.jpg.2.png``. ``suffix`` None keeps the input's, but where no
    result can have it: ``a.gif`` → ``a.png``."""
    endings = [suffix or _kept(path) for path in relative]
    short = [path.with_suffix(ending) for path, ending in zip(relative, endings, strict=True)]
    meet = Counter(str(path).casefold() for path in short)
    taken: Counter[str] = Counter()
    names = []
    for path, plain, ending in zip(relative, short, endings, strict=True):
        alone = meet[str(plain).casefold()] == 1
        name = plain if alone else path.with_name(f"{path.name}{ending}")
        taken[str(name).casefold()] += 1
        number = taken[str(name).casefold()]
        names.append(name if number == 1 else name.with_name(f"{name.stem}.{number}{name.suffix}"))
    return names


def _kept(path: Path) -> str:
    """What is not written in its own format becomes a PNG."""
    return path.suffix if any(path.suffix.lower() in those for those in SUFFIXES_OF.values()) else ".png"


def read(job: Job, max_bytes: int) -> bytes:
    """The picture's bytes. Raises FileMissing and TooLarge."""
    if job.source is not None:
        return files.read_file(job.source, max_bytes)
    data = sys.stdin.buffer.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise TooLarge
    return data


def outputs(target: Path, faces: Sequence[str] | None) -> list[Path]:
    """``target`` itself for the one result of a picture, or one file per face, named by the face's number."""
    if faces is None:
        return [target]
    return [target.with_name(f"{target.stem}-{face}{target.suffix}") for face in faces]


def fitted(job: Job, kind: str) -> Path:
    """The job's target with a suffix that fits the result's format. Raises InvalidParameter when the user named another."""
    assert job.target is not None  # noqa: S101 - asked for jobs that write a file
    if job.target.suffix.lower() in SUFFIXES_OF[kind]:
        return job.target
    if job.named:
        raise InvalidParameter(
            f"The result is a {kind.upper()} file: name one that ends in {SUFFIXES_OF[kind][0]}, or a folder."
        )
    return job.target.with_suffix(SUFFIXES_OF[kind][0])


def write(
    job: Job,
    pictures: Sequence[bytes],
    faces: Sequence[str] | None,
    kind: str = "png",
    *,
    overwrite: bool,
    beside: Mapping[str, bytes] = MappingProxyType({}),
) -> list[Path]:
    """Writes a job's results and returns their paths. ``faces``: the numbers of the faces when each has its own result.
    ``beside``: further files, by what their names have after the result's stem.

    Raises FileExists (before anything is written), FileMissing, StorageFull, InvalidParameter.
    """
    if job.target is None:
        return []
    if job.to_stdout:
        if len(pictures) != 1:
            raise InvalidParameter(
                f"This gives {len(pictures)} pictures and stdout takes one: name a file or a folder with -o."
            )
        if beside:
            raise InvalidParameter("The picture has to be made to fit too and stdout takes one: name a file with -o.")
        sys.stdout.buffer.write(pictures[0])
        sys.stdout.buffer.flush()
        return [job.target]
    ready = fitted(job, kind)
    paths = [*outputs(ready, faces), *_beside(ready, beside)]
    taken = [] if overwrite else [path for path in paths if os.path.lexists(path)]
    if taken:
        raise FileExists(f"{taken[0]} exists already; --overwrite replaces it.")
    try:
        job.target.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        raise StorageFull(f"The folder {job.target.parent} cannot be made.") from None
    for path, data in zip(paths, [*pictures, *beside.values()], strict=True):
        files.write_file(path, data, overwrite=overwrite)
    return paths


def _beside(target: Path, endings: Iterable[str]) -> list[Path]:
    return [target.with_name(target.stem + ending) for ending in endings]


def existing(job: Job, *, per_face: bool) -> Path | None:
    """An output of this job that is there already, if any: asked before the work is done."""
    if job.target is None or job.to_stdout or not job.target.parent.is_dir():
        return None
    if not per_face:
        return job.target if os.path.lexists(job.target) else None
    ours = re.compile(re.escape(job.target.stem) + r"-\d+" + re.escape(job.target.suffix))
    return next((path for path in sorted(job.target.parent.iterdir()) if ours.fullmatch(path.name)), None)
