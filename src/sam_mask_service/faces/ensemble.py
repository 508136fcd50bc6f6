"""The networks that may look for faces beside BlazeFace: a row for each. A further one is its own file and a row here.

Which of them look is a matter of their files: one that is installed joins every search. Light to import: what runs a
network is imported when it is built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from ..geometry import RGB
from .candidates import Rows
from .tuning.search import Finer


class Network(Protocol):
    """What sees candidates in a window of ``size``. Thread-safe."""

    size: int

    def __call__(self, window: RGB, threshold: float) -> Rows:
        """Candidates in ``window`` ((size, size, 3) uint8) with a score of ``threshold`` or more, in its pixels."""
        ...


@dataclass(frozen=True, slots=True)
class Weights:
    """The logistic of a candidate that the network has seen (``calibration.py``), in log-odds: ``bias``; for each
    point of BlazeFace's ``total`` and of the network's own ``score``; for each log-odds of the mesh's ``presence``;
    ``gone``: where a tilted candidate is not seen upright; ``large``: where its longer side is ``large_side`` pixels
    or more, in parts from ``small_side`` on.

    ``unseen``: added to BlazeFace's own log-odds where the network has looked and seen nothing.
    """

    bias: float
    total: float
    score: float
    presence: float
    gone: float
    large: float
    small_side: float
    large_side: float
    unseen: float


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """``name``: of the model and of ``detector=``; ``title``: in sentences. ``size``: side of the windows that it is
    built for. ``seen``: scores below this are no evidence of anything. ``fine``: longer side of the picture in its
    finer look, by recall and in a second look. ``build``: the network from its file, window side and inferences at
    once; raises EngineUnavailable.
    """

    name: str
    title: str
    size: int
    seen: float
    fine: Mapping[Finer, int]
    weights: Weights
    build: Callable[[Path, int, int], Network]


def _yunet(path: Path, size: int, requests: int) -> Network:
    from .yunet import YuNet

    return YuNet(path, size, requests)


YUNET = Member(
    name="yunet",
    title="YuNet",
    size=640,
    seen=0.3,
    fine={"normal": 1280, "high": 1920, "again": 1760},
    weights=Weights(
        bias=-7.0,
        total=1.1,
        score=11.3,
        presence=0.12,
        gone=-1.0,
        large=-1.3,  # its misses are small faces, its mistakes are large ones (dogs)
        small_side=30.0,
        large_side=80.0,
        unseen=-3.0,
    ),
    build=_yunet,
)
MEMBERS: Final[tuple[Member, ...]] = (YUNET,)
