"""The detector: several looks at the picture in passes, then a verdict on each place that one of them saw.

The passes, each only when needed: the whole picture in two sizes, and once more within a border for faces that fill the frame;
windows over finer sizes for small faces; the picture turned. ``found_by`` names the first of them that saw a face well.
BlazeFace looks always; YuNet joins it where its file is. The verdict (see judge.py) weighs all looks and the face mesh.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

from ..deadline import NO_DEADLINE, Deadline
from ..errors import EngineUnavailable
from ..geometry import RGB, Face
from .blaze import FULL_RANGE, BlazeFace
from .candidates import Candidate
from .detector import DetectOptions
from .effort import (
    CERTAIN,
    EFFORTS,
    FOLLOWED,
    FOLLOWED_BLIND,
    HINT,
    HINT_ZOOM,
    MAX_HINTS,
    NMS,
    SMALL,
    SURE,
    TURNED_TRIES,
    TURNS,
    WIDE,
    YUNET_SIZE,
    Bar,
    Effort,
)
from .examiner import Examiner
from .landmarker import Landmarker
from .looks import Looks, Mapper, hints
from .sanitise import sane_faces
from .tiles import fine_windows, halved, letterbox, shrunk, turned
from .yunet import YuNet

RECIPE = DetectOptions()


class FaceFinder:
    """See the module. Thread-safe; ``threads`` inferences of each network run at once, also those of one picture.

    Raises EngineUnavailable when the mediapipe package's models are not there.
    """

    def __init__(self, threads: int = 1, yunet: YuNet | None = None) -> None:
        self._small = BlazeFace(FULL_RANGE, threads, SMALL)
        self._wide = BlazeFace(FULL_RANGE, threads, WIDE)
        self._yunet = yunet
        self._examiner = Examiner(self._small, Landmarker(threads))
        pool = ThreadPoolExecutor(threads, thread_name_prefix="faces") if threads > 1 else None
        self._run: Mapper = pool.map if pool else map

    @property
    def name(self) -> str:
        """``yunet`` or ``mediapipe``: what ``detector=auto`` looks with."""
        return "mediapipe" if self._yunet is None else "yunet"

    @property
    def landmarker(self) -> Landmarker:
        return self._examiner.landmarker

    def detect(self, image: RGB, options: DetectOptions = RECIPE, deadline: Deadline = NO_DEADLINE) -> list[Face]:
        """See FaceDetector. Raises EngineUnavailable for ``detector="yunet"`` without its file."""
        if options.detector == "yunet" and self._yunet is None:
            raise EngineUnavailable("YuNet is not installed here; detector=mediapipe or auto is.")
        yunet = None if options.detector == "mediapipe" else self._yunet
        effort = EFFORTS[options.recall]
        asked = None if options.min_confidence is None else Bar(options.min_confidence, options.min_confidence)
        bar = asked or (effort.with_yunet if yunet else effort.mediapipe)
        faces = over(bar, self._upright(image, effort, yunet, bar.company, deadline))
        if effort.always or all(face.confidence < CERTAIN for face in faces):
            bar = asked or effort.turned
            faces = merged(faces, over(bar, self._turned(image, effort, bar.company, deadline)))
        faces = sane_faces(faces, image.shape[1], image.shape[0])
        return sorted(faces, key=lambda face: -face.box.area)[: options.max_faces]

    def _upright(
        self, image: RGB, effort: Effort, yunet: YuNet | None, accept: float, deadline: Deadline
    ) -> list[Face]:
        base, zoom = shrunk(image, max(effort.fine))
        looks = Looks(self._run, zoom)
        wide = letterbox(base, WIDE)
        whole = looks.take(self._small, "picture", [halved(wide)], deadline)
        looks.take(self._wide, "picture", [wide], deadline)
        if effort.always or whole[:, 4].max(initial=0.0) < SURE:
            looks.take(self._small, "border", [letterbox(base, SMALL, fill=0.5)], deadline)
        if yunet:
            looks.take(yunet, "picture", [letterbox(base, YUNET_SIZE)], deadline)
        if effort.always or not self._settled(image, looks, deadline):
            self._fine(looks, base, effort, yunet, deadline)
        return self._verdicts(image, looks, effort, accept, deadline)

    def _settled(self, image: RGB, looks: Looks, deadline: Deadline) -> bool:
        """True when the picture is a portrait whose few hints of further faces come to nothing from near by."""
        rest = hints(looks.places(HINT), max(image.shape[:2]))
        if rest is None or len(rest) > MAX_HINTS:
            return False
        for place in rest:
            deadline.check()
            for row in self._examiner.near(image, place.row, HINT_ZOOM, FOLLOWED):
                if row[4] >= FOLLOWED_BLIND or self._examiner.presence(image, row) >= FOLLOWED:
                    return False
        return True

    def _fine(self, looks: Looks, base: RGB, effort: Effort, yunet: YuNet | None, deadline: Deadline) -> None:
        largest = effort.enlarge * looks.zoom * max(base.shape[:2])
        left = effort.windows
        for side in effort.fine:
            windows = fine_windows(base, side, WIDE) if side <= largest else []
            left -= len(windows)
            if left < 0:
                break
            looks.take(self._wide, "tiles", windows, deadline)
        if yunet and (side := min(effort.yunet, int(largest))) > YUNET_SIZE:
            looks.take(yunet, "tiles", fine_windows(base, side, YUNET_SIZE), deadline)

    def _turned(self, image: RGB, effort: Effort, accept: float, deadline: Deadline) -> list[Face]:
        base, zoom = shrunk(image, max(effort.fine))
        tries = []
        for degrees in TURNS:
            looks = Looks(self._run, zoom)
            rows = looks.take(self._small, "turned", [turned(base, SMALL, math.radians(degrees))], deadline)
            tries.append((float(rows[:, 4].max(initial=0.0)), degrees, looks))
        found: list[Face] = []
        for best, degrees, looks in sorted(tries, key=lambda item: -item[0])[:TURNED_TRIES]:
            if best >= effort.weak:
                looks.take(self._wide, "turned", [turned(base, WIDE, math.radians(degrees))], deadline)
                found = merged(found, self._verdicts(image, looks, effort, accept, deadline))
        return found

    def _verdicts(self, image: RGB, looks: Looks, effort: Effort, accept: float, deadline: Deadline) -> list[Face]:
        def verdict(place: Candidate) -> Face | None:
            deadline.check()
            return self._examiner.verdict(image, looks, place, looks.found_by(place, effort.weak), accept)

        places = looks.places(effort.weak)[: effort.places]
        return merged([], [face for face in self._run(verdict, places) if face is not None])


def over(bar: Bar, faces: list[Face]) -> list[Face]:
    """The faces that are sure enough: where one is certain others are likely; where none is, it may be a dog."""
    company = any(face.confidence >= CERTAIN for face in faces)
    return [face for face in faces if face.confidence >= (bar.company if company else bar.alone)]


def merged(faces: list[Face], more: list[Face]) -> list[Face]:
    """Both, and of two at the same place the one that is surer."""
    kept: list[Face] = []
    for face in sorted(faces + more, key=lambda face: -face.confidence):
        if all(face.box.iou(known.box) < NMS for known in kept):
            kept.append(face)
    return kept
