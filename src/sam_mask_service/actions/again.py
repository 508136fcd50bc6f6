"""A second look at a finished picture: the whole of it, in a mirror and moved, so that no window is one of the first
search's.

What the first search missed because a border of its windows cut it, because a face fell between two of its sizes, or by
the chance of one network's answer to one grid of pixels, is seen here under other conditions. The networks are the
same: what none of them takes for a face is not found by looking again.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..deadline import Deadline
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
    found = detector.detect(_mirrored(rgb, margin, round(tuning.grey)), options, deadline)
    faces = [_back(face, width, margin) for face in found]
    return sane_faces(faces, width, height), getattr(found, "unexamined", 0)


def _mirrored(rgb: RGB, margin: int, grey: int) -> RGB:
    """Left and right exchanged, below and right of a border of ``grey``."""
    height, width = rgb.shape[:2]
    out = np.full((height + margin, width + margin, 3), grey, np.uint8)
    out[margin:, margin:] = rgb[:, ::-1]
    return out


def _back(face: Face, width: int, margin: int) -> Face:
    box = Box(width - (face.box.right - margin), face.box.y - margin, face.box.width, face.box.height)
    return replace(face, box=box, keypoints=None, landmarks=None)
