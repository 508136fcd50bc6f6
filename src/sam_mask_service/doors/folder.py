"""An opened folder: names are looked up in it and nowhere else, and no link is followed.

Where the system has descriptors of folders (Linux, macOS) nothing can be swapped between the look and the opening.
Elsewhere (Windows) a folder is its path; a file that was opened there is compared with what was looked at.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Protocol

from ..errors import StorageFull

DESCRIPTORS = os.open in os.supports_dir_fd and hasattr(os, "O_DIRECTORY")


def _flags(*names: str) -> int:
    """Those of ``os`` that this system knows."""
    return sum(getattr(os, name, 0) for name in names)


_ALWAYS = _flags("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT")
READ = os.O_RDONLY | _flags("O_NONBLOCK", "O_NOCTTY") | _ALWAYS
"""Does not wait for a pipe's other end, takes no terminal."""
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _ALWAYS
_FOLDER = os.O_RDONLY | _flags("O_DIRECTORY", "O_CLOEXEC")
_REPARSE = getattr(stat, "FILE_ATTRIBUTE_REPARSE_POINT", 0x400)


class Folder(Protocol):
    """All raise OSError."""

    def deeper(self, name: str) -> Folder:
        """The folder ``name`` in it, which must be no link."""
        ...

    def open(self, name: str, flags: int) -> int:
        """A descriptor of the file ``name`` in it, which must be no link. ``flags``: READ or NEW."""
        ...

    def present(self, name: str) -> bool:
        """Is there anything of that name, a link that leads nowhere included?"""
        ...

    def unlink(self, name: str) -> None: ...

    def replace(self, name: str, by: str) -> None:
        """``by`` gets the name, whatever had it before."""
        ...

    def link(self, name: str, to: str) -> None:
        """``to`` gets the name too, unless something has it (FileExistsError)."""
        ...

    def flush(self) -> None:
        """The names are on the disk."""
        ...

    def close(self) -> None: ...


def opened(path: Path, *, follow: bool = False) -> Folder:
    """``follow``: the path may itself be a link. Raises OSError."""
    if DESCRIPTORS:
        return ByDescriptor(os.open(path, _FOLDER if follow else _FOLDER | _ALWAYS))
    return ByPath(path, follow=follow)


def make(path: Path) -> None:
    """With those that it lies in. Raises StorageFull."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFull(f"The folder {path} cannot be made.") from error


class ByDescriptor:
    """A folder that stays the same one, whatever becomes of its path."""

    def __init__(self, descriptor: int) -> None:
        self._fd = descriptor

    def deeper(self, name: str) -> Folder:
        return ByDescriptor(os.open(name, _FOLDER | _ALWAYS, dir_fd=self._fd))

    def open(self, name: str, flags: int) -> int:
        return os.open(name, flags, 0o644, dir_fd=self._fd)

    def present(self, name: str) -> bool:
        try:
            os.stat(name, dir_fd=self._fd, follow_symlinks=False)
        except OSError:  # the write itself will say what is wrong
            return False
        return True

    def unlink(self, name: str) -> None:
        os.unlink(name, dir_fd=self._fd)

    def replace(self, name: str, by: str) -> None:
        os.replace(by, name, src_dir_fd=self._fd, dst_dir_fd=self._fd)

    def link(self, name: str, to: str) -> None:
        os.link(to, name, src_dir_fd=self._fd, dst_dir_fd=self._fd, follow_symlinks=False)

    def flush(self) -> None:
        os.fsync(self._fd)

    def close(self) -> None:
        os.close(self._fd)


class ByPath:
    """A folder by its path, for systems without descriptors of folders. Raises OSError."""

    def __init__(self, path: Path, *, follow: bool = False) -> None:
        status = path.stat() if follow else _no_link(path)
        if not stat.S_ISDIR(status.st_mode):
            raise NotADirectoryError(path)
        self._path = path

    def deeper(self, name: str) -> Folder:
        return ByPath(self._path / name)

    def open(self, name: str, flags: int) -> int:
        path = self._path / name
        if flags & os.O_CREAT:
            return os.open(path, flags, 0o644)
        looked_at = _no_link(path)
        if not stat.S_ISREG(looked_at.st_mode):
            raise IsADirectoryError(path)
        descriptor = os.open(path, flags)
        if not os.path.samestat(os.fstat(descriptor), looked_at):  # swapped meanwhile
            os.close(descriptor)
            raise FileNotFoundError(path)
        return descriptor

    def present(self, name: str) -> bool:
        return os.path.lexists(self._path / name)

    def unlink(self, name: str) -> None:
        os.unlink(self._path / name)  # noqa: PTH108 - as its sister does

    def replace(self, name: str, by: str) -> None:
        os.replace(self._path / by, self._path / name)  # noqa: PTH105 - as its sister does

    def link(self, name: str, to: str) -> None:
        os.link(self._path / to, self._path / name)

    def flush(self) -> None:
        """A folder cannot be flushed here."""

    def close(self) -> None:
        """Nothing is held."""


def _no_link(path: Path) -> os.stat_result:
    """Neither a symbolic link nor what Windows keeps like one (junctions, mount points). Raises OSError."""
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode) or getattr(status, "st_file_attributes", 0) & _REPARSE:
        raise NotADirectoryError(path)
    return status
