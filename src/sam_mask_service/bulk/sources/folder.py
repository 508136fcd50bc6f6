"""A folder with all that lies below it, and a pattern as ``photos/**/*.jpg``."""

from __future__ import annotations

import glob
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from ...doors import stores, tree
from ..errors import BadInput
from ..line import Address, Found
from . import Options, Source


@dataclass(frozen=True)
class Folder:
    root: Path
    without: Path | None = None
    changing: bool = True
    repeats: bool = False
    named: bool = False

    def found(self) -> Iterator[Found]:
        root = Path(os.path.abspath(self.root))  # noqa: PTH100 - links stay as the user wrote them
        base = os.path.join(root, "")  # noqa: PTH118 - with its slash
        for path, what, stamp in tree.walked(root, self.without):
            yield Found(_posix(path.removeprefix(base)), Address("file", path), what, stamp)

    def shown(self, name: str) -> str:
        return str(self.root / name)


@dataclass(frozen=True)
class Pattern:
    """``base``: what stands before the first wildcard; names are below it."""

    base: Path
    text: str
    without: Path | None = None
    changing: bool = True
    repeats: bool = False
    named: bool = False

    def found(self) -> Iterator[Found]:
        base = os.path.join(os.path.abspath(self.base), "")  # noqa: PTH100, PTH118
        for path in sorted(glob.iglob(os.path.abspath(self.text), recursive=True)):  # noqa: PTH100, PTH207
            entry = tree.entry_of(Path(path))
            if not entry.path.is_dir() and not self._is_left_out(entry.path):
                yield Found(_posix(path.removeprefix(base)), Address("file", path), entry.what, entry.stamp)

    def _is_left_out(self, path: Path) -> bool:
        return self.without is not None and path.resolve().is_relative_to(self.without.resolve())

    def shown(self, name: str) -> str:
        return str(self.base / name)


def folder(text: str, options: Options) -> Source | None:
    return Folder(Path(text), _left_out(options)) if Path(text).is_dir() else None


def pattern(text: str, options: Options) -> Source | None:
    """Raises BadInput where nothing fits it."""
    if not glob.has_magic(text):
        return None
    parts = PurePath(text).parts
    base = Path(*itertools.takewhile(lambda part: not glob.has_magic(part), parts))
    made = Pattern(base, text, _left_out(options))
    if next(made.found(), None) is None:
        raise BadInput(f"nothing fits {text}")
    return made


def _left_out(options: Options) -> Path | None:
    return None if not options.without or stores.is_address(options.without) else Path(options.without)


def _posix(name: str) -> str:
    return name if os.sep == "/" else name.replace(os.sep, "/")
