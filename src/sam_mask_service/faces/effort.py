"""How hard to look: the sizes in which a picture is searched, and how much of it at most. Tables. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from .detector import Recall

SMALL, WIDE, YUNET_SIZE = 192, 384, 640
"""Window sides that the networks are compiled for: BlazeFace's own, the widened one, and YuNet's."""
SEEN = 0.15
"""BlazeFace scores below this are no evidence of anything."""
YUNET_SEEN = 0.3
NMS = 0.3
DOMINANT = 0.12
"""A sure face of this share of the picture's longer side is what the picture is of."""
SURE = 0.7
"""Of a score: nothing finer needs to be looked at."""
CERTAIN = 0.9
"""Of a confidence: when no face has this, the picture may be turned."""
HINT, HINT_ZOOM, MAX_HINTS = 0.15, 4.5, 4
"""In a portrait: a score that tells of a possible further face, how many times as wide as it the window is in which it is
looked at from near by, and with how many of them the picture is a portrait still."""
FOLLOWED, FOLLOWED_BLIND = 0.35, 0.6
"""A hint is followed when it then has the first score and presence of a mesh, or the second score without one."""
TURNS = (90, -90, 180, 45, -45, 135, -135)
"""Degrees by which the picture is turned in the last pass."""
QUARTER_SEEN = 0.15
"""What is seen with this score in a coarse look at the whole picture in quarter turns is looked at from near by."""
MAX_SECTIONS = 64
"""Of a strip. Each costs nine small looks, one wide one and one of YuNet: 7 s of one core in all; beyond, they grow longer."""
GROUP = 4
"""So many sure faces make a group, with a background."""
TURNED_TRIES = 2
"""The most promising turns, which are then looked at in detail."""


@dataclass(frozen=True, slots=True)
class Bar:
    """The confidence that makes a face: ``company`` where the picture has a certain one, ``alone`` where it has none.

    YuNet's mistakes (dogs, lamps) come alone and near 0.9; a lone face that it sees less surely than that is seen again in the
    turned pass, which asks BlazeFace."""

    company: float
    alone: float


@dataclass(frozen=True, slots=True)
class Effort:
    """``fine``: longer sides of the sizes for small faces, such that few windows cover them; none is more than ``enlarge`` × the
    picture's own. ``yunet``: the same for YuNet, one size. ``weak``: a place needs one look with this score. ``mediapipe``,
    ``with_yunet``, ``turned``: what makes a face without and with YuNet, and in the last pass, where seven turns are seven
    chances to err. ``background``: in a group, the odds asked of a face smaller than the median of the sure ones grow with
    this power of how much smaller it is. ``windows``: windows of the fine sizes, ``places``: candidates that are looked at, at
    most. ``always``: every pass, even when the first has settled it.
    """

    fine: tuple[int, ...]
    yunet: int
    enlarge: float
    weak: float
    mediapipe: Bar
    with_yunet: Bar
    turned: Bar
    background: float
    windows: int
    places: int
    always: bool


EFFORTS: dict[Recall, Effort] = {
    "normal": Effort(
        fine=(576, 960, 1392),
        yunet=1280,
        enlarge=1.3,
        weak=0.25,
        mediapipe=Bar(0.55, 0.85),
        with_yunet=Bar(0.75, 0.95),
        turned=Bar(0.9, 0.9),
        background=3.0,
        windows=64,
        places=400,
        always=False,
    ),
    "high": Effort(
        fine=(576, 960, 1392, 2064),
        yunet=1920,
        enlarge=2.0,
        weak=0.2,
        mediapipe=Bar(0.35, 0.45),
        with_yunet=Bar(0.45, 0.55),
        turned=Bar(0.6, 0.6),
        background=0.0,
        windows=160,
        places=2000,
        always=True,
    ),
}
