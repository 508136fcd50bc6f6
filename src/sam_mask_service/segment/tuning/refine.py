"""An outline at the picture's own resolution: numbers of ``segment/refine.py``."""

from __future__ import annotations

from dataclasses import dataclass

from ...units import Factor, LogOdds, Pixels, Share, Steps, Variance


@dataclass(frozen=True, slots=True)
class RefineTuning:
    """How an outline is drawn again along the picture's edges.

    Measured by ``python -m bench.quality.tune --part refine``.
    """

    worth: Pixels = 1.3
    """Below so many pixels of the picture to one of the window there is nothing to refine."""
    reach: Steps = 2.0
    """How far the border may move."""
    along: Steps = 0.35
    """Between two rows of the strip."""
    smooth: Steps = 1.0
    """Standard deviation by which the coarse outline loses its stairs."""
    taught: Steps = 8.0
    """Standard deviation, along the outline, of what teaches the colours."""
    core: Share = 0.35
    """Nearer to the outline than this share of the reach nothing teaches."""
    agree: Steps = 0.8
    """Standard deviation along which rows agree on a place."""
    final: Steps = 0.4
    """Standard deviation of the last smoothing."""
    edge: Factor = 0.5
    """Weight of the step in colour at the border beside the sides' own colours."""
    home: Steps = 0.7
    """Distance from the coarse outline at which staying weighs as much as a tenth of the row."""
    noise: Variance = 3e-3
    """Added to the colours' variances."""
    most: LogOdds = 3.0
    """Bound of a pixel's log odds."""


REFINE = RefineTuning()
