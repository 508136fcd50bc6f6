"""Which detector there is: the built-in one, joined by the networks whose files are here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .detector import FaceDetector
from .ensemble import MEMBERS
from .finder import FaceFinder
from .tuning import TUNED, Tuning


def build_detector(
    files: Mapping[str, Path | None] | None = None,
    models: Path | None = None,
    threads: int = 1,
    tuning: Tuning = TUNED,
) -> FaceDetector:
    """``files``: of the ensemble's members by name, None for one that is not installed. ``models``: the models folder;
    without one, what came with the environment. ``threads``: how many inferences may run at once.

    Raises ModelMissing, and EngineUnavailable when a member's file cannot be read.
    """
    here = {name: file for name, file in (files or {}).items() if file is not None}
    nets = {member: member.build(here[member.name], member.size, threads) for member in MEMBERS if member.name in here}
    return FaceFinder(threads, nets, models, tuning)
