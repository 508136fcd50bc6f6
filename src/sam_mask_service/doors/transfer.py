"""The only file that downloads: one published file over HTTP, or a page of a package index.

What was fetched of a file lies in its part file and is taken up again by the next try; it is whole when its hash says
so.
"""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urljoin, urlsplit

from .model_files import CHUNK, Published, is_right
from .weights_errors import DownloadFailed, WrongBytes

Progress = Callable[[int, int], None]
"""Called with the bytes that are there and the bytes of the whole file."""

ATTEMPTS = 3
TIMEOUT_S = (10.0, 30.0)
"""Of connecting, and of every wait for more bytes."""
AUTHORITIES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "PIP_CERT")
"""Where a network re-signs TLS, one of these names the certificates, whichever installer was set up by it."""
PAGE_BYTES = 32 << 20
"""More than any project's page in a package index has."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
NO_WRITE = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


@dataclass(frozen=True, slots=True)
class Manner:
    """How is fetched. ``attempts``: per source; ``allow_http``: for tests against a server on the loopback, and for a
    package index that was set with such an address: the hash decides all the same."""

    progress: Progress | None = None
    attempts: int = ATTEMPTS
    allow_http: bool = False

    def allows(self, url: str) -> bool:
        return urlsplit(url).scheme == "https" or (self.allow_http and urlsplit(url).scheme == "http")


def fetch(wanted: Published, part: Path, url: str, manner: Manner) -> None:
    """Leaves the verified bytes in ``part``. Takes a broken-off download up again; one that is wrong starts over.

    Raises DownloadFailed and WrongBytes with a reason that has no name in it, and OSError.
    """
    _refuse_plain(url, manner)
    if is_right(wanted, part):  # of a process that ended before it could give it its name
        return
    for last in [False] * (manner.attempts - 1) + [True]:
        try:
            with _appended(part) as output:
                _Transfer(output, wanted.bytes, manner).run(url)
        except _Restart:
            part.unlink(missing_ok=True)
            if last:
                raise DownloadFailed("it would not send it") from None
            continue
        except WrongBytes:
            part.unlink(missing_ok=True)
            raise
        except OSError as e:
            if last or e.errno in FULL | NO_WRITE:
                raise
            continue
        if is_right(wanted, part):
            return
        part.unlink(missing_ok=True)
    raise WrongBytes("what it sent is not the published file (its hash differs); nothing was kept")


@contextmanager
def _appended(part: Path) -> Iterator[IO[bytes]]:
    """Nothing is left where nothing came."""
    try:
        with part.open("ab") as output:
            yield output
    finally:
        if part.is_file() and not part.stat().st_size:
            part.unlink()


def page(url: str, accept: str, manner: Manner) -> tuple[bytes, str, str]:
    """(body, content type, address after redirects). Raises DownloadFailed, WrongBytes (too long), OSError."""
    _refuse_plain(url, manner)
    output = io.BytesIO()
    transfer = _Transfer(output, PAGE_BYTES, Manner(allow_http=manner.allow_http), {"Accept": accept})
    transfer.run(url)
    answer = transfer.answers[-1]
    return output.getvalue(), str(answer.headers.get("content-type", "")), str(answer.url)


def _refuse_plain(url: str, manner: Manner) -> None:
    if not manner.allows(url):
        raise DownloadFailed("its address must begin with https://")


class _Restart(Exception):
    """No error: the host does not take up where we stopped."""


class _Transfer:
    """One request by pooch's downloader. It is also pooch's progress bar, which is how it counts and bounds the
    bytes.
    """

    def __init__(self, output: IO[bytes], most: int, manner: Manner, headers: dict[str, str] | None = None) -> None:
        self.output, self.most, self.manner = output, most, manner
        self.headers = {"Accept-Encoding": "identity", **(headers or {})}
        self.have = output.tell()
        self.total = 0
        self.answers: list[Any] = []

    def run(self, url: str) -> None:
        import pooch

        if self.have >= self.most:
            self.output.truncate(0)
            self.have = 0
        if self.have:
            self.headers["Range"] = f"bytes={self.have}-"
        hooks = {"response": self._answered}
        download = pooch.HTTPDownloader(
            progressbar=self,
            chunk_size=CHUNK,
            timeout=TIMEOUT_S,
            headers=self.headers,
            hooks=hooks,
            stream=True,
            verify=next((os.environ[name] for name in AUTHORITIES if os.environ.get(name)), True),
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
            if not self.manner.allows(urljoin(response.url, response.headers["location"])):
                raise DownloadFailed("it redirects to an address that is not https://; refused")
        elif response.status_code == 416:
            raise _Restart
        elif response.status_code == 200 and self.have:
            self.output.truncate(0)  # it sends all of it again
            self.have = 0

    def update(self, _: int) -> None:
        done = self.output.tell()
        if done > self.most:
            raise WrongBytes("it sends more than the file has; nothing was kept")
        if self.manner.progress is not None:
            self.manner.progress(done, self.most)

    def reset(self) -> None:
        pass

    def close(self) -> None:
        pass
