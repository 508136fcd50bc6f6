"""The detector: several looks at the picture in passes, then a verdict on each place that one of them saw.

The passes, each only when needed: the whole picture in two sizes, and once more within a border for faces that fill the frame;
windows over finer sizes for small faces; the picture turned. ``found_by`` names the first of them that saw a face well.
BlazeFace looks always; YuNet joins it where its file is. The verdict (see judge.py) weighs all looks and the face mesh.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from ..deadline import NO_DEADLINE, Deadline
from ..errors import EngineUnavailable
from ..geometry import RGB, Face
from .blaze import FULL_RANGE, BlazeFace
from .candidates import Candidate, Rows
from .choice import besides, merged, over, same
from .detector import DetectOptions
from .effort import (
    CERTAIN,
    EFFORTS,
    FOLLOWED,
    FOLLOWED_BLIND,
    HINT,
    HINT_ZOOM,
    MAX_HINTS,
    QUARTER_SEEN,
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
from .tiles import Window, around, fine_windows, halved, letterbox, placed, quartered, shrunk, turned, within
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
        certain = [face for face in faces if face.confidence >= CERTAIN]
        bar = asked or effort.turned
        if effort.always or not certain:
            more = self._turned(search, certain, bar.company)
        else:
            more = self._beside(search, faces, bar.company)
        faces = merged(faces, over(bar, more))
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

    def _turned(self, search: _Search, certain: list[Face], accept: float) -> list[Face]:
        """Faces besides the ``certain`` ones, seen in the most promising turns of the whole picture."""
        small, wide, base = self._small, self._wide, search.base

        def look(angle: float) -> _Turn:
            return _Turn.taken(search, certain, Looks(zoom=search.zoom), small, turned(base, SMALL, angle), angle)

        def closer(turn: _Turn) -> _Turn:
            return _Turn.taken(search, certain, turn.looks, wide, turned(base, WIDE, turn.angle), turn.angle)

        turns = best_turns(self._run(look, map(math.radians, TURNS)), TURNED_TRIES)
        return self._judged(search, list(self._run(closer, turns)), accept)

    def _beside(self, search: _Search, known: list[Face], accept: float) -> list[Face]:
        """Turned faces beside the ``known`` ones: seen coarsely in quarter turns of the whole, and again from near by."""

        def look(task: tuple[Rows, float]) -> _Turn:
            row, angle = task
            window = around(search.image, box_of(row), HINT_ZOOM, angle, SMALL)
            return _Turn.taken(search, known, Looks(), self._small, window, angle)

        return self._judged(
            search, best_turns(self._run(look, self._quarters(search, known)[:MAX_HINTS]), MAX_HINTS), accept
        )

    def _quarters(self, search: _Search, known: list[Face]) -> list[tuple[Rows, float]]:
        """What is seen besides the known faces in the whole picture's quarter turns, with the angle, best first."""
        sheet, views = quartered(letterbox(search.base, SMALL // 2))
        rows = self._small(sheet, QUARTER_SEEN)
        seen: list[tuple[Rows, float]] = []
        for left, top, view in views:
            there = placed(within(rows, left, top, SMALL // 2), view)
            there[:, :4] *= search.zoom
            seen += [(row, view.angle) for row in there if not any(same(face.box, box_of(row)) for face in known)]
        return sorted(seen, key=lambda item: -float(item[0][4]))

    def _judged(self, search: _Search, turns: list[_Turn], accept: float) -> list[Face]:
        found: list[Face] = []
        for turn in turns:
            found = merged(found, self._verdicts(search, turn.looks, turn.places, accept))
        return found

    def _verdicts(self, search: _Search, looks: Looks, places: list[Candidate], accept: float) -> list[Face]:
        def verdict(place: Candidate) -> Face | None:
            search.deadline.check()
            found_by = looks.found_by(place, search.effort.weak)
            return self._examiner.verdict(search.image, looks, place, found_by, accept)

        return merged([], [face for face in self._run(verdict, places[: search.effort.places]) if face is not None])


@dataclass(frozen=True, slots=True, eq=False)
class _Turn:
    """What was seen turned by ``angle`` radians. ``places``: where none of the known faces is."""

    looks: Looks
    angle: float
    places: list[Candidate]

    @classmethod
    def taken(
        cls, search: _Search, known: list[Face], looks: Looks, net: Network, window: Window, angle: float
    ) -> _Turn:
        """After another look, of ``net`` at ``window``."""
        looks.take([Glance(net, "turned", [window])], search.deadline)
        return cls(looks, angle, besides(known, looks.places(search.effort.weak)))

    @property
    def promise(self) -> float:
        return max((place.best for place in self.places), default=0.0)


def best_turns(turns: Iterable[_Turn], count: int) -> list[_Turn]:
    """The most promising ones, best first, at most ``count``; those in which nothing was seen are left out."""
    return sorted((turn for turn in turns if turn.places), key=lambda turn: -turn.promise)[:count]
