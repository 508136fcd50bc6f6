"""How hard to look: numbers of ``faces/finder.py``, ``observations.py``, ``choice.py``, ``candidates.py``,
``tiles.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from ...units import Count, FaceSides, Factor, PixelCount, Pixels, Probability, Share

Recall = Literal["normal", "high"]
Finer = Literal[Recall, "again"]
"""How finely a network that joins looks: by recall, or in a second look."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """The confidence that makes a face.

    Measured by ``python -m bench.quality.tune --part normal``. YuNet's mistakes (dogs, lamps) come alone and near 0.9:
    a lone face that it sees less surely than that is seen again in the turned pass, which asks BlazeFace.
    """

    company: Probability
    """Where the picture has a certain face."""
    alone: Probability
    """Where it has none."""


@dataclass(frozen=True, slots=True)
class Preset:
    """How much of a picture is looked at, and what is told of it: a row for each ``recall``.

    Measured by ``python -m bench.quality.tune --part normal`` and ``--part high``.
    """

    finer: Finer
    """How finely the networks look that join BlazeFace."""
    fine: tuple[PixelCount, ...]
    """Longer sides of the sizes for small faces, such that few windows cover them."""
    enlarge: Factor
    """None of these sizes is more than so many times the picture's own."""
    weak: Probability
    """A place needs one look with this score."""
    mediapipe: Threshold
    """What makes a face where BlazeFace looks alone."""
    joined: Threshold
    """What makes a face where others join it."""
    turned: Threshold
    """What makes a face in the last pass, where seven turns are seven chances to err."""
    background: Factor
    """In a group the odds asked of a face grow with this power of how much smaller it is than the median of the sure
    ones.
    """
    windows: Count
    """Windows of the fine sizes, at most."""
    places: Count
    """Candidates that are looked at, at most."""
    always: bool
    """Every pass, even when the first has settled it."""
    turns: Literal["all", "unsure", "coarse"]
    """Which turns of the whole picture are looked at: all, all where no face is certain, or quarter turns coarsely and
    from near by where something is seen in them.
    """


NORMAL = Preset(
    finer="normal",
    fine=(576, 960, 1392),
    enlarge=1.3,
    weak=0.25,
    mediapipe=Threshold(0.55, 0.85),
    joined=Threshold(0.75, 0.95),
    turned=Threshold(0.9, 0.9),
    background=3.0,
    windows=64,
    places=400,
    always=False,
    turns="unsure",
)
HIGH = Preset(
    finer="high",
    fine=(576, 960, 1392, 2064),
    enlarge=2.0,
    weak=0.2,
    mediapipe=Threshold(0.35, 0.45),
    joined=Threshold(0.45, 0.55),
    turned=Threshold(0.6, 0.6),
    background=0.0,
    windows=160,
    places=2000,
    always=True,
    turns="all",
)


@dataclass(frozen=True, slots=True)
class SecondTuning:
    """A second look at a picture that was searched before: fewer windows, of sizes between those of the first search.
    What makes a face stays as it was.

    Measured by ``python -m bench.quality.second_look``.
    """

    fine: tuple[PixelCount, ...] = (1056,)
    """Longer sides of the sizes for small faces: between those of the first search."""
    weak: Probability = 0.3
    """A place needs one look with this score."""

    def of(self, first: Preset) -> Preset:
        """The second look that belongs to a first one."""
        return replace(first, finer="again", fine=self.fine, weak=self.weak, always=True, turns="coarse")


@dataclass(frozen=True, slots=True)
class SearchTuning:
    """When the search goes on, and what it follows.

    Measured by ``python -m bench.quality.tune --part search``.
    """

    sure: Probability = 0.7
    """At this score nothing finer needs to be looked at."""
    certain: Probability = 0.9
    """Where no face has this confidence the picture may be turned."""
    dominant: Share = 0.12
    """A sure face of this share of the picture's longer side is what the picture is of."""
    hair: FaceSides = 0.3
    """A face's box grown by so much on every side holds hair and neck."""
    hint: Probability = 0.15
    """In a portrait this score tells of a possible further face."""
    hint_zoom: FaceSides = 4.5
    """Side of the window in which such a hint is looked at from near by."""
    hints: Count = 4
    """With so many hints the picture is a portrait still."""
    followed: Probability = 0.35
    """A hint is followed when it then has this score and this presence of a mesh."""
    followed_blind: Probability = 0.6
    """Without a mesh it is followed with this score."""
    border: Share = 0.5
    """The picture takes this share of the window within a border."""
    quarter_seen: Probability = 0.15
    """What has this score in a coarse look at quarter turns is looked at from near by."""
    turned_tries: Count = 2
    """So many of the most promising turns are looked at in detail."""
    group: Count = 4
    """So many sure faces make a group, with a background."""


@dataclass(frozen=True, slots=True)
class PlaceTuning:
    """What several looks have seen at one place.

    Measured by ``python -m bench.quality.tune --part place``.
    """

    seen: Probability = 0.15
    """BlazeFace's scores below this are no evidence of anything."""
    nms: Share = 0.3
    """Two boxes of this IoU are of one face."""
    contained: Share = 0.65
    """So are two of which one holds this share of the other."""
    same: Share = 0.4
    """A look has seen the place that its box overlaps by more than this IoU."""


@dataclass(frozen=True, slots=True)
class TileTuning:
    """How a large picture is cut into windows.

    Measured by ``python -m bench.quality.tune --part tile``.
    """

    overlap: Share = 0.125
    """Share of a tile that its neighbour sees too; larger faces are seen whole in a coarser size."""
    edge: Share = 0.02
    """A candidate nearer to an inner border than this is cut by it, and seen whole in a neighbouring tile."""
    section: Factor = 2.5
    """A picture longer than so many times its shorter side is looked at in sections of this shape."""
    thin: Pixels = 384
    """A thinner strip gets sections as long as one of this width, since nothing in it needs to be seen larger."""


SEARCH, PLACE, TILE, SECOND = SearchTuning(), PlaceTuning(), TileTuning(), SecondTuning()
