"""A close look at one candidate: upright when it is tilted, upside down when it is doubtful, with the face mesh, then a
verdict.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..geometry import Box, Face, Points
from .blaze import BlazeFace
from .calibration import confidence
from .candidates import Candidate, Rows, overlaps
from .landmarker import Landmarker, eye_angle
from .observations import Observations, Pass, box_of
from .passes import SMALL
from .tiles import Pyramid, around, placed
from .tuning import TUNED, Tuning


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """A candidate as it is looked at: its row, its score when straightened (or None), the first mesh and its
    presence.
    """

    row: Rows
    straight: float | None
    mesh: Points
    presence: float


class Verifier:
    """``net`` is the network for windows of SMALL pixels. Thread-safe."""

    def __init__(self, net: BlazeFace, landmarker: Landmarker, tuning: Tuning = TUNED) -> None:
        self._net = net
        self._tuning = tuning
        self.landmarker = landmarker

    def verdict(
        self, picture: Pyramid, seen: Observations, place: Candidate, found_by: Pass, accept: float
    ) -> Face | None:
        """The face, or None when its confidence is below ``accept``."""
        tuning, judge = self._tuning.examine, self._tuning.calibration
        view = self._view(picture, *self._straightened(picture, place.row))
        if confidence(seen.evidence(place, view.presence, 0.0, view.straight), judge) < accept:
            return None
        if view.straight is not None or place.best < tuning.doubtful:
            view = self._other_way_up(picture, view, place.best)
        again, second = self.landmarker.refined(picture, view.mesh)
        box = box_of(view.row)
        shift = float(np.linalg.norm(again[:, :2] - view.mesh[:, :2], axis=1).mean()) / max(1e-6, box.side)
        sure = confidence(seen.evidence(place, view.presence, shift, view.straight), judge)
        if sure < accept:
            return None
        mesh = again if second >= tuning.present else view.mesh if view.presence >= tuning.present else None
        if mesh is not None:
            box = blended(box, extent(mesh), tuning.mesh_share)
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
        surer, confirmed = self._tuning.examine.surer, self._tuning.calibration.confirmed
        if flipped is None or flipped[4] <= max(confirmed, (view.straight or 0.0) + surer, best + surer):
            return view
        return self._view(picture, flipped, float(flipped[4]))

    def _straightened(self, picture: Pyramid, row: Rows) -> tuple[Rows, float | None]:
        """A tilted candidate as it is seen upright, with the score it has then (0: nothing there); others as they
        are.
        """
        score = None
        for _ in range(2):
            angle = eye_angle(row[5:7], row[7:9])
            if abs(angle) < self._tuning.examine.tilted:
                break
            seen = self._upright_at(picture, row, angle)
            if seen is None:
                return row, score or 0.0
            row, score = seen, float(seen[4])
        return row, score

    def _upright_at(self, picture: Pyramid, row: Rows, angle: float) -> Rows | None:
        """What stands where ``row`` lies when it is looked at turned by ``angle``, or None."""
        zoom, place = self._tuning.examine.zoom, self._tuning.place
        window = around(picture, box_of(row), zoom, angle, SMALL)
        seen = self._net(window.pixels, place.seen)
        side = SMALL / zoom
        middle = np.array([(SMALL - side) / 2, (SMALL - side) / 2, side, side], np.float32)
        here = seen[overlaps(middle, seen) > place.nms]
        return placed(here[:1], window)[0] if len(here) else None


def extent(mesh: Points) -> Box:
    """The upright box of a mesh."""
    (x0, y0), (x1, y1) = mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)
    return Box(float(x0), float(y0), float(x1 - x0), float(y1 - y0))


def blended(seen: Box, mesh: Box, share: float) -> Box:
    """Between the detector's box and the mesh's, which has this share."""
    a, b = seen.scaled(1 - share), mesh.scaled(share)
    return Box(a.x + b.x, a.y + b.y, a.width + b.width, a.height + b.height)
