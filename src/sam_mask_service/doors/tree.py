"""What lies below a folder that the user of the command line named: all of it, so that nothing is passed over
unsaid.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from .folder import READ

What = Literal["file", "special", "missing", "link", "unreadable"]


class Entry(NamedTuple):
    """``file``: a regular file, perhaps behind a link. ``special``: a pipe, device or socket. ``missing``: a link that
    leads nowhere. ``link``: one to a folder, not entered, which also ends every loop. ``unreadable``: a folder that
    cannot be listed. ``stamp``: of a regular file; it changes whenever the file does."""

    path: Path
    what: What
    stamp: str = ""


def everything_in(folder: Path, without: Path | None = None) -> Iterator[Entry]:
    """All below ``folder`` but folders that can be entered, sorted within each folder. ``without``: a folder that is
    left out.
    """
    for path, what, stamp in walked(folder, without):
        yield Entry(Path(path), what, stamp)


def walked(folder: Path, without: Path | None = None) -> Iterator[tuple[str, What, str]]:
    """As ``everything_in``, with paths as plain texts: there may be millions."""
    left_out = None if without is None else without.resolve()
    lost: list[OSError] = []
    for where, folders, names in os.walk(folder, onerror=lost.append, followlinks=False):
        yield from _unreadable(lost)
        links = {name for name in folders if Path(where, name).is_symlink()}
        folders[:] = sorted(name for name in folders if name not in links and not _is(Path(where, name), left_out))
        base = os.path.join(where, "")  # noqa: PTH118
        for name in sorted([*names, *links]):
            yield (base + name, "link", "") if name in links else (base + name, *_state(base + name))
    yield from _unreadable(lost)


def entry_of(path: Path) -> Entry:
    """What one path leads to."""
    return Entry(path, *_state(str(path)))


def _state(path: str) -> tuple[What, str]:
    try:
        status = os.stat(path)  # noqa: PTH116
    except (OSError, RuntimeError, ValueError):
        return "missing", ""
    if not stat.S_ISREG(status.st_mode):
        return "special", ""
    return "file", f"{status.st_size}-{status.st_mtime_ns:x}-{status.st_ctime_ns:x}-{status.st_ino:x}"


def head_of(path: Path, length: int) -> bytes:
    """The first ``length`` bytes of a regular file, fewer where it has fewer; none where it cannot be read."""
    try:
        descriptor = os.open(path.resolve(), READ)
    except (OSError, RuntimeError, ValueError):
        return b""
    try:
        return os.read(descriptor, length) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def is_readable(path: Path) -> bool:
    return os.access(path, os.R_OK)


def _unreadable(lost: list[OSError]) -> Iterator[tuple[str, What, str]]:
    while lost:
        yield str(lost.pop(0).filename), "unreadable", ""


def _is(path: Path, other: Path | None) -> bool:
    return other is not None and path.resolve() == other
