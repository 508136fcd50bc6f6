"""The detector: several looks at the picture in passes, then a verdict on each place that one of them saw.

The passes, each only when needed: the whole picture in two sizes, and once more within a border for faces that fill the
frame; windows over finer sizes for small faces; the picture turned. ``found_by`` names the first of them that saw a
face well. BlazeFace looks always; the networks of ensemble.py join it where their files are. The verdict (see
calibration.py) weighs all looks and the face mesh.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from ..deadline import NO_DEADLINE, Deadline
from ..errors import EngineUnavailable
from ..geometry import RGB, Face
from .blaze import FULL_RANGE, BlazeFace
from .candidates import Candidate
from .choice import accepted, merged, same
from .detector import DetectOptions, Faces
from .ensemble import MEMBERS, Member, Network
from .landmarker import Landmarker
from .observations import Glance, Mapper, Observations, box_of
from .passes import MAX_SECTIONS, SMALL, TURNS, WIDE
from .sanitise import sane_faces
from .sections import Search, sections
from .tiles import (
    Pyramid,
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
from .tuning import TUNED, Tuning
from .tuning.search import Threshold
from .turns import Hint, Turn, best_turns
from .verifier import Verifier

RECIPE = DetectOptions()
T = TypeVar("T")


class FaceFinder:
    """See the module. Thread-safe; ``threads`` inferences of each network run at once, also those of one picture.

    ``models``: the models folder (``doors.model_files.places``). Raises ModelMissing.
    """

    def __init__(
        self,
        threads: int = 1,
        others: Mapping[Member, Network] | None = None,
        models: Path | None = None,
        tuning: Tuning = TUNED,
    ) -> None:
        self._tuning = tuning
        self._small = BlazeFace(FULL_RANGE, threads, SMALL, models)
        self._wide = BlazeFace(FULL_RANGE, threads, WIDE, models)
        self._others = dict(others or {})
        self._verifier = Verifier(self._small, Landmarker(threads, models), tuning)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="faces") if threads > 1 else None
        self._run: Mapper = self._pool.map if self._pool else map

    def _soon(self, work: Callable[[], T]) -> Callable[[], T]:
        """``work``, begun now where there is a thread for it; else done when its result is asked for."""
        return self._pool.submit(work).result if self._pool else work

    @property
    def name(self) -> str:
        """What ``detector=auto`` seen with: the others that are installed, or ``mediapipe``."""
        return "+".join(member.name for member in self._others) or "mediapipe"

    @property
    def landmarker(self) -> Landmarker:
        return self._verifier.landmarker

    def detect(self, image: RGB, options: DetectOptions = RECIPE, deadline: Deadline = NO_DEADLINE) -> list[Face]:
        """See FaceDetector. Raises EngineUnavailable for a ``detector`` whose file is not here."""
        others = self._asked(options.detector)
        tuning = self._tuning
        preset = tuning.high if options.recall == "high" else tuning.normal
        asked = None if options.min_confidence is None else Threshold(options.min_confidence, options.min_confidence)
        threshold = asked or (preset.joined if others else preset.mediapipe)
        picture = Pyramid(image)
        search = Search(picture, sections(picture, MAX_SECTIONS, tuning.tile), preset, deadline, tuning)
        quarters = None if preset.always else self._soon(partial(self._quarters, search))
        faces = self._upright(search, others, threshold.company)
        faces = accepted(threshold, faces, 0.0 if asked else preset.background, tuning.search)
        certain = [face for face in faces if face.confidence >= tuning.search.certain]
        threshold = asked or preset.turned
        if quarters is None or not certain:
            more = self._turned(search, certain, threshold.company)
        else:
            more = self._beside(search, faces, quarters(), threshold.company)
        faces = merged(faces, accepted(threshold, more, tuning=tuning.search), tuning.place)
        faces = sane_faces(faces, image.shape[1], image.shape[0], tuning.sane)
        return Faces(sorted(faces, key=lambda face: -face.box.area), search.unexamined)

    def _asked(self, name: str) -> dict[Member, Network]:
        """The networks that join BlazeFace for ``detector=name``."""
        if name == "auto":
            return self._others
        if name != "mediapipe" and not any(member.name == name for member in self._others):
            title = next((member.title for member in MEMBERS if member.name == name), name)
            raise EngineUnavailable(f"{title} is not installed here; detector=mediapipe or auto is.")
        return {member: net for member, net in self._others.items() if member.name == name}

    def _upright(self, search: Search, others: Mapping[Member, Network], accept: float) -> list[Face]:
        preset, deadline = search.preset, search.deadline
        seen = Observations(self._run, tuning=search.tuning)
        wide = search.views(partial(letterbox, size=WIDE))
        glances = [Glance(self._small, "picture", [halved(w) for w in wide]), Glance(self._wide, "picture", wide)]
        for member, net in others.items():
            glances.append(Glance(net, "picture", search.views(partial(letterbox, size=member.size)), member))
        whole, *_ = seen.take(glances, deadline)
        if preset.always or whole[:, 4].max(initial=0.0) < search.tuning.search.sure:
            bordered = search.views(partial(letterbox, size=SMALL, fill=search.tuning.search.border))
            seen.take([Glance(self._small, "border", bordered)], deadline)
        if not preset.always and (settled := self._settled(search, seen, accept)) is not None:
            return settled
        seen.take(self._fine(search, others), deadline)
        return self._verdicts(search, seen, seen.places(preset.weak), accept)

    def _settled(self, search: Search, seen: Observations, accept: float) -> list[Face] | None:
        """The faces of a portrait whose few hints of further ones come to nothing from near by; None when it is none.
        The hints are looked at beside the verdicts, which are hardly ever in vain."""
        tuning = search.tuning.search
        places = seen.places(tuning.hint)
        rest = seen.hints(places, max(search.picture.shape[:2]))
        if rest is None or len(rest) > tuning.hints:
            return None
        promises = self._run(partial(self._promises, search), rest)
        sure = [p for p in places if p.best >= search.preset.weak and not any(p is hint for hint in rest)]
        faces = self._verdicts(search, seen, sure, accept)
        return None if any(promises) else faces

    def _promises(self, search: Search, hint: Candidate) -> bool:
        """Whether a hint, seen from near by, may be a face."""
        search.deadline.check()
        tuning = search.tuning.search
        near = self._verifier.near(search.picture, hint.row, tuning.hint_zoom, tuning.followed)
        return any(
            row[4] >= tuning.followed_blind or self._verifier.presence(search.picture, row) >= tuning.followed
            for row in near
        )

    def _fine(self, search: Search, others: Mapping[Member, Network]) -> list[Glance]:
        picture, preset = search.picture, search.preset
        largest = preset.enlarge * length(picture)
        left, glances = preset.windows, []
        for side in preset.fine:
            windows = fine_windows(picture, side, WIDE, search.tuning.tile) if side <= largest else []
            left -= len(windows)
            if left < 0:
                break
            glances.append(Glance(self._wide, "tiles", windows))
        for member, net in others.items():
            if (side := min(member.fine[preset.recall], int(largest))) > member.size:
                glances.append(
                    Glance(net, "tiles", fine_windows(picture, side, member.size, search.tuning.tile), member)
                )
        return glances

    def _turned(self, search: Search, certain: list[Face], accept: float) -> list[Face]:
        """Faces besides the ``certain`` ones, seen in the most promising turns of the whole picture."""

        def coarse(angle: float) -> Turn:
            windows = search.views(partial(turned, size=SMALL, angle=angle))
            return Turn.taken(search, certain, Observations(tuning=search.tuning), self._small, windows, angle)

        def closer(turn: Turn) -> Turn:
            windows = search.views(partial(turned, size=WIDE, angle=turn.angle))
            return Turn.taken(search, certain, turn.seen, self._wide, windows, turn.angle)

        turns = best_turns(self._run(coarse, map(math.radians, TURNS)), search.tuning.search.turned_tries)
        return self._judged(search, list(self._run(closer, turns)), accept)

    def _beside(self, search: Search, known: list[Face], seen: list[Hint], accept: float) -> list[Face]:
        """Turned faces beside the ``known`` ones: what was ``seen`` coarsely in quarter turns, seen again from near
        by.
        """
        tuning, place = search.tuning.search, search.tuning.place

        def near(hint: Hint) -> Turn:
            row, angle = hint
            window = around(search.picture, box_of(row), tuning.hint_zoom, angle, SMALL)
            return Turn.taken(search, known, Observations(tuning=search.tuning), self._small, [window], angle)

        new = [hint for hint in seen if not any(same(face.box, box_of(hint[0]), place) for face in known)]
        return self._judged(search, best_turns(self._run(near, new[: tuning.hints]), tuning.hints), accept)

    def _quarters(self, search: Search) -> list[Hint]:
        """What is seen in the whole picture's quarter turns, best first."""
        seen: list[Hint] = []
        for part in search.parts:
            search.deadline.check()
            sheet, views = quartered(part.view(partial(letterbox, size=SMALL // 2)))
            rows = self._small(sheet, search.tuning.search.quarter_seen)
            for left, top, view in views:
                seen += [(row, view.angle) for row in placed(within(rows, left, top, SMALL // 2), view)]
        return sorted(seen, key=lambda hint: -float(hint[0][4]))

    def _judged(self, search: Search, turns: list[Turn], accept: float) -> list[Face]:
        found: list[Face] = []
        for turn in turns:
            found = merged(found, self._verdicts(search, turn.seen, turn.places, accept), search.tuning.place)
        return found

    def _verdicts(self, search: Search, seen: Observations, places: list[Candidate], accept: float) -> list[Face]:
        def verdict(place: Candidate) -> Face | None:
            search.deadline.check()
            found_by = seen.found_by(place, search.preset.weak)
            return self._verifier.verdict(search.picture, seen, place, found_by, accept)

        looked_at = search.within(places, seen.crowded_out(search.preset.weak))
        found = [face for face in self._run(verdict, looked_at) if face is not None]
        return merged([], found, search.tuning.place)
