"""The detector: several looks at the picture in passes, then a verdict on each place that one of them saw.

The passes, each only when needed: the whole picture in two sizes, and once more within a border for faces that fill the frame;
windows over finer sizes for small faces; the picture turned. ``found_by`` names the first of them that saw a face well.
BlazeFace looks always; YuNet joins it where its file is. The verdict (see judge.py) weighs all looks and the face mesh.
"""

from __future__ import annotations

import math
import statistics
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from ..deadline import NO_DEADLINE, Deadline
from ..errors import EngineUnavailable
from ..geometry import RGB, Box, Face
from .blaze import FULL_RANGE, BlazeFace
from .candidates import CONTAINED, Candidate
from .detector import DetectOptions
from .effort import (
    CERTAIN,
    EFFORTS,
    FOLLOWED,
    FOLLOWED_BLIND,
    GROUP,
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
from .looks import Glance, Looks, Mapper, Network, box_of, hints
from .sanitise import sane_faces
from .tiles import fine_windows, halved, letterbox, shrunk, turned
from .yunet import YuNet

RECIPE = DetectOptions()


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """One picture to be searched. ``base``: it at the finest size that is looked at; one pixel of it is ``zoom`` of its own."""

    image: RGB
    base: RGB
    zoom: float
    effort: Effort
    deadline: Deadline


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
        search = _Search(image, *shrunk(image, max(effort.fine)), effort, deadline)
        faces = self._upright(search, yunet, bar.company)
        faces = over(bar, faces, 0.0 if asked else effort.background)
        if effort.always or all(face.confidence < CERTAIN for face in faces):
            bar = asked or effort.turned
            faces = merged(faces, over(bar, self._turned(search, faces, bar.company)))
        faces = sane_faces(faces, image.shape[1], image.shape[0])
        return sorted(faces, key=lambda face: -face.box.area)[: options.max_faces]

    def _upright(self, search: _Search, yunet: YuNet | None, accept: float) -> list[Face]:
        base, effort, deadline = search.base, search.effort, search.deadline
        looks = Looks(self._run, search.zoom)
        wide = letterbox(base, WIDE)
        border = Glance(self._small, "border", [letterbox(base, SMALL, fill=0.5)])
        glances = [Glance(self._small, "picture", [halved(wide)]), Glance(self._wide, "picture", [wide])]
        if yunet:
            glances.append(Glance(yunet, "picture", [letterbox(base, YUNET_SIZE)]))
        whole, *_ = looks.take([*glances, border] if effort.always else glances, deadline)
        if not effort.always and whole[:, 4].max(initial=0.0) < SURE:
            looks.take([border], deadline)
        if not effort.always and (settled := self._settled(search, looks)) is not None:
            return self._verdicts(search, looks, settled, accept)
        looks.take(self._fine(search, yunet), deadline)
        return self._verdicts(search, looks, looks.places(effort.weak), accept)

    def _settled(self, search: _Search, looks: Looks) -> list[Candidate] | None:
        """The sure places of a portrait whose few hints of further faces come to nothing from near by; None when it is none."""
        places = looks.places(HINT)
        rest = hints(places, max(search.image.shape[:2]))
        if rest is None or len(rest) > MAX_HINTS or any(self._run(partial(self._promises, search), rest)):
            return None
        return [
            place for place in places if place.best >= search.effort.weak and not any(place is hint for hint in rest)
        ]

    def _promises(self, search: _Search, hint: Candidate) -> bool:
        """Whether a hint, seen from near by, may be a face."""
        search.deadline.check()
        near = self._examiner.near(search.image, hint.row, HINT_ZOOM, FOLLOWED)
        return any(row[4] >= FOLLOWED_BLIND or self._examiner.presence(search.image, row) >= FOLLOWED for row in near)

    def _fine(self, search: _Search, yunet: YuNet | None) -> list[Glance]:
        base, effort = search.base, search.effort
        largest = effort.enlarge * search.zoom * max(base.shape[:2])
        left, glances = effort.windows, []
        for side in effort.fine:
            windows = fine_windows(base, side, WIDE) if side <= largest else []
            left -= len(windows)
            if left < 0:
                break
            glances.append(Glance(self._wide, "tiles", windows))
        if yunet and (side := min(effort.yunet, int(largest))) > YUNET_SIZE:
            glances.append(Glance(yunet, "tiles", fine_windows(base, side, YUNET_SIZE)))
        return glances

    def _turned(self, search: _Search, known: list[Face], accept: float) -> list[Face]:
        """Faces seen in the most promising turns of the picture, besides the certain ones of ``known``."""
        certain = [face for face in known if face.confidence >= CERTAIN]
        turns = list(self._run(partial(_Turn.look, search, self._small, certain), TURNS))
        turns = [turn for turn in turns if turn.promise]
        best = sorted(turns, key=lambda turn: -turn.promise)[:TURNED_TRIES]
        found: list[Face] = []
        for looks in self._run(lambda turn: turn.closer(self._wide), best):
            places = besides(certain, looks.places(search.effort.weak))
            found = merged(found, self._verdicts(search, looks, places, accept))
        return found

    def _verdicts(self, search: _Search, looks: Looks, places: list[Candidate], accept: float) -> list[Face]:
        def verdict(place: Candidate) -> Face | None:
            search.deadline.check()
            found_by = looks.found_by(place, search.effort.weak)
            return self._examiner.verdict(search.image, looks, place, found_by, accept)

        return merged([], [face for face in self._run(verdict, places[: search.effort.places]) if face is not None])


@dataclass(frozen=True, slots=True, eq=False)
class _Turn:
    """The picture looked at turned by ``degrees``. ``promise``: the best score of a place besides the certain faces."""

    search: _Search
    degrees: int
    looks: Looks
    promise: float

    @classmethod
    def look(cls, search: _Search, net: Network, certain: list[Face], degrees: int) -> _Turn:
        looks = Looks(zoom=search.zoom)
        looks.take([Glance(net, "turned", [turned(search.base, net.size, math.radians(degrees))])], search.deadline)
        places = besides(certain, looks.places(search.effort.weak))
        return cls(search, degrees, looks, max((place.best for place in places), default=0.0))

    def closer(self, net: Network) -> Looks:
        """With a look of ``net`` added."""
        window = turned(self.search.base, net.size, math.radians(self.degrees))
        self.looks.take([Glance(net, "turned", [window])], self.search.deadline)
        return self.looks


def besides(faces: list[Face], places: list[Candidate]) -> list[Candidate]:
    """The places where none of the faces is."""
    return [place for place in places if not any(same(face.box, box_of(place.row)) for face in faces)]


def over(bar: Bar, faces: list[Face], background: float = 0.0) -> list[Face]:
    """The faces that are sure enough: where one is certain others are likely; where none is, it may be a dog.

    In a group more is asked of those far behind it (``background``, see Effort), which nobody wanted in the picture.
    """
    company = any(face.confidence >= CERTAIN for face in faces)
    least = bar.company if company else bar.alone
    sides = [face.box.side for face in faces if face.confidence >= SURE]
    usual = statistics.median(sides) if len(sides) >= GROUP else 0.0
    return [face for face in faces if face.confidence >= _raised(least, background, usual / max(1.0, face.box.side))]


def _raised(least: float, background: float, times: float) -> float:
    """The confidence asked of a face when the usual one is ``times`` as large: ``least``, its odds × times ^ background."""
    if background <= 0 or times <= 1 or least >= 1:
        return least
    odds = least / (1 - least) * math.pow(times, background)
    return odds / (1 + odds)


def merged(faces: list[Face], more: list[Face]) -> list[Face]:
    """Both, and of two at the same place the one that is surer."""
    kept: list[Face] = []
    for face in sorted(faces + more, key=lambda face: -face.confidence):
        if not any(same(face.box, known.box) for known in kept):
            kept.append(face)
    return kept


def same(a: Box, b: Box) -> bool:
    """Whether two boxes are of one face: a turned face's box may lie within another look's."""
    return a.iou(b) >= NMS or a.contained(b) >= CONTAINED
