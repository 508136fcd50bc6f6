"""A close look at one candidate: upright when it is tilted, upside down when it is doubtful, with the face mesh, then a verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..geometry import Box, Face, Points
from .blaze import BlazeFace
from .candidates import Candidate, Rows, overlaps
from .effort import NMS, SEEN, SMALL
from .judge import CONFIRMED, confidence
from .landmarker import Landmarker, eye_angle
from .looks import Looks, Pass, box_of
from .tiles import Pyramid, around, placed

TILTED = 0.3
"""Radians of in-plane angle from which a candidate is looked at again, upright."""
ZOOM = 3.0
"""Side of that look's window over the candidate's."""
DOUBTFUL, SURER = 0.7, 0.1
"""Below this best score a candidate may be upside down; it is when it scores so much more when looked at so."""
PRESENT = 0.5
MESH_SHARE = 0.7
"""Of a face's box: the mesh sees where a face ends better than the detector does, above all with masks and profiles."""


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """A candidate as it is looked at: its row, its score when straightened (or None), the first mesh and its presence."""

    row: Rows
    straight: float | None
    mesh: Points
    presence: float


class Examiner:
    """``net`` is the network for windows of SMALL pixels. Thread-safe."""

    def __init__(self, net: BlazeFace, landmarker: Landmarker) -> None:
        self._net = net
        self.landmarker = landmarker

    def verdict(self, picture: Pyramid, looks: Looks, place: Candidate, found_by: Pass, accept: float) -> Face | None:
        """The face, or None when its confidence is below ``accept``."""
        view = self._view(picture, *self._straightened(picture, place.row))
        if confidence(looks.evidence(place, view.presence, 0.0, view.straight)) < accept:
            return None
        if view.straight is not None or place.best < DOUBTFUL:
            view = self._other_way_up(picture, view, place.best)
        again, second = self.landmarker.refined(picture, view.mesh)
        box = box_of(view.row)
        shift = float(np.linalg.norm(again[:, :2] - view.mesh[:, :2], axis=1).mean()) / max(1e-6, box.side)
        sure = confidence(looks.evidence(place, view.presence, shift, view.straight))
        if sure < accept:
            return None
        mesh = again if second >= PRESENT else view.mesh if view.presence >= PRESENT else None
        if mesh is not None:
            box = blended(box, extent(mesh))
        return Face(box, sure, view.row[5:].reshape(6, 2).copy(), mesh, max(view.presence, second), found_by)

    def presence(self, picture: Pyramid, row: Rows) -> float:
        """The mesh's probability that ``row`` is a face."""
        return self._view(picture, row, None).presence

    def near(self, picture: Pyramid, row: Rows, zoom: float, threshold: float) -> Rows:
        """What is seen in a window ``zoom`` × as wide as ``row``, about it."""
        window = around(picture, box_of(row), zoom, 0.0, SMALL)
        return placed(self._net(window.pixels, threshold), window)

    def _view(self, picture: Pyramid, row: Rows, straight: float | None) -> _View:
        mesh, presence = self.landmarker.at(picture, box_of(row), eye_angle(row[5:7], row[7:9]))
        return _View(row, straight, mesh, presence)

    def _other_way_up(self, picture: Pyramid, view: _View, best: float) -> _View:
        """The view upside down when that is clearly the better one."""
        flipped = self._upright_at(picture, view.row, eye_angle(view.row[5:7], view.row[7:9]) + math.pi)
        if flipped is None or flipped[4] <= max(CONFIRMED, (view.straight or 0.0) + SURER, best + SURER):
            return view
        return self._view(picture, flipped, float(flipped[4]))

    def _straightened(self, picture: Pyramid, row: Rows) -> tuple[Rows, float | None]:
        """A tilted candidate as it is seen upright, with the score it has then (0: nothing there); others as they are."""
        score = None
        for _ in range(2):
            angle = eye_angle(row[5:7], row[7:9])
            if abs(angle) < TILTED:
                break
            seen = self._upright_at(picture, row, angle)
            if seen is None:
                return row, score or 0.0
            row, score = seen, float(seen[4])
        return row, score

    def _upright_at(self, picture: Pyramid, row: Rows, angle: float) -> Rows | None:
        """What stands where ``row`` lies when it is looked at turned by ``angle``, or None."""
        window = around(picture, box_of(row), ZOOM, angle, SMALL)
        seen = self._net(window.pixels, SEEN)
        side = SMALL / ZOOM
        middle = np.array([(SMALL - side) / 2, (SMALL - side) / 2, side, side], np.float32)
        here = seen[overlaps(middle, seen) > NMS]
        return placed(here[:1], window)[0] if len(here) else None


def extent(mesh: Points) -> Box:
    """The upright box of a mesh."""
    (x0, y0), (x1, y1) = mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)
    return Box(float(x0), float(y0), float(x1 - x0), float(y1 - y0))


def blended(seen: Box, mesh: Box) -> Box:
    """Between the detector's box and the mesh's."""
    a, b = seen.scaled(1 - MESH_SHARE), mesh.scaled(MESH_SHARE)
    return Box(a.x + b.x, a.y + b.y, a.width + b.width, a.height + b.height)
