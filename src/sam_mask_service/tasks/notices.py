"""What is amiss with an answer that is given all the same: one row each, under ``stats.warnings``. Codes are stable."""

from __future__ import annotations

from dataclasses import dataclass

from ..wire import Json

CODES = ("more_faces", "residual_faces", "weaker_detector", "frame_beyond_picture", "enlarged")


@dataclass(frozen=True, slots=True)
class Notice:
    """``code``: of ``CODES``; ``detail``: a sentence; ``count``: how many, under the name ``of``."""

    code: str
    detail: str
    of: str = ""
    count: int = 0

    def as_dict(self) -> Json:
        return {"code": self.code, "detail": self.detail, **({self.of: self.count} if self.of else {})}


def more_faces(seen: int, most: int | None, unexamined: int) -> Notice:
    """``seen`` faces, of which the ``most`` largest alone are in the answer, and places that were too many to be looked
    at.
    """
    cut = f" The answer holds the {most} largest (SAM_MAX_FACES)." if most is not None else ""
    further = f" {unexamined} further places that may be faces were not looked at." if unexamined else ""
    return Notice("more_faces", f"{seen} faces were seen.{cut}{further}", "seen", seen)


def residual_faces(left: int) -> Notice:
    return Notice("residual_faces", f"{left} face(s) can still be found in the result.", "left", left)


FRAME_BEYOND = Notice(
    "frame_beyond_picture", "The frame reaches beyond the picture: there is background, or a subject that ends."
)
ENLARGED = Notice("enlarged", "The frame has fewer pixels than its size on paper at this dpi: it was enlarged.")
WEAKER_DETECTOR = Notice(
    "weaker_detector",
    "YuNet is not here (yet): small, turned and covered faces are missed more often (sam-mask models pull yunet).",
)


def as_stats(notices: list[Notice]) -> Json:
    """As fields of an answer's ``stats``; nothing where there is nothing to say."""
    return {"warnings": [notice.as_dict() for notice in notices]} if notices else {}


def codes_of(stats: Json) -> tuple[str, ...]:
    """The codes in an answer's ``stats``."""
    return tuple(row["code"] for row in stats.get("warnings", ()))
