"""Soft alpha at hair: numbers of ``segment/matte.py``, ``discriminant.py`` and ``hairline.py``."""

from __future__ import annotations

from dataclasses import dataclass

from ...units import (
    Count,
    Deviations,
    FaceHeights,
    FaceWidths,
    Factor,
    Levels,
    MaskSizes,
    PixelCount,
    Reaches,
    Share,
    Variance,
)


@dataclass(frozen=True, slots=True)
class MatteTuning:
    """The band in which alpha is soft, and what of it is kept.

    Measured by ``python -m bench.quality.tune --part matte``.
    """

    reach: MaskSizes = 0.08
    """Half the band's width."""
    coarse: PixelCount = 320
    """Longest side at which lines are fitted."""
    fine: PixelCount = 1280
    """Longest side at which they are applied; a larger window's alpha is enlarged."""
    fades: Reaches = 0.75
    """From here on the matte passes into the drawn mask."""
    known: tuple[Reaches, Reaches] = (0.18, 0.6)
    """Distance from the outline at which a pixel's side begins to be known, and is."""
    unknown: Share = 0.02
    """Trust in a pixel at the outline."""
    again: Reaches = 0.6
    """Radius of the second fit, which trusts what the first is sure of."""
    told: tuple[Share, Share] = (0.3, 0.6)
    """Share of the variance that must be explained for the matte to count, and to count fully."""
    haze: Share = 0.06
    """Fitted values this near to 0 and 1 become 0 and 1, since the fit leaves a haze on either side."""
    faint: Share = 0.1
    """An alpha above this leads from the head to a strand."""
    firm_inside: Factor = 1.0
    """Alpha inside the outline is held to 1 by so much per reach, since hair is dense within."""
    firm_outside: Factor = 0.3
    """Alpha outside the outline is held to 0 by so much per reach: little, since strands that stick out are wanted."""
    at_outline: Reaches = 0.1
    """Nearer to the outline nothing is held."""


@dataclass(frozen=True, slots=True)
class LineTuning:
    """How colours tell two sides apart.

    Measured by ``python -m bench.quality.tune --part line``.
    """

    noise: Variance = 1e-4
    """What noise of a hundredth adds to the variances."""
    blend: Reaches = 0.25
    """Lines are averaged over this radius."""
    told_blend: Reaches = 0.6
    """How well they tell is averaged over this radius."""
    least: Share = 0.7
    """A line that tells less is stretched by 1/this and no more."""
    there: Share = 1e-3
    """Trusted share of a window at which a side counts as seen by half."""


@dataclass(frozen=True, slots=True)
class HairlineTuning:
    """Where an outline runs through hair.

    Measured by ``python -m bench.quality.tune --part hairline``. None of them is sharp.
    """

    near: tuple[FaceWidths, FaceWidths] = (0.1, 0.2)
    """Skin of the face begins to end so far outside the mesh, and ends."""
    under: tuple[FaceHeights, FaceHeights] = (0.05, 0.2)
    """Lower than this, and no farther across than ``across``, are jaw and neck."""
    across: tuple[FaceWidths, FaceWidths] = (0.45, 0.7)
    """Jaw and neck begin to end so far from the middle, and end."""
    above: tuple[FaceHeights, FaceHeights] = (0.3, 0.55)
    """Hair that hangs before the face is looked for above this."""
    teach: FaceWidths = 0.08
    """So deep in the mesh is the skin that teaches."""
    teach_up: tuple[FaceHeights, FaceHeights] = (0.08, 0.62)
    """Between these heights is the skin that teaches."""
    skin: tuple[Deviations, Deviations] = (2.5, 4.0)
    """Distance from the skin's colour at which a colour is skin, and at which it is none."""
    deviation: Factor = 1.5
    """A deviation is so many times the median distance from the middle colour."""
    least: tuple[Levels, Levels, Levels] = (18.0, 4.0, 4.0)
    """Least deviation of L, a and b."""
    shade: Factor = 0.6
    """Darker than the skin counts by this factor, since the face shades itself."""
    fewest: Count = 30
    """With fewer pixels that teach nothing is known of the skin."""
    spread: Reaches = 0.5
    """What is inside or outside of the outline is seen from this far."""
    hair: tuple[Share, Share] = (0.25, 0.6)
    """Share of hair on one side from which the outline begins to be hair's, and is."""


MATTE, LINE, HAIRLINE = MatteTuning(), LineTuning(), HairlineTuning()
