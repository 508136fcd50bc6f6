"""The detector that needs no download: BlazeFace looks at the picture in several sizes, the face mesh at what it finds.

Passes, each only when needed: the whole picture (and once more within a border, for faces that fill the frame); windows over
finer sizes, for small faces; the picture turned. A face's ``found_by`` names the coarsest of them that saw it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..deadline import NO_DEADLINE, Deadline
from ..geometry import RGB, Box, Face
from .blaze import FULL_RANGE, BlazeFace
from .candidates import Candidate, Rows, gathered, no_rows
from .detector import DetectOptions, Recall
from .judge import BLAZE, confidence
from .landmarker import Landmarker
from .sanitise import sane_faces
from .tiles import Window, letterbox, placed, resized, tiles, turned, uncut

SMALL, WIDE = 192, 384
"""Sides of the two windows that the network is compiled for."""
SEEN = 0.15
"""Scores below this are no evidence of anything."""
NMS = 0.3
PRESENT = 0.5
TURNS = (90, -90, 180, 45, -45, 135, -135)
RECIPE = DetectOptions()


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to look. ``fine``: longer sides of the finer sizes; none is more than ``enlarge`` × the picture's own.

    ``weak``: a place needs one look with this score. ``accept``: the confidence of a face. ``windows``, ``places``: how much
    is looked at, at most. ``always``: also look finer and turned when the first pass has settled it.
    """

    fine: tuple[int, ...]
    enlarge: float
    weak: float
    accept: float
    windows: int
    places: int
    always: bool


EFFORT: dict[Recall, Effort] = {
    "normal": Effort((576, 960, 1536), 1.3, 0.25, 0.5, 64, 200, False),
    "high": Effort((576, 960, 1536, 2304), 2.0, 0.2, 0.25, 160, 400, True),
}
DOMINANT = 0.15
"""A sure face of this share of the picture's longer side is what the picture is of."""
SURE = 0.7
HINT = 0.15
"""A score that tells of a possible further face."""


class MediaPipeDetector:
    """See the module. Thread-safe; ``threads`` inferences run at once."""

    name = "mediapipe"

    def __init__(self, threads: int = 1) -> None:
        self._small = BlazeFace(FULL_RANGE, threads, SMALL)
        self._wide = BlazeFace(FULL_RANGE, threads, WIDE)
        self.landmarker = Landmarker(threads)

    def detect(self, image: RGB, options: DetectOptions = RECIPE, deadline: Deadline = NO_DEADLINE) -> list[Face]:
        """See FaceDetector."""
        effort = EFFORT[options.recall]
        accept = effort.accept if options.min_confidence is None else options.min_confidence
        faces = self._upright(image, effort, accept, deadline)
        if not faces or effort.always:
            faces = merged(faces, self._turned(image, effort, accept, deadline))
        faces = sane_faces(faces, image.shape[1], image.shape[0])
        return sorted(faces, key=lambda face: -face.box.area)[: options.max_faces]

    def _upright(self, image: RGB, effort: Effort, accept: float, deadline: Deadline) -> list[Face]:
        longest = max(image.shape[:2])
        looks = [
            self._look(self._small, [letterbox(image, SMALL)], deadline),
            self._look(self._wide, [letterbox(image, WIDE)], deadline),
            self._look(self._small, [letterbox(image, SMALL, fill=0.5)], deadline),
        ]
        names = ["picture", "tiles", "border"]
        places = gathered(looks, HINT, NMS)
        if effort.always or not settled(places, longest):
            left = effort.windows
            for side in effort.fine:
                windows = list(fine_windows(image, side)) if side <= effort.enlarge * longest else []
                if len(windows) > left:
                    break
                left -= len(windows)
                looks.append(self._look(self._wide, windows, deadline))
                names.append("tiles")
        places = gathered(looks, effort.weak, NMS)[: effort.places]
        faces = [self._judged(image, place, first_name(place, names, effort.weak), deadline) for place in places]
        return [face for face in faces if face.confidence >= accept]

    def _look(self, net: BlazeFace, windows: Iterable[Window], deadline: Deadline) -> Rows:
        found = [no_rows()]
        for window in windows:
            deadline.check()
            found.append(placed(uncut(net(window.pixels, SEEN), window), window))
        return np.concatenate(found)

    def _judged(self, image: RGB, place: Candidate, found_by: str, deadline: Deadline) -> Face:
        deadline.check()
        box = Box(*(float(v) for v in place.row[:4]))
        face = Face(box, place.best, place.row[5:].reshape(6, 2).copy(), found_by=found_by)
        first, presence = self.landmarker.landmarks(image, face)
        points, again = self.landmarker.refined(image, first)
        shift = float(np.linalg.norm(points[:, :2] - first[:, :2], axis=1).mean()) / max(1e-6, box.side)
        sure = confidence(BLAZE, place.total, place.best, presence, shift)
        mesh = points if again >= PRESENT else first
        seen = max(presence, again)
        return Face(box, sure, face.keypoints, mesh if seen >= PRESENT else None, seen, found_by)

    def _turned(self, image: RGB, effort: Effort, accept: float, deadline: Deadline) -> list[Face]:
        seen = []
        for degrees in TURNS:
            rows = self._look(self._small, [turned(image, SMALL, math.radians(degrees))], deadline)
            seen.append((float(rows[:, 4].max(initial=0.0)), degrees, rows))
        for best, degrees, rows in sorted(seen, key=lambda item: -item[0])[:2]:
            if best < effort.weak:
                break
            wide = self._look(self._wide, [turned(image, WIDE, math.radians(degrees))], deadline)
            places = gathered([rows, wide], effort.weak, NMS)[: effort.places]
            faces = [self._judged(image, place, "turned", deadline) for place in places]
            if faces := [face for face in faces if face.confidence >= accept]:
                return faces
        return []


def settled(places: list[Candidate], longest: int) -> bool:
    """True when every place seen so far is a sure and large face: the picture is a portrait and needs no finer look."""
    return bool(places) and all(place.best >= SURE and max(place.row[2:4]) >= DOMINANT * longest for place in places)


def fine_windows(image: RGB, side: int) -> Iterable[Window]:
    """Wide windows over the picture at ``side`` pixels on its longer side."""
    height, width = image.shape[:2]
    factor = side / max(height, width)
    return tiles(resized(image, round(width * factor), round(height * factor)), 1 / factor, WIDE)


def first_name(place: Candidate, names: list[str], weak: float) -> str:
    """The first pass that saw the place well enough."""
    return next(name for name, score in zip(names, place.looks, strict=True) if score >= weak)


def merged(faces: list[Face], more: list[Face]) -> list[Face]:
    """``faces`` and those of ``more`` that lie at none of their places."""
    return faces + [face for face in more if all(face.box.iou(known.box) < NMS for known in faces)]
