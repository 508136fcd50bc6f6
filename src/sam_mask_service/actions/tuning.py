"""The tuned numbers of what is done with a mask, together: one part per algorithm, each field with its unit and what
it says.

``python -m bench.quality.tune --list`` shows them, ``… cells.contrast=0.3,0.5`` tries others. Each function takes its
part as a last argument: ``anonymise(image, faces, cells=replace(CELLS, contrast=0.3))``.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..units import Count, FaceHeights, FaceSides, Factor, Levels, MaskSizes, PixelCount, Pixels, Share


@dataclass(frozen=True, slots=True)
class CellTuning:
    """What is left of a face that is blurred, pixelated or broken into tiles.

    Measured by ``python -m bench.quality.tune --part cells``, and by ``python -m bench.quality.anonymiser_proof``.
    """

    across: Count = 8
    """Cells from one side of a face to the other at strength 0."""
    fewer: Factor = 4.0
    """How many times fewer they are at strength 1."""
    contrast: Share = 0.4
    """What one cell across a face would keep of its contrast."""
    tone: Share = 0.1
    """Kept of the mean colour's difference from grey: a face-shaped patch of skin is found as a face."""
    grey: Levels = 96.0
    """The grey that colours are drawn towards."""
    unfindable: Share = 0.5
    """The strength from which no detector is to find the face, and below which more and more of its colours is kept."""
    blur: Factor = 0.7
    """Standard deviation of the blur, in cells, before cells are enlarged smoothly."""


@dataclass(frozen=True, slots=True)
class CoverTuning:
    """How far around a face is hidden.

    Measured by ``python -m bench.quality.tune --part cover``.
    """

    margin: FaceSides = 0.12
    """How far beyond its mask a face is hidden."""
    passes: Count = 10
    """Passes of smoothing of what is hidden."""
    raised: FaceHeights = 0.15
    """By how much the forehead, which the mesh ends short of the hair line, is raised."""
    no_mesh: Share = 0.1
    """By how much the box of a face without a mesh is grown on each side before its ellipse is hidden."""
    untouched: Share = 0.5
    """Share of changed pixels below which a box is still the picture as it was."""


@dataclass(frozen=True, slots=True)
class AgainTuning:
    """How the picture that is searched again differs from the first one.

    Measured by ``python -m bench.quality.tune --part again``.
    """

    parts: Count = 11
    """The border is one part in so many of the shorter side: it moves and shrinks all windows of the search."""
    grey: Levels = 127.0
    """The border's grey."""
    room: FaceSides = 1.5
    """Room on each side of a face's box in a look at it alone."""
    near: Count = 4
    """Where more faces than this were hidden last, the whole picture is looked at rather than each place."""


@dataclass(frozen=True, slots=True)
class SeamTuning:
    """How an edit's colours are moved to meet the original's.

    Measured by ``python -m bench.quality.tune --part seam``.
    """

    ring: MaskSizes = 0.03
    """Width of the ring around the mask on which colours are compared."""
    least: Pixels = 3.0
    """And at least so wide."""
    grid: PixelCount = 96
    """Longer side of the grid that the difference is spread on: it is smooth by nature."""
    known: Factor = 8.0
    """A cell counts as known from one part in so many of it on."""


@dataclass(frozen=True, slots=True)
class PointTuning:
    """What a user's point adds to a mask or takes away where no SAM is asked.

    Measured by ``python -m bench.quality.tune --part point``.
    """

    reach: FaceSides = 0.25
    """How far a point works at most."""
    core: FaceSides = 0.04
    """Radius around a point that always follows it."""
    step: Levels = 14.0
    """Largest step between neighbouring pixels, per channel of L*a*b*, that a point's patch still crosses."""
    drift: Levels = 60.0
    """Largest distance in L*a*b* from the colour at the point."""
    blur: Pixels = 1.0
    """Standard deviation of the blur before colours are compared."""
    alone: Share = 0.25
    """Of the picture's shorter side: the least size of a face that is known by points alone."""


CELLS, COVER, AGAIN, SEAM, POINT = CellTuning(), CoverTuning(), AgainTuning(), SeamTuning(), PointTuning()


@dataclass(frozen=True, slots=True)
class Tuning:
    """All of them."""

    cells: CellTuning = CELLS
    cover: CoverTuning = COVER
    again: AgainTuning = AGAIN
    seam: SeamTuning = SEAM
    point: PointTuning = POINT


TUNED = Tuning()
