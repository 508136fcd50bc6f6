"""The detector: several looks at the picture in passes, then a verdict on each place that one of them saw.

The passes, each only when needed: the whole picture in two sizes, and once more within a border for faces that fill the frame;
windows over finer sizes for small faces; the picture turned. ``found_by`` names the first of them that saw a face well.
BlazeFace looks always; YuNet joins it where its file is. The verdict (see judge.py) weighs all looks and the face mesh.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from ..deadline import NO_DEADLINE, Deadline
from ..errors import EngineUnavailable
from ..geometry import RGB, Face
from .blaze import FULL_RANGE, BlazeFace
from .candidates import Candidate, Rows
from .choice import besides, merged, over, same
from .detector import DetectOptions, Faces
from .effort import (
    CERTAIN,
    EFFORTS,
    FOLLOWED,
    FOLLOWED_BLIND,
    HINT,
    HINT_ZOOM,
    MAX_HINTS,
    MAX_SECTIONS,
    QUARTER_SEEN,
    SMALL,
    SURE,
    TURNED_TRIES,
    TURNS,
    WIDE,
    YUNET_SIZE,
    Bar,
)
from .examiner import Examiner
from .landmarker import Landmarker
from .looks import Glance, Looks, Mapper, Network, box_of
from .sanitise import sane_faces
from .sections import Search, sections
from .tiles import (
    Pyramid,
    Window,
    around,
    fine_windows,
    halved,
    length,
    letterbox,
    placed,
    quartered,
    turned,
    within,
)
from .yunet import YuNet

RECIPE = DetectOptions()
T = TypeVar("T")
_Hint = tuple[Rows, float]
"""A candidate in the picture's pixels, and the turn in radians in which it was seen."""


class FaceFinder:
    """See the module. Thread-safe; ``threads`` inferences of each network run at once, also those of one picture.

    Raises EngineUnavailable when the mediapipe package's models are not there.
    """

    def __init__(self, threads: int = 1, yunet: YuNet | None = None) -> None:
        self._small = BlazeFace(FULL_RANGE, threads, SMALL)
        self._wide = BlazeFace(FULL_RANGE, threads, WIDE)
        self._yunet = yunet
        self._examiner = Examiner(self._small, Landmarker(threads))
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="faces") if threads > 1 else None
        self._run: Mapper = self._pool.map if self._pool else map

    def _soon(self, work: Callable[[], T]) -> Callable[[], T]:
        """``work``, begun now where there is a thread for it; else done when its result is asked for."""
        return self._pool.submit(work).result if self._pool else work

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
        picture = Pyramid(image)
        search = Search(picture, sections(picture, MAX_SECTIONS), effort, deadline)
        quarters = None if effort.always else self._soon(partial(self._quarters, search))
        faces = self._upright(search, yunet, bar.company)
        faces = over(bar, faces, 0.0 if asked else effort.background)
        certain = [face for face in faces if face.confidence >= CERTAIN]
        bar = asked or effort.turned
        if quarters is None or not certain:
            more = self._turned(search, certain, bar.company)
        else:
            more = self._beside(search, faces, quarters(), bar.company)
        faces = merged(faces, over(bar, more))
        faces = sane_faces(faces, image.shape[1], image.shape[0])
        return Faces(sorted(faces, key=lambda face: -face.box.area), search.unexamined)

    def _upright(self, search: Search, yunet: YuNet | None, accept: float) -> list[Face]:
        effort, deadline = search.effort, search.deadline
        looks = Looks(self._run)
        wide = search.views(partial(letterbox, size=WIDE))
        glances = [Glance(self._small, "picture", [halved(w) for w in wide]), Glance(self._wide, "picture", wide)]
        if yunet:
            glances.append(Glance(yunet, "picture", search.views(partial(letterbox, size=YUNET_SIZE))))
        whole, *_ = looks.take(glances, deadline)
        if effort.always or whole[:, 4].max(initial=0.0) < SURE:
            looks.take(
                [Glance(self._small, "border", search.views(partial(letterbox, size=SMALL, fill=0.5)))], deadline
            )
        if not effort.always and (settled := self._settled(search, looks, accept)) is not None:
            return settled
        looks.take(self._fine(search, yunet), deadline)
        return self._verdicts(search, looks, looks.places(effort.weak), accept)

    def _settled(self, search: Search, looks: Looks, accept: float) -> list[Face] | None:
        """The faces of a portrait whose few hints of further ones come to nothing from near by; None when it is none. The hints
        are looked at beside the verdicts, which are hardly ever in vain."""
        places = looks.places(HINT)
        rest = looks.hints(places, max(search.picture.shape[:2]))
        if rest is None or len(rest) > MAX_HINTS:
            return None
        promises = self._run(partial(self._promises, search), rest)
        sure = [p for p in places if p.best >= search.effort.weak and not any(p is hint for hint in rest)]
        faces = self._verdicts(search, looks, sure, accept)
        return None if any(promises) else faces

    def _promises(self, search: Search, hint: Candidate) -> bool:
        """Whether a hint, seen from near by, may be a face."""
        search.deadline.check()
        near = self._examiner.near(search.picture, hint.row, HINT_ZOOM, FOLLOWED)
        return any(row[4] >= FOLLOWED_BLIND or self._examiner.presence(search.picture, row) >= FOLLOWED for row in near)

    def _fine(self, search: Search, yunet: YuNet | None) -> list[Glance]:
        picture, effort = search.picture, search.effort
        largest = effort.enlarge * length(picture)
        left, glances = effort.windows, []
        for side in effort.fine:
            windows = fine_windows(picture, side, WIDE) if side <= largest else []
            left -= len(windows)
            if left < 0:
                break
            glances.append(Glance(self._wide, "tiles", windows))
        if yunet and (side := min(effort.yunet, int(largest))) > YUNET_SIZE:
            glances.append(Glance(yunet, "tiles", fine_windows(picture, side, YUNET_SIZE)))
        return glances

    def _turned(self, search: Search, certain: list[Face], accept: float) -> list[Face]:
        """Faces besides the ``certain`` ones, seen in the most promising turns of the whole picture."""

        def look(angle: float) -> _Turn:
            windows = search.views(partial(turned, size=SMALL, angle=angle))
            return _Turn.taken(search, certain, Looks(), self._small, windows, angle)

        def closer(turn: _Turn) -> _Turn:
            windows = search.views(partial(turned, size=WIDE, angle=turn.angle))
            return _Turn.taken(search, certain, turn.looks, self._wide, windows, turn.angle)

        turns = best_turns(self._run(look, map(math.radians, TURNS)), TURNED_TRIES)
        return self._judged(search, list(self._run(closer, turns)), accept)

    def _beside(self, search: Search, known: list[Face], seen: list[_Hint], accept: float) -> list[Face]:
        """Turned faces beside the ``known`` ones: what was ``seen`` coarsely in quarter turns, seen again from near by."""

        def look(task: _Hint) -> _Turn:
            row, angle = task
            window = around(search.picture, box_of(row), HINT_ZOOM, angle, SMALL)
            return _Turn.taken(search, known, Looks(), self._small, [window], angle)

        new = [hint for hint in seen if not any(same(face.box, box_of(hint[0])) for face in known)]
        return self._judged(search, best_turns(self._run(look, new[:MAX_HINTS]), MAX_HINTS), accept)

    def _quarters(self, search: Search) -> list[_Hint]:
        """What is seen in the whole picture's quarter turns, best first."""
        seen: list[_Hint] = []
        for part in search.parts:
            search.deadline.check()
            sheet, views = quartered(part.view(partial(letterbox, size=SMALL // 2)))
            rows = self._small(sheet, QUARTER_SEEN)
            for left, top, view in views:
                seen += [(row, view.angle) for row in placed(within(rows, left, top, SMALL // 2), view)]
        return sorted(seen, key=lambda hint: -float(hint[0][4]))

    def _judged(self, search: Search, turns: list[_Turn], accept: float) -> list[Face]:
        found: list[Face] = []
        for turn in turns:
            found = merged(found, self._verdicts(search, turn.looks, turn.places, accept))
        return found

    def _verdicts(self, search: Search, looks: Looks, places: list[Candidate], accept: float) -> list[Face]:
        def verdict(place: Candidate) -> Face | None:
            search.deadline.check()
            found_by = looks.found_by(place, search.effort.weak)
            return self._examiner.verdict(search.picture, looks, place, found_by, accept)

        looked_at = search.within(places, looks.crowded_out(search.effort.weak))
        return merged([], [face for face in self._run(verdict, looked_at) if face is not None])


@dataclass(frozen=True, slots=True, eq=False)
class _Turn:
    """What was seen turned by ``angle`` radians. ``places``: where none of the known faces is."""

    looks: Looks
    angle: float
    places: list[Candidate]

    @classmethod
    def taken(
        cls, search: Search, known: list[Face], looks: Looks, net: Network, windows: list[Window], angle: float
    ) -> _Turn:
        """After another look, of ``net`` at ``windows``."""
        looks.take([Glance(net, "turned", windows)], search.deadline)
        return cls(looks, angle, besides(known, looks.places(search.effort.weak)))

    @property
    def promise(self) -> float:
        return max((place.best for place in self.places), default=0.0)


def best_turns(turns: Iterable[_Turn], count: int) -> list[_Turn]:
    """The most promising ones, best first, at most ``count``; those in which nothing was seen are left out."""
    return sorted((turn for turn in turns if turn.places), key=lambda turn: -turn.promise)[:count]
