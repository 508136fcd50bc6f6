"""The 468-point face mesh of a found face, and the mesh's own probability that it looks at a face.

The window is mediapipe's (face_landmark_front): the box's centre, side 1.5 × the longer side, turned so that the eyes
are level.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..doors.model_files import required
from ..geometry import RGB, Box, Face, Points
from ..runtime.openvino import read, small_session
from .blaze import sigmoid
from .tiles import Pyramid, turned_window

SIZE = 192
POINTS = 468
ROI_SCALE = 1.5
MESH_RIGHT_EYE, MESH_LEFT_EYE = 33, 263
"""Mesh points at the outer eye corners, which face_landmark_front's second window takes its angle from."""


def eye_angle(right: NDArray[np.float32], left: NDArray[np.float32]) -> float:
    """Radians by which the line from the subject's right to the left eye is turned (clockwise in picture
    coordinates).
    """
    return math.atan2(float(left[1] - right[1]), float(left[0] - right[0]))


class Landmarker:
    """The mesh network, compiled. Thread-safe. ``models``: the models folder (``doors.model_files.places``).

    Raises ModelMissing.
    """

    def __init__(self, requests: int = 1, models: Path | None = None) -> None:
        self._network = small_session(read(required("face-mesh", models)), requests)

    def landmarks(self, image: RGB, face: Face) -> tuple[Points, float]:
        """((468, 3) float32 points in pixels of ``image``, presence probability 0…1). Meaningless points when presence
        is low.
        """
        angle = 0.0 if face.keypoints is None else eye_angle(face.keypoints[0], face.keypoints[1])
        return self.at(Pyramid(image), face.box, angle)

    def at(self, picture: Pyramid, box: Box, angle: float) -> tuple[Points, float]:
        """The same for a box and an in-plane angle in radians."""
        side, (cx, cy) = ROI_SCALE * box.side, box.centre
        window = turned_window(picture, (cx, cy), side, angle, SIZE)
        tensor = window[None].astype(np.float32)
        tensor *= 1 / 255
        raw, logit = self._network.run([tensor])
        local = raw.reshape(POINTS, 3) * (side / SIZE)
        local[:, :2] -= side / 2
        c, s = math.cos(angle), math.sin(angle)
        points = np.empty((POINTS, 3), np.float32)
        points[:, 0] = cx + local[:, 0] * c - local[:, 1] * s
        points[:, 1] = cy + local[:, 0] * s + local[:, 1] * c
        points[:, 2] = local[:, 2]
        return points, float(sigmoid(logit.reshape(1))[0])

    def refined(self, picture: Pyramid, points: Points) -> tuple[Points, float]:
        """A second look, in the window that the first look's points span."""
        return self.at(picture, *window_of(points))


def window_of(points: Points) -> tuple[Box, float]:
    """Box and angle for another look, from the outer eye corners as face_landmark_front has it; the box is taken in the
    face's own axes, which is tighter than that graph's upright one when the head is tilted."""
    angle = eye_angle(points[MESH_RIGHT_EYE], points[MESH_LEFT_EYE])
    c, s = math.cos(angle), math.sin(angle)
    u = points[:, 0] * c + points[:, 1] * s
    v = points[:, 1] * c - points[:, 0] * s
    w, h = float(np.ptp(u)), float(np.ptp(v))
    mu, mv = float(u.min()) + w / 2, float(v.min()) + h / 2
    return Box(mu * c - mv * s - w / 2, mu * s + mv * c - h / 2, w, h), angle
