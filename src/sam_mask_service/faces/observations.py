"""What several looks at one picture have seen, and who took them in which pass."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

import numpy as np

from ..deadline import Deadline
from ..geometry import Box
from .calibration import Heard, Observation
from .candidates import Candidate, Rows, crowded_out, gathered, no_rows
from .ensemble import Member, Network
from .tiles import Tile, placed, uncut
from .tuning import TUNED, Tuning

Pass = Literal["picture", "tiles", "border", "turned"]
A = TypeVar("A")
B = TypeVar("B")


class Mapper(Protocol):
    """``map`` or a thread pool's: the results in the order of the items."""

    def __call__(self, function: Callable[[A], B], items: Iterable[A], /) -> Iterator[B]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Glance:
    """One look to be taken: ``net`` over all ``windows``, in the pass ``name``. ``member``: whose ``net`` is;
    None: BlazeFace."""

    net: Network
    name: Pass
    windows: Sequence[Tile]
    member: Member | None = None


@dataclass(slots=True)
class Observations:
    """Look by look: ``rows``, what it saw in picture pixels; ``members`` and ``passes``, whose it was (None:
    BlazeFace's) and in which pass."""

    run: Mapper = map
    rows: list[Rows] = field(default_factory=list)
    members: list[Member | None] = field(default_factory=list)
    passes: list[Pass] = field(default_factory=list)
    tuning: Tuning = TUNED

    def take(self, glances: Sequence[Glance], deadline: Deadline) -> list[Rows]:
        """One look each, all of their windows at once, so that no core waits between looks: what each has seen. The
        largest windows come first, or one of them is left to a single core at the end.

        Raises DeadlinePassed and ClientLeft.
        """

        place, tile = self.tuning.place, self.tuning.tile

        def see(item: tuple[Glance, Tile]) -> Rows:
            glance, window = item
            deadline.check()
            least = place.seen if glance.member is None else glance.member.seen
            return placed(uncut(glance.net(window.pixels, least), window, tile), window)

        longest = sorted(glances, key=lambda glance: -glance.net.size)
        seen = self.run(see, [(glance, window) for glance in longest for window in glance.windows])
        rows = {glance: [no_rows(), *itertools.islice(seen, len(glance.windows))] for glance in longest}
        for glance in glances:
            self.rows.append(np.concatenate(rows[glance]))
            self.members.append(glance.member)
            self.passes.append(glance.name)
        return self.rows[len(self.rows) - len(glances) :]

    def places(self, weak: float) -> list[Candidate]:
        """The distinct places that a look scored ``weak`` or more, best first."""
        added = [member is not None for member in self.members]
        return gathered(self.rows, weak, added, self.tuning.place)

    def crowded_out(self, weak: float) -> int:
        """How many candidates were too many to become places."""
        return crowded_out(self.rows, weak)

    def found_by(self, place: Candidate, weak: float) -> Pass:
        """The first pass that saw the place well enough."""
        return next(name for name, score in zip(self.passes, place.scores, strict=True) if score >= weak)

    def evidence(self, place: Candidate, presence: float, shift: float, straight: float | None) -> Observation:
        """All that is known of the place."""
        scores = list(zip(place.scores, self.members, self.passes, strict=True))
        blaze = [score for score, member, _ in scores if member is None]
        others = {
            member: max(score for score, whose, _ in scores if whose is member)
            for member in self.members
            if member is not None
        }
        return Observation(
            total=sum(blaze),
            best=max(blaze),
            presence=presence,
            shift=shift,
            heard=tuple(Heard(member.weights, score) for member, score in others.items()),
            bordered=not any(score for score, _, name in scores if name != "border"),
            straight=straight,
            side=float(max(place.row[2:4])),
        )

    def hints(self, places: list[Candidate], longest: int) -> list[Candidate] | None:
        """What else there may be in a portrait: the places that lie at none of its sure and large faces. None when it
        is none.

        BlazeFace says whether it is: another's being sure must not end the search in which BlazeFace finds further
        faces."""
        tuning = self.tuning.search
        large = [p for p in places if self._own(p) >= tuning.sure and max(p.row[2:4]) >= tuning.dominant * longest]
        return [p for p in places if not any(_at(p, face, tuning.hair) for face in large)] if large else None

    def _own(self, place: Candidate) -> float:
        return max(
            (score for score, whose in zip(place.scores, self.members, strict=True) if whose is None), default=0.0
        )


def _at(place: Candidate, face: Candidate, hair: float) -> bool:
    x, y = box_of(place.row).centre
    return box_of(face.row).grown(hair).contains(x, y)


def box_of(row: Rows) -> Box:
    """The box of one candidate."""
    return Box(*(float(v) for v in row[:4]))
