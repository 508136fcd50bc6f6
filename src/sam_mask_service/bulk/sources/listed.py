"""A list of pictures: a text with a path or an address a line, a CSV or a Parquet table with a column of them."""

from __future__ import annotations

import contextlib
import csv
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...doors import stores, tree
from .. import parquet
from ..errors import BadInput
from ..line import Address, Found
from . import Options, Source

COLUMNS = ("path", "url", "source", "input", "file", "image", "picture", "address", "filename")
"""Which column holds the pictures, where none is named: the first of these, else the only one."""
_WEB = re.compile(r"https?://", re.IGNORECASE)


@dataclass(frozen=True)
class Listed:
    """Relative paths are below the list's own folder."""

    path: Path
    lines: Callable[[Path, str | None], Iterator[str]]
    column: str | None
    changing: bool = False
    repeats: bool = True
    named: bool = True

    def found(self) -> Iterator[Found]:
        folder = self.path.absolute().parent
        for line in self.lines(self.path, self.column):
            if line.strip():
                yield _found(line.strip(), folder)

    def shown(self, name: str) -> str:
        return name


def listed(text: str, options: Options) -> Source | None:
    """Raises BadInput where no column is meant, ExtraMissing for Parquet without its library."""
    path = Path(text)
    lines = _READERS.get(path.suffix.lower())
    if lines is None or not path.is_file():
        return None
    next(lines(path, options.column), None)
    return Listed(path, lines, options.column)


def column_of(names: list[str], wanted: str | None, path: Path) -> str:
    """Raises BadInput."""
    known = {name.strip().lower(): name for name in reversed(names)}
    choices = (wanted.strip().lower(),) if wanted else COLUMNS
    found = next((known[name] for name in choices if name in known), None)
    if found is None and not wanted and len(names) == 1:
        return names[0]
    if found is None:
        raise BadInput(f"{path}: name the column of pictures by --column; there are: {', '.join(names)}")
    return found


def _text(path: Path, _: str | None) -> Iterator[str]:
    with _opened(path), path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
        yield from file


def _table(path: Path, wanted: str | None) -> Iterator[str]:
    """A table without a head has one column: its first line is a picture then."""
    with _opened(path), path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        rows = csv.reader(file)
        head = next(rows, [])
        if wanted is None and len(head) == 1 and head[0].strip().lower() not in COLUMNS:
            at, rows = 0, itertools.chain([head], rows)  # type: ignore[assignment]
        else:
            at = head.index(column_of(head, wanted, path)) if head else 0
        for row in rows:
            if len(row) > at:
                yield row[at]


def _parquet(path: Path, wanted: str | None) -> Iterator[str]:
    return parquet.column(path, column_of(parquet.names(path), wanted, path))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[None]:
    """Turns what reading a list can raise into BadInput."""
    try:
        yield
    except (OSError, csv.Error):
        raise BadInput(f"{path} cannot be read as a list.") from None


_READERS: dict[str, Callable[[Path, str | None], Iterator[str]]] = {
    ".txt": _text,
    ".lst": _text,
    ".csv": _table,
    ".parquet": _parquet,
}


def _found(line: str, folder: Path) -> Found:
    """What is behind a URL is not asked for again once it is done."""
    if _WEB.match(line):
        return Found(line, Address("url", line), stamp=line)
    if stores.is_address(line):
        return Found(line, Address("store", line), stamp=line)
    entry = tree.entry_of(folder / line)
    return Found(line, Address("file", str(entry.path)), stamp=entry.stamp)
