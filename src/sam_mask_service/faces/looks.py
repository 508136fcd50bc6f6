"""What several looks at one picture have seen, and who took them in which pass."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

import numpy as np

from ..deadline import Deadline
from ..geometry import RGB, Box
from .candidates import Candidate, Rows, crowded_out, gathered, no_rows
from .effort import DOMINANT, NMS, SEEN, SURE, YUNET_SEEN
from .judge import Evidence
from .tiles import Window, placed, uncut
from .yunet import YuNet

Pass = Literal["picture", "tiles", "border", "turned"]
A = TypeVar("A")
B = TypeVar("B")
HAIR = 0.3
"""A face's box grown by so much of it on every side holds hair and neck."""


class Network(Protocol):
    """What sees candidates in a window of ``size``."""

    size: int

    def __call__(self, window: RGB, threshold: float) -> Rows: ...


class Mapper(Protocol):
    """``map`` or a thread pool's: the results in the order of the items."""

    def __call__(self, function: Callable[[A], B], items: Iterable[A], /) -> Iterator[B]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Glance:
    """One look to be taken: ``net`` over all ``windows``, in the pass ``name``."""

    net: Network
    name: Pass
    windows: Sequence[Window]


@dataclass(slots=True)
class Looks:
    """Look by look: ``rows``, what it saw in picture pixels; ``by_yunet`` and ``passes``, who took it and in which pass."""

    run: Mapper = map
    rows: list[Rows] = field(default_factory=list)
    by_yunet: list[bool] = field(default_factory=list)
    passes: list[Pass] = field(default_factory=list)

    def take(self, glances: Sequence[Glance], deadline: Deadline) -> list[Rows]:
        """One look each, all of their windows at once, so that no core waits between looks: what each has seen. The largest
        windows come first, or one of them is left to a single core at the end.

        Raises DeadlinePassed and ClientLeft.
        """

        def see(item: tuple[Network, Window]) -> Rows:
            net, window = item
            deadline.check()
            return placed(uncut(net(window.pixels, YUNET_SEEN if isinstance(net, YuNet) else SEEN), window), window)

        longest = sorted(glances, key=lambda glance: -glance.net.size)
        seen = self.run(see, [(glance.net, window) for glance in longest for window in glance.windows])
        rows = {glance: [no_rows(), *itertools.islice(seen, len(glance.windows))] for glance in longest}
        for glance in glances:
            self.rows.append(np.concatenate(rows[glance]))
            self.by_yunet.append(isinstance(glance.net, YuNet))
            self.passes.append(glance.name)
        return self.rows[len(self.rows) - len(glances) :]

    def places(self, weak: float) -> list[Candidate]:
        """The distinct places that a look scored ``weak`` or more, best first."""
        return gathered(self.rows, weak, NMS, added=self.by_yunet)

    def crowded_out(self, weak: float) -> int:
        """How many candidates were too many to become places."""
        return crowded_out(self.rows, weak)

    def found_by(self, place: Candidate, weak: float) -> Pass:
        """The first pass that saw the place well enough."""
        return next(name for name, score in zip(self.passes, place.looks, strict=True) if score >= weak)

    def evidence(self, place: Candidate, presence: float, shift: float, straight: float | None) -> Evidence:
        """All that is known of the place."""
        scores = list(zip(place.looks, self.by_yunet, self.passes, strict=True))
        blaze = [score for score, yunet, _ in scores if not yunet]
        other = [score for score, yunet, _ in scores if yunet]
        return Evidence(
            total=sum(blaze),
            best=max(blaze),
            presence=presence,
            shift=shift,
            yunet=max(other) if other else None,
            bordered=not any(score for score, _, name in scores if name != "border"),
            straight=straight,
            side=float(max(place.row[2:4])),
        )

    def hints(self, places: list[Candidate], longest: int) -> list[Candidate] | None:
        """What else there may be in a portrait: the places that lie at none of its sure and large faces. None when it is none.

        BlazeFace says whether it is: YuNet's being sure must not end the search in which BlazeFace finds further faces."""
        large = [p for p in places if self._own(p) >= SURE and max(p.row[2:4]) >= DOMINANT * longest]
        return [p for p in places if not any(_at(p, face) for face in large)] if large else None

    def _own(self, place: Candidate) -> float:
        return max((score for score, yunet in zip(place.looks, self.by_yunet, strict=True) if not yunet), default=0.0)


def _at(place: Candidate, face: Candidate) -> bool:
    x, y = box_of(place.row).centre
    return box_of(face.row).grown(HAIR).contains(x, y)


def box_of(row: Rows) -> Box:
    """The box of one candidate."""
    return Box(*(float(v) for v in row[:4]))
