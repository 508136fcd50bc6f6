"""What the judges of tuned numbers have in common: the pictures that are judged on, and what a judge answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from bench.quality import HAIR, PARSING, SHARED
from bench.quality.fields import Tunings
from sam_mask_service.segment.mesh import MeshSegmenter

Figures = dict[str, float]


class Judge(Protocol):
    """``score``: what is measured; ``value``: of that, what is maximised."""

    def score(self, tunings: Tunings) -> Figures: ...

    def value(self, figures: Figures) -> float: ...


@dataclass(frozen=True, slots=True)
class Setup:
    """What is judged on: ``half`` of the pictures, at most ``most`` of a set (0: all), with or without the optional
    ``nets``.
    """

    half: str
    most: int = 0
    nets: bool = False

    def some(self, pictures: Iterable[Any]) -> Iterator[Any]:
        return islice(pictures, self.most or None)

    def mesh(self) -> MeshSegmenter:
        if not self.nets:
            return MeshSegmenter()
        folder = SHARED / "models"
        return MeshSegmenter(folder / HAIR, folder / PARSING)
