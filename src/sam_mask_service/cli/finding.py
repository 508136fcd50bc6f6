"""One line of the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "note", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """``fail``: masks cannot be made; ``warn``: worth a change; ``note``: a fact."""

    status: Status
    topic: str
    text: str
