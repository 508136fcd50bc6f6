"""Which of the found faces are told: the sure ones, each once. Pure."""

from __future__ import annotations

import math
import statistics

from ..geometry import Box, Face
from .candidates import Candidate
from .observations import box_of
from .tuning.search import PLACE, SEARCH, PlaceTuning, SearchTuning, Threshold


def elsewhere(faces: list[Face], places: list[Candidate], tuning: PlaceTuning = PLACE) -> list[Candidate]:
    """The places where none of the faces is."""
    return [place for place in places if not any(same(face.box, box_of(place.row), tuning) for face in faces)]


def accepted(
    threshold: Threshold, faces: list[Face], background: float = 0, tuning: SearchTuning = SEARCH
) -> list[Face]:
    """The faces that are sure enough: where one is certain (and sure enough to be told alone), or two are, others are
    likely; where none is, it may be a dog.

    In a group more is asked of those far behind it (``background``, see Preset), which nobody wanted in the picture.
    """
    certain = [face for face in faces if face.confidence >= tuning.certain]
    company = len(certain) > 1 or any(face.confidence >= threshold.alone for face in certain)
    least = threshold.company if company else threshold.alone
    sides = [face.box.side for face in faces if face.confidence >= tuning.sure]
    usual = statistics.median(sides) if len(sides) >= tuning.group else 0.0
    return [face for face in faces if face.confidence >= _raised(least, background, usual / max(1.0, face.box.side))]


def _raised(least: float, background: float, times: float) -> float:
    """The confidence asked of a face when the usual one is ``times`` as large: ``least``, its odds × times ^
    background.
    """
    if background <= 0 or times <= 1 or least >= 1:
        return least
    odds = least / (1 - least) * math.pow(times, background)
    return odds / (1 + odds)


def merged(faces: list[Face], more: list[Face], tuning: PlaceTuning = PLACE) -> list[Face]:
    """Both, and of two at the same place the one that is surer."""
    kept: list[Face] = []
    for face in sorted(faces + more, key=lambda face: -face.confidence):
        if not any(same(face.box, known.box, tuning) for known in kept):
            kept.append(face)
    return kept


def same(a: Box, b: Box, tuning: PlaceTuning = PLACE) -> bool:
    """Whether two boxes are of one face: a turned face's box may lie within another look's."""
    return a.intersection(b) > 0 and (a.iou(b) >= tuning.nms or a.contained(b) >= tuning.contained)
