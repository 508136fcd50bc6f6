"""A picture seen turned: what was seen in a turn, and which turns are worth another look."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..geometry import Face
from .candidates import Candidate, Rows
from .choice import elsewhere
from .ensemble import Network
from .observations import Glance, Observations
from .sections import Search
from .tiles import Tile

Hint = tuple[Rows, float]
"""A candidate in the picture's pixels, and the turn in radians in which it was seen."""


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """What was seen turned by ``angle`` radians. ``places``: where none of the known faces is."""

    seen: Observations
    angle: float
    places: list[Candidate]

    @classmethod
    def taken(
        cls, search: Search, known: list[Face], seen: Observations, net: Network, windows: list[Tile], angle: float
    ) -> Turn:
        """After another look, of ``net`` at ``windows``."""
        seen.take([Glance(net, "turned", windows)], search.deadline)
        return cls(seen, angle, elsewhere(known, seen.places(search.preset.weak), search.tuning.place))

    @property
    def promise(self) -> float:
        return max((place.best for place in self.places), default=0.0)


def best_turns(turns: Iterable[Turn], count: int) -> list[Turn]:
    """The most promising ones, best first, at most ``count``; those in which nothing was seen are left out."""
    return sorted((turn for turn in turns if turn.places), key=lambda turn: -turn.promise)[:count]
