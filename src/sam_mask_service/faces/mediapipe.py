"""The detector that needs no download: BlazeFace in passes, each candidate looked at by the face mesh."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from ..deadline import NO_DEADLINE, Deadline
from ..geometry import RGB, Box, Face
from .blaze import FULL_RANGE, SHORT_RANGE, BlazeFace, Rows, no_rows
from .detector import DetectOptions
from .landmarker import Landmarker
from .sanitise import sane_faces
from .tiles import Window, capped, distinct, letterbox, placed, resized, tiles, turned, uncut

WORK_SIDE = 1920
TILES = (480, 320)
"""Tile sides in pixels of the picture capped at WORK_SIDE."""
MAX_TILES = 128
WEAK = 0.3
SURE = 0.65
NMS = 0.3
PRESENT = 0.5
RECIPE = DetectOptions()
TURNS = (90, -90, 180, 45, -45, 135, -135)


class MediaPipeDetector:
    """BlazeFace full range on the whole picture and on tiles, short range on a grey border for faces that fill the frame."""

    name = "mediapipe"

    def __init__(self, threads: int = 1) -> None:
        self._full = BlazeFace(FULL_RANGE, threads)
        self._short = BlazeFace(SHORT_RANGE, threads)
        self.landmarker = Landmarker(threads)

    def detect(self, image: RGB, options: DetectOptions = RECIPE, deadline: Deadline = NO_DEADLINE) -> list[Face]:
        """See FaceDetector."""
        rows = [self._look(self._full, [letterbox(image, self._full.size)], WEAK, deadline)]
        rows += [self._tiles(image, deadline)]
        faces = self._confirmed(image, distinct(np.concatenate(rows), NMS), SURE, "picture", deadline)
        if not faces:
            faces = self._bordered(image, deadline)
        if not faces:
            faces = self._turned(image, deadline)
        if options.min_confidence is not None:
            faces = [face for face in faces if face.confidence >= options.min_confidence]
        faces = sane_faces(faces, image.shape[1], image.shape[0])
        return sorted(faces, key=lambda face: -face.box.area)[: options.max_faces]

    def _look(self, net: BlazeFace, windows: Iterable[Window], threshold: float, deadline: Deadline) -> Rows:
        found = [no_rows()]
        for window in windows:
            deadline.check()
            found.append(placed(uncut(net(window.pixels, threshold), window), window))
        return np.concatenate(found)

    def _tiles(self, image: RGB, deadline: Deadline) -> Rows:
        work = capped(image, WORK_SIDE)
        scale = max(image.shape[:2]) / max(work.shape[:2])
        found, left = [no_rows()], MAX_TILES
        for side in TILES:
            factor = self._full.size / side
            if max(work.shape[:2]) <= side:
                continue
            level = resized(work, round(work.shape[1] * factor), round(work.shape[0] * factor))
            windows = list(tiles(level, scale / factor, self._full.size))[:left]
            left -= len(windows)
            found.append(self._look(self._full, windows, WEAK, deadline))
        return np.concatenate(found)

    def _confirmed(self, image: RGB, rows: Rows, sure: float, found_by: str, deadline: Deadline) -> list[Face]:
        faces = []
        for row in rows:
            deadline.check()
            face = self._examined(image, row, found_by)
            if face.landmarks is not None or face.confidence > sure:
                faces.append(face)
        return faces

    def _examined(self, image: RGB, row: Rows, found_by: str) -> Face:
        box = Box(*(float(v) for v in row[:4]))
        face = Face(box, float(row[4]), row[5:].reshape(6, 2).copy(), found_by=found_by)
        points, presence = self.landmarker.landmarks(image, face)
        return Face(box, face.confidence, face.keypoints, points if presence >= PRESENT else None, presence, found_by)

    def _bordered(self, image: RGB, deadline: Deadline) -> list[Face]:
        full = self._look(self._full, [letterbox(image, self._full.size, 0.5, 128)], 0.4, deadline)
        short = self._look(self._short, [letterbox(image, self._short.size, 0.5, 128)], 0.6, deadline)
        return self._confirmed(image, distinct(np.concatenate([full, short]), NMS), 2.0, "border", deadline)

    def _turned(self, image: RGB, deadline: Deadline) -> list[Face]:
        for degrees in TURNS:
            window = turned(image, self._full.size, math.radians(degrees))
            rows = self._look(self._full, [window], 0.5, deadline)
            if faces := self._confirmed(image, distinct(rows, NMS), 2.0, "turned", deadline):
                return faces
        return []
