"""A picture to be searched: it alone, or, of a strip, sections that are each looked at as a picture. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ..deadline import Deadline
from .candidates import Candidate
from .tiles import Pyramid, Tile
from .tuning import TUNED, Tuning
from .tuning.search import TILE, Preset, TileTuning


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """A part of a long picture, from (``x``, ``y``) on. ``inner``: which of its borders lie inside the picture."""

    picture: Pyramid
    x: int = 0
    y: int = 0
    inner: tuple[bool, bool, bool, bool] = (False, False, False, False)

    def view(self, make: Callable[[Pyramid], Tile]) -> Tile:
        """What ``make`` makes of the section, as a window over the whole picture."""
        window = make(self.picture)
        inner = tuple(a or b for a, b in zip(window.inner, self.inner, strict=True))
        return replace(window, x=window.x + self.x, y=window.y + self.y, inner=inner)  # type: ignore[arg-type]


def sections(picture: Pyramid, most: int, tuning: TileTuning = TILE) -> list[Section]:
    """The picture itself, or of a strip at most ``most`` sections: what is no longer than the strip is wide is whole in
    one.
    """
    height, width = picture.shape[:2]
    across, along = round(max(tuning.thin, min(height, width))), max(height, width)
    if along <= tuning.section * across:
        return [Section(picture)]
    count = min(most, math.ceil((along - tuning.section * across) / ((tuning.section - 1) * across)) + 1)
    size = math.ceil((along + (count - 1) * across) / count)
    return [_section(picture, round(i * (along - size) / max(1, count - 1)), size) for i in range(count)]


def _section(picture: Pyramid, start: int, size: int) -> Section:
    image, _ = picture.reduced(1)
    height, width = picture.shape[:2]
    before, after = start > 0, start + size < max(height, width)
    if width > height:
        return Section(Pyramid(image[:, start : start + size]), start, 0, (before, False, after, False))
    return Section(Pyramid(image[start : start + size]), 0, start, (False, before, False, after))


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """One picture to be searched. ``parts``: it alone, or the sections of a strip. ``left_out``: how many places each
    pass was too short for."""

    picture: Pyramid
    parts: list[Section]
    preset: Preset
    deadline: Deadline
    tuning: Tuning = TUNED
    left_out: list[int] = field(default_factory=list)

    @property
    def unexamined(self) -> int:
        return sum(self.left_out)

    def within(self, places: Sequence[Candidate], before: int) -> Sequence[Candidate]:
        """So many of the places, best first, as may be looked at; the others are counted, and those left out
        ``before``.
        """
        self.left_out.append(before + max(0, len(places) - self.preset.places))
        return places[: self.preset.places]

    def views(self, make: Callable[[Pyramid], Tile]) -> list[Tile]:
        """What ``make`` makes of each part."""
        return [part.view(make) for part in self.parts]
