"""The only file that downloads model files, and the only one that opens them.

A file gets its final name when its bytes are the published ones, never before. What was fetched of it until then lies beside it as
``.NAME.part`` and is taken up again by the next try; a lock file keeps two processes from fetching the same model twice.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal
from urllib.parse import urljoin, urlsplit

from .model_table import BY_NAME, ROWS, ModelRow
from .weights_errors import (
    DiskFull,
    DownloadFailed,
    FolderNotWritable,
    LicenceNotAccepted,
    ModelMissing,
    ModelUnknown,
    Offline,
    UnsafeFile,
    WeightsError,
    WrongBytes,
)

Progress = Callable[[int, int], None]
"""Called with the bytes that are there and the bytes of the whole file."""
Status = Literal["ok", "absent", "damaged"]

ATTEMPTS = 3
TIMEOUT_S = 30.0
"""Of connecting, and of every wait for more bytes."""
_CHUNK = 1 << 20
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_WRITE = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


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
    return folder / row.file


def listing(folder: Path) -> list[Installed]:
    return [Installed(row, _by_size(row, folder)) for row in ROWS]


def _by_size(row: ModelRow, folder: Path) -> Status:
    try:
        return "ok" if path(row, folder).stat().st_size == row.bytes else "damaged"
    except OSError:
        return "absent"


def verify(row: ModelRow, folder: Path) -> Status:
    """Reads every byte."""
    if _by_size(row, folder) != "ok":
        return _by_size(row, folder)
    with path(row, folder).open("rb") as file:
        return "ok" if _sha256(file) == row.sha256 else "damaged"


def remove(row: ModelRow, folder: Path) -> bool:
    """Removes the file and what is left of a download. True when there was anything."""
    found = False
    for one in (path(row, folder), _part(row, folder)):
        if one.exists():
            one.unlink()
            found = True
    return found


def open_unverified(row: ModelRow, folder: Path) -> IO[bytes]:
    """The installed model of the right size, opened. Nothing may come of its bytes before ``check`` has passed.

    Raises ModelMissing, WrongBytes, UnsafeFile.
    """
    try:
        file = _open_regular(path(row, folder))
    except FileNotFoundError:
        raise ModelMissing(f"{row.file} is not installed; fetch it with: sam-mask models pull {row.name}") from None
    if os.fstat(file.fileno()).st_size != row.bytes:
        file.close()
        raise _wrong(row)
    return file


def check(row: ModelRow, file: IO[bytes]) -> None:
    """Reads every byte beside whoever else reads ``file`` (its position stays). Raises WrongBytes."""
    digest, done = hashlib.sha256(), 0
    while chunk := os.pread(file.fileno(), _CHUNK, done):
        digest.update(chunk)
        done += len(chunk)
    if digest.hexdigest() != row.sha256:
        raise _wrong(row)


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
        descriptor = os.open(file_path, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        raise
    except OSError:
        raise UnsafeFile(f"{file_path.name} cannot be read.") from None
    mode = os.fstat(descriptor).st_mode
    folder = file_path.resolve().parent.stat().st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise UnsafeFile(f"{file_path.name} is no regular file.")
    if mode & stat.S_IWOTH or (folder & stat.S_IWOTH and not folder & stat.S_ISVTX):
        os.close(descriptor)
        raise UnsafeFile(
            f"{file_path.name} or its folder may be overwritten by every user of this machine (chmod o-w)."
        )
    return os.fdopen(descriptor, "rb")


def _sha256(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def pull(
    row: ModelRow,
    folder: Path,
    *,
    mirror: str | None = None,
    offline: bool = False,
    progress: Progress | None = None,
    accept_licence: bool = False,
    allow_http: bool = False,
    attempts: int = ATTEMPTS,
) -> Path:
    """The model's path, after it has been downloaded unless it is there already, every byte of it verified.

    ``mirror``: a base URL that replaces the publisher's host (``MIRROR/FILE``); the hash decides all the same. Proxies are taken
    from the environment. ``allow_http`` is for tests against a server on the loopback. Raises a WeightsError.
    """
    if verify(row, folder) == "ok":
        return path(row, folder)
    if row.caution and not accept_licence:
        raise LicenceNotAccepted(
            f"{row.name} is fetched only when its licence is accepted (--accept-licence). {row.caution}"
        )
    if offline:
        raise Offline(
            f"{row.file} is not installed and downloads are off (SAM_OFFLINE); put it into the models folder yourself."
        )
    url = _source(row, mirror, allow_http=allow_http)
    with _errors(row), _locked(row, folder):
        if verify(row, folder) != "ok":  # another process may have been quicker
            _fetch(row, folder, url, progress, attempts, allow_http=allow_http)
            _part(row, folder).replace(path(row, folder))
    return path(row, folder)


def _source(row: ModelRow, mirror: str | None, *, allow_http: bool) -> str:
    url = f"{mirror.rstrip('/')}/{row.file}" if mirror else row.url
    if not _allowed(url, allow_http=allow_http):
        raise DownloadFailed("The mirror's address must begin with https://.")
    return url


def _allowed(url: str, *, allow_http: bool) -> bool:
    return urlsplit(url).scheme == "https" or (allow_http and urlsplit(url).scheme == "http")


def _part(row: ModelRow, folder: Path) -> Path:
    return folder / f".{row.file}.part"


@contextmanager
def _locked(row: ModelRow, folder: Path) -> Iterator[None]:
    from filelock import FileLock

    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f".{row.file}.lock"):
        yield


@contextmanager
def _errors(row: ModelRow) -> Iterator[None]:
    """What the file system and the network say, in words for a user. (requests' errors are OSErrors without a number.)"""
    try:
        yield
    except OSError as e:
        if e.errno in _FULL:
            raise DiskFull(f"There is no space left for {row.file} ({row.bytes / 1e6:.0f} MB).") from e
        if e.errno in _NO_WRITE:
            raise FolderNotWritable(f"{row.file} cannot be stored: the models folder may not be written to.") from e
        raise DownloadFailed(
            f"{row.file} could not be downloaded: no connection to its host, or it was cut off."
        ) from e


def _fetch(
    row: ModelRow, folder: Path, url: str, progress: Progress | None, attempts: int, *, allow_http: bool
) -> None:
    """Leaves the verified bytes in the part file. Takes a broken-off download up again; one that is wrong starts over."""
    part = _part(row, folder)
    for attempt in range(attempts):
        last = attempt == attempts - 1
        try:
            with part.open("ab") as output:
                _Transfer(row, output, progress, allow_http=allow_http).run(url)
        except _Restart:
            part.unlink(missing_ok=True)
            if last:
                raise DownloadFailed(f"{row.file} could not be downloaded: its host would not send it.") from None
            continue
        except WrongBytes:
            part.unlink(missing_ok=True)
            raise
        except OSError as e:
            if last or e.errno in _FULL | _NO_WRITE:
                raise
            continue
        if _is_right(row, part):
            return
        part.unlink(missing_ok=True)
        if last:
            break
    raise WrongBytes(
        f"What was downloaded as {row.file} is not the published file (its hash differs); nothing was kept."
    )


def _is_right(row: ModelRow, part: Path) -> bool:
    if part.stat().st_size != row.bytes:
        return False
    with part.open("rb") as file:
        return _sha256(file) == row.sha256


class _Restart(Exception):
    """No error: the host does not take up where we stopped."""


class _Transfer:
    """One request by pooch's downloader. It is also pooch's progress bar, which is how it counts and bounds the bytes."""

    def __init__(self, row: ModelRow, output: IO[bytes], progress: Progress | None, *, allow_http: bool) -> None:
        self.row, self.output, self.progress, self.allow_http = row, output, progress, allow_http
        self.have = output.tell()
        self.total = 0
        self.answers: list[Any] = []

    def run(self, url: str) -> None:
        import pooch

        if self.have >= self.row.bytes:
            self.output.truncate(0)
            self.have = 0
        headers = {"Accept-Encoding": "identity"}
        if self.have:
            headers["Range"] = f"bytes={self.have}-"
        hooks = {"response": self._answered}
        download = pooch.HTTPDownloader(
            progressbar=self, chunk_size=_CHUNK, timeout=TIMEOUT_S, headers=headers, hooks=hooks, stream=True
        )
        try:
            download(url, self.output, None)
        finally:  # pooch leaves an answer open whose transfer failed
            for answer in self.answers:
                answer.close()

    def _answered(self, response: Any, **_: Any) -> None:
        """Called for every answer, redirects too, before it is followed."""
        self.answers.append(response)
        if response.is_redirect:
            if not _allowed(urljoin(response.url, response.headers["location"]), allow_http=self.allow_http):
                raise DownloadFailed(
                    f"The host of {self.row.file} redirects to an address that is not https://; refused."
                )
        elif response.status_code == 416:
            raise _Restart
        elif response.status_code == 200 and self.have:
            self.output.truncate(0)  # it sends all of it again
            self.have = 0

    def update(self, _: int) -> None:
        done = self.output.tell()
        if done > self.row.bytes:
            raise WrongBytes(f"The host sends more than {self.row.file} has; nothing was kept.")
        if self.progress is not None:
            self.progress(done, self.row.bytes)

    def reset(self) -> None:
        pass

    def close(self) -> None:
        pass


__all__ = [
    "Installed",
    "Progress",
    "WeightsError",
    "check",
    "listing",
    "model",
    "open_checkpoint",
    "open_unverified",
    "path",
    "pull",
    "remove",
    "verify",
]
