"""What became of a file, and of all files of a run."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..errors import ServiceError, UnsupportedMedia
from ..wire import Json
from .action import Product
from .kinds import Kind
from .naming import shown

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file, by its ``name``: ``status`` is ``ok``, ``skipped`` (its result is there already),
    ``error`` or ``not_a_picture``. ``more``: further fields of its row in a manifest."""

    name: str
    status: str
    outputs: tuple[str, ...] = ()
    faces: int | None = None
    stats: Json | None = None
    error: str | None = None
    code: str | None = None
    more: Json = field(default_factory=dict)

    def row(self) -> Json:
        """As a row of ``manifest.jsonl`` and of ``--format json``."""
        return {
            "input": self.name,
            "output": list(self.outputs),
            "status": self.status,
            "error": self.error,
            "code": self.code,
            "faces": self.faces,
            "stats": self.stats,
            **self.more,
        }


def outcome_of(name: str, status: str, paths: Sequence[str], made: Product, more: Json | None = None) -> Outcome:
    """Of a picture whose result is at ``paths``."""
    code = "residual_faces" if made.warning else None
    return Outcome(name, status, tuple(paths), made.found, made.stats, made.warning, code, more or {})


def not_a_picture(name: str, kind: Kind) -> Outcome:
    return Outcome(name, "not_a_picture", more={"kind": kind.words})


def without_work(name: str, kind: Kind) -> Outcome | None:
    """Of a file that is none, or cannot be one that is read; None: it has to be tried."""
    if kind.failed:
        return failed(name, UnsupportedMedia(f"This is {kind.words}."))
    return None if kind.work else not_a_picture(name, kind)


def failed(name: str, error: Exception) -> Outcome:
    """No single file stops a run. What is no error of ``errors.py`` is a fault of ours, and logged."""
    if isinstance(error, ServiceError):
        return Outcome(name, "error", error=error.detail, code=error.code)
    log.error("a picture failed: %s", shown(name), exc_info=error)
    return Outcome(name, "error", error=f"A fault of ours at this picture: {type(error).__name__}.", code="internal")


def is_amiss(row: Json) -> bool:
    """It failed, or its result is not what was wanted."""
    return row["error"] is not None


def is_picture(row: Json) -> bool:
    return bool(row["status"] != "not_a_picture")


class Tally:
    """How many of a run's rows came to what."""

    def __init__(self) -> None:
        self.pictures = self.amiss = self.faces = 0
        self.failures: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()

    def add(self, row: Json) -> None:
        amiss, status = is_amiss(row), row["status"]
        self.pictures += is_picture(row)
        self.amiss += amiss
        self.faces += row["faces"] or 0
        self._counts[status] += 1
        self._counts["left"] += amiss and status != "error"
        self._counts["faceless"] += row["code"] == "no_face" or (is_picture(row) and row["faces"] == 0)
        if amiss:
            self.failures[row["code"]] += 1

    def __str__(self) -> str:
        return f"{self.pictures} pictures" + "".join(
            f", {self._counts[name]} {words}" for name, words, always in _WORDS if always or self._counts[name]
        )

    def more(self) -> str:
        """``12 faces, 3 pictures without a face; unsupported_media: 2, no_face: 3``"""
        failures = ", ".join(f"{code}: {times}" for code, times in self.failures.most_common())
        return f"{self.faces} faces, {self._counts['faceless']} pictures without a face" + (
            failures and f"; {failures}"
        )


_WORDS = (
    ("ok", "made", True),
    ("skipped", "there already", True),
    ("error", "failed", True),
    ("left", "with faces that can still be found", False),
    ("not_a_picture", "other files passed over", False),
)
"""A count → its words, and whether it is said when it is 0."""
