"""Which pictures a command line names, and where each result goes; in a folder, all that lies there."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import typer

from ..bulk.kinds import HEAD, LINK, PICTURE, SPECIAL, UNREADABLE, Kind, container_of, kind_of
from ..bulk.naming import output_names
from ..doors import files, tree
from ..errors import TooLarge

STREAM = "-"


@dataclass(frozen=True, slots=True)
class Job:
    """One picture. ``name`` is what messages call it; ``source`` None is stdin. ``target`` None: nothing is written;
    ``-`` is stdout; else the file of a single result (several results get ``-0``, ``-1``, … before its suffix).
    ``named``: the user wrote the target's name himself, so that its suffix must fit; else the result's format decides
    the suffix. ``kind``: what the file is; one that is no picture of ours is only told of."""

    name: str
    source: Path | None
    target: Path | None
    named: bool = False
    kind: Kind = PICTURE

    @property
    def to_stdout(self) -> bool:
        return self.target is not None and str(self.target) == STREAM


_BY_WHAT = {"link": LINK, "unreadable": UNREADABLE, "special": SPECIAL}


class _Found(NamedTuple):
    """``name`` for messages; ``path`` None: stdin; ``relative``: below the output folder; ``container``: what its bytes
    say.
    """

    name: str
    path: Path | None
    relative: Path
    kind: Kind = PICTURE
    container: str | None = None

    def job(self, target: Path | None, *, named: bool = False) -> Job:
        return Job(self.name, self.path, target, named, self.kind)


def gather(
    inputs: Sequence[str], out: str | None, suffix: str | None = ".png", without: Path | None = None
) -> list[Job]:
    """The jobs of ``mask INPUT… -o OUT``. ``suffix``: of outputs in a folder; None keeps each input's own. ``without``:
    a folder inside INPUT that is left out.

    Raises typer.BadParameter for a command line that makes no sense.
    """
    found = [item for word in inputs for item in _named(word, without)]
    if not any(item.kind.work or item.kind.failed for item in found):
        raise typer.BadParameter("there is no picture in this folder", param_hint="INPUT")
    if out is None or out == STREAM:
        return _without_folder(found, out)
    if len(found) > 1 or out.endswith(("/", "\\")) or any(map(_is_folder, (out, *inputs))):
        return _into_folder(found, Path(out), suffix)
    if suffix and Path(out).suffix.lower() != suffix:
        raise typer.BadParameter(
            f"the result is a {suffix[1:].upper()} file: name one that ends in {suffix}, or a folder", param_hint="-o"
        )
    return [found[0].job(Path(out), named=True)]


def _into_folder(found: Sequence[_Found], target: Path, suffix: str | None) -> list[Job]:
    """What is not worked on takes no name from what is."""
    works = [item for item in found if item.kind.work]
    relative = [item.relative.as_posix() for item in works]
    names = iter(output_names(relative, suffix, [item.container for item in works]))
    return [item.job(target / next(names) if item.kind.work else None) for item in found]


def _without_folder(found: Sequence[_Found], out: str | None) -> list[Job]:
    if out == STREAM and sum(item.kind.work for item in found) > 1:
        raise typer.BadParameter("stdout takes the result of one picture; name a folder", param_hint="-o")
    return [item.job(Path(STREAM) if out else None) for item in found]


def _is_folder(word: str) -> bool:
    """Not ``Path.is_dir``: before Python 3.14 it raises where a folder above may not be entered."""
    return os.path.isdir(word)  # noqa: PTH112


def _named(word: str, without: Path | None) -> Iterator[_Found]:
    """What one INPUT names; a file that is named by itself is taken whatever it is."""
    path = Path(word)
    if word == STREAM:
        yield _Found("stdin", None, Path("stdin"))
    elif _is_folder(word):
        for entry in tree.everything_in(path, without):
            yield _looked_at(entry, path)
    else:
        yield _Found(word, path, Path(path.name), container=container_of(tree.head_of(path, HEAD)))


def _looked_at(entry: tree.Entry, folder: Path) -> _Found:
    head = tree.head_of(entry.path, HEAD) if entry.what == "file" else b""
    kind = _kind(entry, head)
    return _Found(str(entry.path), entry.path, entry.path.relative_to(folder), kind, container_of(head))


def _kind(entry: tree.Entry, head: bytes) -> Kind:
    """What cannot be read may be a picture: reading it says why it fails."""
    if entry.what in _BY_WHAT:
        return _BY_WHAT[entry.what]
    if entry.what == "file" and not head and not tree.is_readable(entry.path):
        return PICTURE
    return kind_of(entry.path.name, head)


def read(job: Job, max_bytes: int) -> bytes:
    """The picture's bytes. Raises FileMissing and TooLarge."""
    if job.source is not None:
        return files.read_file(job.source, max_bytes)
    data = sys.stdin.buffer.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise TooLarge
    return data
