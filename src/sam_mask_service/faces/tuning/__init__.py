"""The tuned numbers of finding faces, together: one part per algorithm, each field with its unit and what it says.

``python -m bench.quality.tune --list`` shows them. A detector takes a changed tree as its last argument:
``build_detector(tuning=replace(TUNED, place=replace(PLACE, nms=0.4)))``.
"""

from __future__ import annotations

from dataclasses import dataclass

from .search import (
    HIGH,
    NORMAL,
    PLACE,
    SEARCH,
    SECOND,
    TILE,
    PlaceTuning,
    Preset,
    Recall,
    SearchTuning,
    SecondTuning,
    TileTuning,
)
from .verdict import CALIBRATION, EXAMINE, SANE, Calibration, ExamineTuning, SaneTuning


@dataclass(frozen=True, slots=True)
class Tuning:
    """What a detector is given."""

    normal: Preset = NORMAL
    high: Preset = HIGH
    second: SecondTuning = SECOND
    search: SearchTuning = SEARCH
    place: PlaceTuning = PLACE
    tile: TileTuning = TILE
    examine: ExamineTuning = EXAMINE
    calibration: Calibration = CALIBRATION
    sane: SaneTuning = SANE

    def preset(self, recall: Recall, again: bool = False) -> Preset:
        """How hard to look, the first time or ``again``."""
        first = self.high if recall == "high" else self.normal
        return self.second.of(first) if again else first


TUNED = Tuning()
