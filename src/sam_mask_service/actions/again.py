"""A second look at a finished picture: the whole of it, in a mirror and moved, so that no window is one of the first
search's.

It takes fewer windows than the first search, of sizes between its own (``faces/tuning/search.py``, SecondTuning): less
than half of the time, and nearly as many faces (docs/quality.md). What the first search missed because a border of its
windows cut it, because a face fell between two of its sizes, or by the chance of one network's answer to one grid of
pixels, is seen here under other conditions. The networks are the same: what none of them takes for a face is not found
by looking again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..deadline import Deadline
from ..faces.choice import merged
from ..faces.detector import DetectOptions, FaceDetector
from ..faces.sanitise import sane_faces
from ..geometry import RGB, Box, Face
from .tuning import AGAIN, AgainTuning


def look_again(
    rgb: RGB, detector: FaceDetector, options: DetectOptions, deadline: Deadline, tuning: AgainTuning = AGAIN
) -> tuple[list[Face], int]:
    """Faces found in the whole of ``rgb`` (H, W, 3) uint8, in its pixels, and how many places were too many to be
    looked at. Key points and mesh are left out. Takes the memory of one more picture."""
    height, width = rgb.shape[:2]
    margin = min(height, width) // tuning.parts
    found = detector.detect(_mirrored(rgb, margin, round(tuning.grey)), replace(options, again=True), deadline)
    faces = [_back(face, width, margin) for face in found]
    return sane_faces(faces, width, height), getattr(found, "unexamined", 0)


def look_near(
    rgb: RGB,
    places: Sequence[Face],
    detector: FaceDetector,
    options: DetectOptions,
    deadline: Deadline,
    tuning: AgainTuning = AGAIN,
) -> tuple[list[Face], int]:
    """As ``look_again``, of a picture in which nothing has changed since that but at ``places``: these are looked at
    from near by. The whole of it where they are many, which costs less then."""
    if len(places) > tuning.near:
        return look_again(rgb, detector, options, deadline, tuning)
    found: list[Face] = []
    for place in places:
        where = place.box.grown(tuning.room).pixels(rgb.shape[1], rgb.shape[0])
        window = np.ascontiguousarray(rgb[where.rows, where.columns])
        seen = detector.detect(window, replace(options, again=True), deadline)
        found = merged(found, [_moved(face, where.x, where.y) for face in seen])
    return sane_faces(found, rgb.shape[1], rgb.shape[0]), 0


def _moved(face: Face, x: int, y: int) -> Face:
    box = Box(face.box.x + x, face.box.y + y, face.box.width, face.box.height)
    return replace(face, box=box, keypoints=None, landmarks=None)


def _mirrored(rgb: RGB, margin: int, grey: int) -> RGB:
    """Left and right exchanged, below and right of a border of ``grey``."""
    height, width = rgb.shape[:2]
    out = np.full((height + margin, width + margin, 3), grey, np.uint8)
    out[margin:, margin:] = rgb[:, ::-1]
    return out


def _back(face: Face, width: int, margin: int) -> Face:
    box = Box(width - (face.box.right - margin), face.box.y - margin, face.box.width, face.box.height)
    return replace(face, box=box, keypoints=None, landmarks=None)
