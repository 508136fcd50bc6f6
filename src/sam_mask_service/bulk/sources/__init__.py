"""What INPUT may be: a row per kind, tried in order. Each lists what is there; reading is ``reading.py``'s."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..line import Found


class Source(Protocol):
    """``changing``: it may be listed again and again (``--watch``). ``repeats``: it may name one thing twice.
    ``named``: each thing was named by itself, and is taken whatever it is."""

    @property
    def changing(self) -> bool: ...

    @property
    def repeats(self) -> bool: ...

    @property
    def named(self) -> bool: ...

    def found(self) -> Iterator[Found]:
        """All that is there, in an order that stays. Raises BadInput, UnsupportedMedia, StoreUnreachable and
        StoreRefused."""
        ...

    def shown(self, name: str) -> str:
        """How messages call what is listed as ``name``."""
        ...


@dataclass(frozen=True, slots=True)
class Options:
    """``column``: of a table, the one with the pictures. ``without``: OUTPUT: inside INPUT it is left out.
    ``scratch``: a folder for what has to be unpacked."""

    scratch: Path
    column: str | None = None
    without: str = ""


Opener = Callable[[str, Options], Source | None]
"""None: INPUT is nothing of its kind. Raises BadInput."""


def open_source(text: str, options: Options) -> Source:
    """Raises BadInput."""
    from .table import OPENERS

    return next(source for source in (opener(text, options) for opener in OPENERS) if source is not None)
