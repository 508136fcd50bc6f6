"""The only file that touches paths which a caller named: pictures to read, results to write.

Two ways in. Callers over HTTP stay inside a root: the path is resolved first, judged, and then opened component by
component without following links, so that nothing can be swapped between the look and the opening. The command line
names paths of its own user, anywhere; what is shared is that only regular files are read, that nothing is overwritten
unless asked, that an output which is a symbolic link is not followed, and that a file appears whole or not at all.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..errors import FileExists, FileMissing, InvalidParameter, PathOutsideRoot, StorageFull, TooLarge
from .folder import NEW, READ, Folder, opened

MAX_PATH = 4096
MAX_NAME = 200
"""Bytes of an output name; file systems take 255, and the temporary name is longer."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{name}{i}" for name in ("com", "lpt") for i in range(1, 10))})
"""What Windows takes for a device, whatever folder and ending it is given."""


def read_inside(root: Path, name: str, max_bytes: int) -> bytes:
    """The regular file that ``name`` (relative to ``root``, or absolute) leads to, links resolved.

    Raises PathOutsideRoot, FileMissing (also for folders, devices, pipes and what may not be read), TooLarge,
    InvalidParameter.
    """
    base, inside = _resolve(root, name, "image_path")
    with _opened_folder(base, inside[:-1]) as folder:
        if not inside:
            raise FileMissing
        with _as_missing():
            descriptor = folder.open(inside[-1], READ)
        return _read(descriptor, max_bytes)


def write_inside(root: Path, name: str, data: bytes, *, overwrite: bool = False) -> Path:
    """Writes ``data`` under the plain file name ``name`` in ``root`` (made when missing) and returns the path.

    Raises PathOutsideRoot (a name with a folder in it), InvalidParameter, FileExists, StorageFull.
    """
    write_all(root, {name: data}, overwrite=overwrite)
    return root.resolve() / name


def write_all(root: Path, contents: Mapping[str, bytes], overwrite: bool = False) -> None:
    """``write_inside`` for several files that belong together: all names are judged before the first byte is written,
    and when one cannot be written, those that this call added are taken back (one that replaced an older file stays).
    """
    for name in contents:
        check_name(name)
    with _as_storage_errors():
        root.mkdir(parents=True, exist_ok=True)
        folder = opened(root.resolve(strict=True))
    added: list[str] = []
    try:
        if not overwrite and any(folder.present(name) for name in contents):
            raise FileExists
        for name, data in contents.items():
            new = not folder.present(name)
            _write(folder, name, data, overwrite)
            added += [name] if new else []
    except BaseException:
        for name in added:
            with contextlib.suppress(OSError):
                folder.unlink(name)
        raise
    finally:
        folder.close()


def check_name(name: str) -> None:
    """A plain file name. Raises PathOutsideRoot when it names another folder, InvalidParameter for anything else
    odd.
    """
    if "/" in name or "\\" in name or name in (".", ".."):
        raise PathOutsideRoot
    if not name or name.startswith((".", "-", " ")) or name.endswith((".", " ")) or not name.isprintable():
        raise InvalidParameter("output_name: a plain file name without control characters or a leading dot.")
    if os.name == "nt" and (":" in name or name.partition(".")[0].rstrip().lower() in _DEVICES):
        raise InvalidParameter("output_name: this system takes it for a device or a part of a file.")
    if len(_encoded(name, "output_name")) > MAX_NAME:
        raise InvalidParameter(f"output_name: at most {MAX_NAME} bytes.")


def read_file(path: Path, max_bytes: int) -> bytes:
    """A regular file that the user of the command line named; links are his own and are followed.

    Raises FileMissing for anything but a regular file that may be read, and TooLarge.
    """
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        raise FileMissing(f"There is no file {path}.") from None
    try:
        descriptor = os.open(real, READ)
    except OSError as error:
        raise FileMissing(f"{path} cannot be read ({error.strerror}).") from None
    return _read(descriptor, max_bytes)


def write_file(path: Path, data: bytes, *, overwrite: bool = False) -> None:
    """Writes ``data`` to ``path`` whole or not at all. An existing file stays unless ``overwrite``; an existing link is
    replaced itself, never written through. Raises FileExists, FileMissing (no such folder), StorageFull."""
    try:
        folder = opened(path.parent, follow=True)
    except OSError:
        raise FileMissing(f"There is no folder {path.parent}.") from None
    try:
        _write(folder, path.name, data, overwrite)
    finally:
        folder.close()


def _encoded(text: str, field: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidParameter(f"{field}: not valid text.") from None


def _resolve(root: Path, name: str, field: str) -> tuple[Path, tuple[str, ...]]:
    """The real root and the real components below it that ``name`` leads to."""
    if not name or "\0" in name or len(_encoded(name, field)) > MAX_PATH:
        raise InvalidParameter(f"{field}: a path of 1 to {MAX_PATH} bytes.")
    try:
        base = root.resolve(strict=True)
        real = (base / name).resolve(strict=False)
    except (OSError, RuntimeError):  # RuntimeError: a loop of links
        raise FileMissing from None
    if not real.is_relative_to(base):
        raise PathOutsideRoot
    return base, real.relative_to(base).parts


@contextlib.contextmanager
def _opened_folder(base: Path, parts: tuple[str, ...]) -> Iterator[Folder]:
    """``base``/``parts``, each step opened in the one before and refused when it is a link by now."""
    with _as_missing():
        folder = opened(base)
    try:
        for part in parts:
            with _as_missing():
                deeper = folder.deeper(part)
            folder.close()
            folder = deeper
        yield folder
    finally:
        folder.close()


@contextlib.contextmanager
def _as_missing() -> Iterator[None]:
    try:
        yield
    except OSError:
        raise FileMissing from None


def _read(descriptor: int, max_bytes: int) -> bytes:
    """Closes ``descriptor``."""
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise FileMissing
        if status.st_size > max_bytes:
            raise TooLarge
        data = bytearray()
        while chunk := os.read(descriptor, max_bytes + 1 - len(data)):
            data += chunk
    finally:
        os.close(descriptor)
    if len(data) > max_bytes:  # it grew meanwhile
        raise TooLarge
    return bytes(data)


def _write(folder: Folder, name: str, data: bytes, overwrite: bool) -> None:
    """A temporary file in the same folder, flushed to disk, then given its name in one step."""
    if not overwrite and folder.present(name):
        raise FileExists
    temporary = f".{secrets.token_hex(8)}.part"
    with _as_storage_errors():
        try:
            descriptor = folder.open(temporary, NEW)
            try:
                _write_all(descriptor, data)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            _give_name(folder, temporary, name, overwrite)
            folder.flush()
        finally:
            with contextlib.suppress(FileNotFoundError):
                folder.unlink(temporary)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _give_name(folder: Folder, temporary: str, name: str, overwrite: bool) -> None:
    if overwrite:
        folder.replace(name, by=temporary)
        return
    try:
        folder.link(name, to=temporary)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _reserve_and_replace(folder, temporary, name)


def _reserve_and_replace(folder: Folder, temporary: str, name: str) -> None:
    """For file systems without hard links: an empty file reserves the name, then is replaced."""
    os.close(folder.open(name, NEW))
    try:
        folder.replace(name, by=temporary)
    except OSError:
        folder.unlink(name)
        raise


@contextlib.contextmanager
def _as_storage_errors() -> Iterator[None]:
    try:
        yield
    except (FileExistsError, IsADirectoryError):
        raise FileExists from None
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull from error
        raise StorageFull("The output folder cannot be written.") from error
