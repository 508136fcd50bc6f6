"""A row of a manifest, as an earlier run wrote it."""

from __future__ import annotations

import contextlib
import json
from pathlib import PurePath
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from ..wire import Json
from .kinds import PICTURE
from .naming import json_line

_MADE = b'"status": "ok"'


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
    """What planning asks of a row. ``kind``: in words; None where the file has to be looked at again."""

    key: str
    stamp: str
    kind: str | None
    container: str | None


def known_of(line: bytes) -> Known | None:
    """None for what is no row."""
    try:
        row = json.loads(line.decode())
        key = row["input"]
        settled = row.get("status") in ("ok", "skipped")
        kind = PICTURE.words if settled else row.get("kind")
        values = (key, row.get("stamp") or "", kind, row.get("container"))
    except (ValueError, RecursionError, TypeError, LookupError, AttributeError):
        return None
    return Known(*values) if isinstance(key, str) and all(v is None or isinstance(v, str) for v in values) else None


def as_settled(line: bytes, question: str, stamp: str) -> tuple[Json, bytes] | None:
    """The row ``line`` as one of this run, and as it is written, where it answers the same question about a file in the
    same state: whether its results are there is not asked here."""
    if question.encode() not in line:
        return None
    row = json.loads(line.decode("utf-8", "replace"))
    row = row.get("earlier") or row
    if not stamp or row.get("stamp") != stamp or row.get("question") != question:
        return None
    if not row.get("output") or not all(map(_is_plain, row["output"])):
        return None
    return {**row, "status": "skipped"}, _skipped(line, row)


def _skipped(line: bytes, row: Json) -> bytes:
    """Written anew only where the old line cannot be taken: a string inside it has its quotes escaped, so that what is
    replaced is the field."""
    if line.count(_MADE) == 1 and row.get("status") == "ok" and b'"earlier"' not in line:
        return line.replace(_MADE, b'"status": "skipped"')
    if row.get("status") == "skipped" and b'"earlier"' not in line:
        return line
    return f"{json_line({**row, 'status': 'skipped'})}\n".encode()


def is_inside(name: str) -> bool:
    """Whether ``name`` stays in the folder that it is taken in."""
    path = PurePath(name)
    return not path.is_absolute() and not path.drive and ".." not in path.parts


def _is_plain(name: object) -> bool:
    """Surely inside: told without taking the name apart."""
    return isinstance(name, str) and ".." not in name and name[:1] not in "/\\" and name[1:2] != ":"
