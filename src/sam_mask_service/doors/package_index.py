"""Where a package index keeps a file: its simple pages (PEP 503 in HTML, PEP 691 in JSON). Names and hashes on them
prove nothing; the hash in the registry decides."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

from ..models.row import Archive
from .transfer import Manner, page
from .weights_errors import DownloadFailed

PYPI = "https://pypi.org/simple"
VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
"""What sets the index of the installers; the first one counts."""
ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.2"
_NAMED = re.compile(r"[A-Za-z0-9._-]+=")


def index(environment: Mapping[str, str]) -> str:
    """The index that the installers are told to use, else PyPI. uv's may have a name in front (``name=https://…``)."""
    found = next((environment[name].strip() for name in VARIABLES if environment.get(name, "").strip()), PYPI)
    return _NAMED.sub("", found, count=1) if _NAMED.match(found) else found


def address(archive: Archive, base: str, manner: Manner) -> tuple[str, Manner]:
    """The archive's address, and the manner to fetch it in. Raises DownloadFailed, WrongBytes, OSError."""
    manner = replace(manner, allow_http=manner.allow_http or urlsplit(base).scheme == "http")
    body, kind, where = page(f"{base.rstrip('/')}/{archive.project}/", ACCEPT, manner)
    for file, url in _files(body.decode("utf-8", "replace"), kind):
        if file == archive.file:
            return urldefrag(urljoin(where, url)).url, manner
    raise DownloadFailed(f"it does not have {archive.file}")


def _files(text: str, kind: str) -> Iterator[tuple[str, str]]:
    """(name, address as written) of all files that a page lists."""
    if "json" not in kind:
        yield from _Anchors(text).found
        return
    try:
        rows = [(str(file["filename"]), str(file["url"])) for file in json.loads(text)["files"]]
    except (ValueError, KeyError, TypeError):
        raise DownloadFailed("its page cannot be read") from None
    yield from rows


class _Anchors(HTMLParser):
    """Text and address of every link."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._href: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._href = dict(attrs).get("href")

    def handle_data(self, data: str) -> None:
        if self._href is not None and data.strip():
            self.found.append((data.strip(), self._href))

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._href = None
