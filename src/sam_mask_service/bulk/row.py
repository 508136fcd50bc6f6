"""A row of a manifest, as an earlier run wrote it."""

from __future__ import annotations

import contextlib
from pathlib import PurePath
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json

from ..wire import Json
from .kinds import PICTURE
from .naming import json_line

_MADE, _SKIPPED = b'"status": "ok"', b'"status": "skipped"'


class Warned(BaseModel):
    """One of an answer's warnings, as ``tasks/notices.py`` writes it."""

    model_config = ConfigDict(extra="allow", frozen=True)
    code: str
    detail: str


class Figures(BaseModel):
    """A result's ``stats``, of which only the warnings are read again."""

    model_config = ConfigDict(extra="allow", frozen=True)
    warnings: list[Warned] = []


class Row(BaseModel):
    """``question``: the digest of what was asked; ``sha256``: of the picture's bytes; ``digests``: of its results';
    ``stamp``: what its source said of its state; ``earlier``: the row of the result that this one was refused for."""

    model_config = ConfigDict(frozen=True)
    input: str
    output: list[str]
    status: str
    error: str | None = None
    code: str | None = None
    faces: int | None = None
    stats: Figures | None = None
    sha256: str | None = None
    digests: list[str] = []
    stamp: str = ""
    seconds: float | None = None
    question: str
    action: str
    params: Json
    engine: str
    model: str
    earlier: Row | None = None

    @property
    def names(self) -> list[str]:
        """The results that lie in OUTPUT."""
        return [name for name in self.output if is_inside(name)]


def row_of(line: bytes) -> Row | None:
    """None for what is no row of a picture: its picture is made again and compared."""
    with contextlib.suppress(ValidationError):
        row = Row.model_validate_json(line)
        return row.earlier or row
    return None


class Known(NamedTuple):
    """What planning asks of a row. ``kind``: in words; None where the file has to be looked at again. ``at``,
    ``length``: where the row is, in bytes."""

    key: str
    stamp: str
    kind: str | None
    container: str | None
    at: int = 0
    length: int = 0


def known_of(line: bytes, at: int = 0) -> Known | None:
    """None for what is no row."""
    try:
        row = from_json(line)
        key = row["input"]
        settled = row.get("status") in ("ok", "skipped")
        kind = PICTURE.words if settled else row.get("kind")
        known = Known(key, row.get("stamp") or "", kind, row.get("container"), at, len(line))
    except (ValueError, TypeError, LookupError, AttributeError):
        return None
    texts = isinstance(key, str) and isinstance(known.stamp, str)
    return known if texts and _is_text(known.kind) and _is_text(known.container) else None


def equals_of(row: Json) -> str | None:
    """The SHA-256 of the pictures that may take a copy of the row's result."""
    return row.get("sha256") if row["output"] else None


def as_settled(line: bytes, question: str, stamp: str) -> Json | None:
    """The row ``line`` as one of this run, where it answers the same question about a file in the same state: whether
    its results are there is not asked here."""
    if question.encode() not in line:
        return None
    row: Json = from_json(line)
    row = row.get("earlier") or row
    if not stamp or row.get("stamp") != stamp or row.get("question") != question:
        return None
    if not row.get("output") or not all(map(_is_plain, row["output"])):
        return None
    row["status"] = "skipped"
    return row


def as_skipped(line: bytes, row: Json) -> bytes:
    """``row``, which ``as_settled`` gave, as it is written. Written anew only where the old line cannot be taken: a
    string inside it has its quotes escaped, so that what is replaced is the field."""
    if b'"earlier"' not in line:
        if line.count(_MADE) == 1:
            return line.replace(_MADE, _SKIPPED)
        if line.count(_SKIPPED) == 1:
            return line
    return f"{json_line(row)}\n".encode()


def _is_text(value: object) -> bool:
    return value is None or isinstance(value, str)


def is_inside(name: str) -> bool:
    """Whether ``name`` stays in the folder that it is taken in."""
    path = PurePath(name)
    return not path.is_absolute() and not path.drive and ".." not in path.parts


def _is_plain(name: object) -> bool:
    """Surely inside: told without taking the name apart."""
    return isinstance(name, str) and ".." not in name and name[:1] not in "/\\" and name[1:2] != ":"
