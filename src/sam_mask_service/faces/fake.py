"""A detector without weights: it finds what it is told. For tests of load, faults and attacks; never chosen by a
user.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..deadline import NO_DEADLINE, Deadline
from ..geometry import RGB, Box, Face, Points
from .detector import DetectOptions
from .landmarker import ROI_SCALE, SIZE, Landmarker
from .tiles import Pyramid

_ANY = DetectOptions()
RIGHT_EYE, LEFT_EYE, NOSE, LIPS, RIGHT_EAR, LEFT_EAR = 33, 263, 1, 13, 234, 454
"""Mesh points nearest to the detector's six key points."""
STEP = 0.01
"""Seconds between two looks at the deadline while asleep."""


@functools.cache
def mean_mesh() -> Points:
    """(468, 3) float32: the face that the mesh network sees in an even grey, in units of its window, about its
    centre.
    """
    grey = np.full((SIZE, SIZE, 3), 128, np.uint8)
    points, _ = Landmarker().at(Pyramid(grey), Box(0, 0, SIZE / ROI_SCALE, SIZE / ROI_SCALE), 0.0)
    points -= np.array([*points[:, :2].mean(axis=0), 0], np.float32)
    return points / np.float32(SIZE)


def face_in(box: Box, confidence: float = 0.9, angle: float = 0.0) -> Face:
    """A face with a plausible mesh and key points that fills ``box``; ``angle`` (radians) turns the mesh about its
    centre.
    """
    mesh = mean_mesh()
    extent = np.ptp(mesh[:, :2], axis=0)
    middle = (mesh[:, :2].max(axis=0) + mesh[:, :2].min(axis=0)) / 2
    flat = (mesh[:, :2] - middle) / extent * [box.width, box.height]
    c, s = math.cos(angle), math.sin(angle)
    landmarks = np.empty_like(mesh)
    landmarks[:, :2] = flat @ np.array([[c, s], [-s, c]]) + box.centre
    landmarks[:, 2] = mesh[:, 2] / extent[0] * box.width
    keypoints = landmarks[[RIGHT_EYE, LEFT_EYE, NOSE, LIPS, RIGHT_EAR, LEFT_EAR], :2].copy()
    return Face(box, confidence, keypoints, landmarks, presence=confidence, found_by="fake")


NOT_A_NUMBER = Face(Box(math.nan, 0, 10, 10), 0.9)
INVERTED = Face(Box(50, 50, -20, -20), 0.9)
OUTSIDE = Face(Box(1e9, 1e9, 10, 10), 0.9)
ENDLESS = Face(Box(-math.inf, 0, math.inf, 10), 2.0)
BAD_POINTS = Face(
    Box(8, 8, 16, 16), 1.5, np.full((6, 2), np.nan, np.float32), np.full((468, 3), np.inf, np.float32), 7.0
)
NONSENSE = (NOT_A_NUMBER, INVERTED, OUTSIDE, ENDLESS, BAD_POINTS)
"""What a broken network might give. Only the last one's box is a face; its points and numbers are not."""


@dataclass(slots=True)
class FakeDetector:
    """Finds ``faces``, or what ``faces`` says of the picture, after ``seconds`` of sleep that asks the deadline.

    ``fault`` is called before it answers and may raise. ``calls`` counts the looks taken.
    """

    faces: Sequence[Face] | Callable[[RGB], Sequence[Face]] = ()
    seconds: float = 0.0
    fault: Callable[[], None] | None = None
    name: str = "fake"
    calls: int = field(default=0, init=False)

    def detect(self, image: RGB, options: DetectOptions = _ANY, deadline: Deadline = NO_DEADLINE) -> list[Face]:
        """The faces told, unsanitised, largest first."""
        self.calls += 1
        sleep(self.seconds, deadline)
        if self.fault is not None:
            self.fault()
        faces = self.faces(image) if callable(self.faces) else self.faces
        if options.min_confidence is not None:
            faces = [face for face in faces if not face.confidence < options.min_confidence]
        return sorted(faces, key=lambda face: -face.box.area)


def sleep(seconds: float, deadline: Deadline) -> None:
    """Sleeps like work that asks its deadline between steps. Raises DeadlinePassed and ClientLeft."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        deadline.check()
        time.sleep(min(STEP, left))
    deadline.check()


def middle_face(image: RGB) -> list[Face]:
    """One face of half the picture's shorter side, in its middle: ``FakeDetector(middle_face)`` finds it in any
    picture.
    """
    height, width = image.shape[:2]
    side = min(height, width) / 2
    return [face_in(Box((width - side) / 2, (height - side) / 2, side, side))]
