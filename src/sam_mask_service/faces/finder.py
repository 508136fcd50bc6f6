"""The detector: several looks at the picture in passes, then a verdict on each place that one of them saw.

The passes, each only when needed: the whole picture in two sizes, and once more within a border for faces that fill the frame;
windows over finer sizes for small faces; the picture turned. ``found_by`` names the first of them that saw a face well.
BlazeFace looks always; YuNet joins it where its file is. The verdict (see judge.py) weighs all looks and the face mesh.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from ..deadline import NO_DEADLINE, Deadline
from ..errors import EngineUnavailable
from ..geometry import RGB, Box, Face
from .blaze import FULL_RANGE, BlazeFace
from .candidates import Candidate, Rows, gathered, no_rows, overlaps
from .detector import DetectOptions
from .effort import (
    CERTAIN,
    DOMINANT,
    EFFORTS,
    FOLLOWED,
    FOLLOWED_BLIND,
    HINT,
    HINT_ZOOM,
    MAX_HINTS,
    NMS,
    SEEN,
    SMALL,
    SURE,
    TURNED_TRIES,
    TURNS,
    WIDE,
    YUNET_SEEN,
    YUNET_SIZE,
    Effort,
)
from .judge import CONFIRMED, Evidence, confidence
from .landmarker import Landmarker, eye_angle
from .sanitise import sane_faces
from .tiles import Window, around, fine_windows, letterbox, placed, turned, uncut
from .yunet import YuNet

Pass = Literal["picture", "tiles", "border", "turned"]
TILTED = 0.3
"""Radians of in-plane angle from which a candidate is looked at again, upright."""
ZOOM = 3.0
"""Side of that look's window over the candidate's."""
DOUBTFUL, SURER = 0.7, 0.1
"""Below this best score a candidate may be upside down; it is when it scores so much more when looked at so."""
PRESENT = 0.5
RECIPE = DetectOptions()


class Network(Protocol):
    """What sees candidates in a window of ``size``."""

    size: int

    def __call__(self, window: RGB, threshold: float) -> Rows: ...


@dataclass(slots=True)
class Looks:
    """What has been seen so far, look by look. ``by_yunet``, ``passes``: of each look, who took it and in which pass."""

    rows: list[Rows] = field(default_factory=list)
    by_yunet: list[bool] = field(default_factory=list)
    passes: list[Pass] = field(default_factory=list)

    def take(self, net: Network, name: Pass, windows: Iterable[Window], deadline: Deadline) -> Rows:
        """One look: ``net`` over all ``windows``. Raises DeadlinePassed."""
        yunet = isinstance(net, YuNet)
        found = [no_rows()]
        for window in windows:
            deadline.check()
            rows = net(window.pixels, YUNET_SEEN if yunet else SEEN)
            found.append(placed(uncut(rows, window), window))
        self.rows.append(np.concatenate(found))
        self.by_yunet.append(yunet)
        self.passes.append(name)
        return self.rows[-1]

    def places(self, weak: float) -> list[Candidate]:
        return gathered(self.rows, weak, NMS)

    def found_by(self, place: Candidate, weak: float) -> Pass:
        """The first pass that saw the place well enough."""
        return next(name for name, score in zip(self.passes, place.looks, strict=True) if score >= weak)

    def evidence(self, place: Candidate, presence: float, shift: float, straight: float | None) -> Evidence:
        blaze = [score for score, yunet in zip(place.looks, self.by_yunet, strict=True) if not yunet]
        other = [score for score, yunet in zip(place.looks, self.by_yunet, strict=True) if yunet]
        elsewhere = [score for score, name in zip(place.looks, self.passes, strict=True) if name != "border"]
        return Evidence(
            total=sum(blaze),
            best=max(blaze),
            presence=presence,
            shift=shift,
            yunet=max(other) if other else None,
            bordered=not any(elsewhere),
            straight=straight,
        )


class FaceFinder:
    """See the module. Thread-safe; ``threads`` inferences of each network run at once.

    Raises EngineUnavailable when the mediapipe package's models are not there.
    """

    def __init__(self, threads: int = 1, yunet: YuNet | None = None) -> None:
        self._small = BlazeFace(FULL_RANGE, threads, SMALL)
        self._wide = BlazeFace(FULL_RANGE, threads, WIDE)
        self._yunet = yunet
        self.landmarker = Landmarker(threads)

    @property
    def name(self) -> str:
        """``yunet`` or ``mediapipe``: what ``detector=auto`` looks with."""
        return "mediapipe" if self._yunet is None else "yunet"

    def detect(self, image: RGB, options: DetectOptions = RECIPE, deadline: Deadline = NO_DEADLINE) -> list[Face]:
        """See FaceDetector. Raises EngineUnavailable for ``detector="yunet"`` without its file."""
        if options.detector == "yunet" and self._yunet is None:
            raise EngineUnavailable("YuNet is not installed here; detector=mediapipe or auto is.")
        yunet = None if options.detector == "mediapipe" else self._yunet
        effort = EFFORTS[options.recall]
        accept = effort.accept if yunet is None else effort.accept_yunet
        accept = accept if options.min_confidence is None else options.min_confidence
        faces = [face for face in self._upright(image, effort, yunet, deadline) if face.confidence >= accept]
        if effort.always or all(face.confidence < CERTAIN for face in faces):
            more = self._turned(image, effort, deadline)
            faces = merged(faces, [face for face in more if face.confidence >= accept])
        faces = sane_faces(faces, image.shape[1], image.shape[0])
        return sorted(faces, key=lambda face: -face.box.area)[: options.max_faces]

    def _upright(self, image: RGB, effort: Effort, yunet: YuNet | None, deadline: Deadline) -> list[Face]:
        looks = Looks()
        whole = looks.take(self._small, "picture", [letterbox(image, SMALL)], deadline)
        looks.take(self._wide, "picture", [letterbox(image, WIDE)], deadline)
        if effort.always or whole[:, 4].max(initial=0.0) < SURE:
            looks.take(self._small, "border", [letterbox(image, SMALL, fill=0.5)], deadline)
        if yunet:
            looks.take(yunet, "picture", [letterbox(image, YUNET_SIZE)], deadline)
        if effort.always or not self._settled(image, looks, deadline):
            self._fine(looks, image, effort, yunet, deadline)
        return self._verdicts(image, looks, effort, deadline)

    def _settled(self, image: RGB, looks: Looks, deadline: Deadline) -> bool:
        """True when the picture is a portrait whose few hints of further faces come to nothing from near by."""
        rest = hints(looks.places(HINT), max(image.shape[:2]))
        if rest is None or len(rest) > MAX_HINTS:
            return False
        for place in rest:
            deadline.check()
            near = around(image, _box(place.row), HINT_ZOOM, 0.0, SMALL)
            for row in placed(self._small(near.pixels, FOLLOWED), near):
                if row[4] >= FOLLOWED_BLIND or self._presence(image, row) >= FOLLOWED:
                    return False
        return True

    def _presence(self, image: RGB, row: Rows) -> float:
        return self.landmarker.at(image, _box(row), eye_angle(row[5:7], row[7:9]))[1]

    def _fine(self, looks: Looks, image: RGB, effort: Effort, yunet: YuNet | None, deadline: Deadline) -> None:
        largest = effort.enlarge * max(image.shape[:2])
        left = effort.windows
        for side in effort.fine:
            windows = fine_windows(image, side, WIDE) if side <= largest else []
            left -= len(windows)
            if left < 0:
                break
            looks.take(self._wide, "tiles", windows, deadline)
        if yunet and (side := min(effort.yunet, int(largest))) > YUNET_SIZE:
            looks.take(yunet, "tiles", fine_windows(image, side, YUNET_SIZE), deadline)

    def _turned(self, image: RGB, effort: Effort, deadline: Deadline) -> list[Face]:
        tries = []
        for degrees in TURNS:
            looks = Looks()
            rows = looks.take(self._small, "turned", [turned(image, SMALL, math.radians(degrees))], deadline)
            tries.append((float(rows[:, 4].max(initial=0.0)), degrees, looks))
        found: list[Face] = []
        for best, degrees, looks in sorted(tries, key=lambda item: -item[0])[:TURNED_TRIES]:
            if best >= effort.weak:
                looks.take(self._wide, "turned", [turned(image, WIDE, math.radians(degrees))], deadline)
                found = merged(found, self._verdicts(image, looks, effort, deadline))
        return found

    def _verdicts(self, image: RGB, looks: Looks, effort: Effort, deadline: Deadline) -> list[Face]:
        faces = []
        for place in looks.places(effort.weak)[: effort.places]:
            deadline.check()
            faces.append(self._verdict(image, looks, place, looks.found_by(place, effort.weak)))
        return faces

    def _verdict(self, image: RGB, looks: Looks, place: Candidate, found_by: Pass) -> Face:
        row, straight = self._straightened(image, place)
        box = _box(row)
        keypoints = row[5:].reshape(6, 2).copy()
        first, presence = self.landmarker.at(image, box, eye_angle(keypoints[0], keypoints[1]))
        again, second = self.landmarker.refined(image, first)
        shift = float(np.linalg.norm(again[:, :2] - first[:, :2], axis=1).mean()) / max(1e-6, box.side)
        sure = confidence(looks.evidence(place, presence, shift, straight))
        mesh = again if second >= PRESENT else first if presence >= PRESENT else None
        return Face(box, sure, keypoints, mesh, max(presence, second), found_by)

    def _straightened(self, image: RGB, place: Candidate) -> tuple[Rows, float | None]:
        """A tilted candidate as it is seen upright, with the score it has then (0: nothing there); others as they are.

        A tilted or doubtful one is also looked at upside down: the network may take a chin for a forehead.
        """
        row, score = place.row, None
        for _ in range(2):
            angle = eye_angle(row[5:7], row[7:9])
            if abs(angle) < TILTED:
                break
            seen = self._upright_at(image, row, angle)
            if seen is None:
                score = score or 0.0
                break
            row, score = seen, float(seen[4])
        if score is not None or place.best < DOUBTFUL:
            seen = self._upright_at(image, row, eye_angle(row[5:7], row[7:9]) + math.pi)
            if seen is not None and seen[4] > max(CONFIRMED, (score or 0.0) + SURER, place.best + SURER):
                row, score = seen, float(seen[4])
        return row, score

    def _upright_at(self, image: RGB, row: Rows, angle: float) -> Rows | None:
        """What stands where ``row`` lies when it is looked at turned by ``angle``, or None."""
        window = around(image, _box(row), ZOOM, angle, SMALL)
        seen = self._small(window.pixels, SEEN)
        side = SMALL / ZOOM
        middle = np.array([(SMALL - side) / 2, (SMALL - side) / 2, side, side], np.float32)
        here = seen[overlaps(middle, seen) > NMS]
        return placed(here[:1], window)[0] if len(here) else None


def hints(places: list[Candidate], longest: int) -> list[Candidate] | None:
    """What else there may be in a portrait: the places that lie at none of its sure and large faces. None when it is none."""
    large = [p for p in places if p.best >= SURE and max(p.row[2:4]) >= DOMINANT * longest]
    return [p for p in places if not any(_at(p, face) for face in large)] if large else None


def _at(place: Candidate, face: Candidate) -> bool:
    """The place's middle lies in the face's box, grown by what hair and neck take."""
    x, y, width, height = (float(v) for v in place.row[:4])
    return _box(face.row).grown(0.3).contains(x + width / 2, y + height / 2)


def merged(faces: list[Face], more: list[Face]) -> list[Face]:
    """Both, and of two at the same place the one that is surer."""
    kept: list[Face] = []
    for face in sorted(faces + more, key=lambda face: -face.confidence):
        if all(face.box.iou(known.box) < NMS for known in kept):
            kept.append(face)
    return kept


def _box(row: Rows) -> Box:
    return Box(*(float(v) for v in row[:4]))
