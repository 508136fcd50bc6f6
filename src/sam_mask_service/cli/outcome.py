"""What became of a file, and of all files of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..wire import Json
from .inputs import Job
from .work import Product


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file: ``status`` is ``ok``, ``skipped`` (its result is there already), ``error`` or
    ``not_a_picture``. ``more``: further fields of its row in a manifest."""

    job: Job
    status: str
    outputs: tuple[Path, ...] = ()
    faces: int | None = None
    stats: Json | None = None
    error: str | None = None
    code: str | None = None
    more: Json = field(default_factory=dict)

    @property
    def is_amiss(self) -> bool:
        """It failed, or its result is not what was wanted."""
        return self.error is not None

    @property
    def is_picture(self) -> bool:
        return self.status != "not_a_picture"

    def row(self) -> Json:
        """As a row of ``manifest.jsonl`` and of ``--format json``."""
        return {
            "input": self.job.name,
            "output": [str(path) for path in self.outputs],
            "status": self.status,
            "error": self.error,
            "code": self.code,
            "faces": self.faces,
            "stats": self.stats,
            **self.more,
        }


def outcome_of(job: Job, status: str, paths: Sequence[Path], made: Product, more: Json | None = None) -> Outcome:
    """Of a picture whose result is at ``paths``."""
    code = "residual_faces" if made.warning else None
    return Outcome(job, status, tuple(paths), made.found, made.stats, made.warning, code, more or {})


class Tally:
    """How many of a run's files came to what."""

    def __init__(self) -> None:
        self.pictures = self.amiss = 0
        self._counts: Counter[str] = Counter()

    def add(self, outcome: Outcome) -> None:
        self.pictures += outcome.is_picture
        self.amiss += outcome.is_amiss
        self._counts[outcome.status] += 1
        self._counts["left"] += outcome.is_amiss and outcome.status != "error"

    def __str__(self) -> str:
        return f"{self.pictures} pictures" + "".join(
            f", {self._counts[name]} {words}" for name, words, always in _WORDS if always or self._counts[name]
        )


_WORDS = (
    ("ok", "made", True),
    ("skipped", "there already", True),
    ("error", "failed", True),
    ("left", "with faces that can still be found", False),
    ("not_a_picture", "other files passed over", False),
)
"""A count → its words, and whether it is said when it is 0."""
