"""What makes a candidate a face: numbers of ``faces/verifier.py``, ``calibration.py`` and ``sanitise.py``."""

from __future__ import annotations

from dataclasses import dataclass

from ...units import FaceSides, LogOdds, Pixels, Probability, Radians, Share


@dataclass(frozen=True, slots=True)
class ExamineTuning:
    """A close look at one candidate.

    Measured by ``python -m bench.quality.tune --part examine``.
    """

    tilted: Radians = 0.3
    """A candidate turned by more than this is looked at again, upright."""
    zoom: FaceSides = 3.0
    """Side of that look's window."""
    doubtful: Probability = 0.7
    """Below this best score a candidate may be upside down."""
    surer: Probability = 0.1
    """It is when it scores so much more when looked at so."""
    present: Probability = 0.5
    """The mesh's presence from which it sees a face."""
    mesh_share: Share = 0.7
    """Part of the mesh in a face's box, since it sees where a face ends better than the detector does."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """The logistic that makes a confidence of what looks and mesh say.

    Measured by ``python -m bench.quality.tune --part calibration``: fitted on labelled group photos, portraits and
    pictures without faces, then rounded. docs/quality.md holds the reliability table.
    """

    floor: Probability = 0.01
    """Probabilities nearer to 0 or 1 than this count as this far."""
    most_shift: FaceSides = 0.3
    """A larger distance between first and second mesh counts as this."""
    confirmed: Probability = 0.5
    """A tilted face scores this much when it is looked at upright."""
    bias: LogOdds = -0.3
    """Log odds before anything is known."""
    total: LogOdds = 2.1
    """For each unit of the sum of BlazeFace's scores."""
    best: LogOdds = 0.9
    """For each log odds of the best of them."""
    presence: LogOdds = 0.46
    """For each log odds of the mesh's presence."""
    shift: LogOdds = -16.0
    """For each face side between first and second mesh."""
    bordered: LogOdds = -4.1
    """Where only the look within a border saw it."""
    gone: LogOdds = -4.0
    """Where a tilted candidate is gone when it is looked at upright."""
    tilted: LogOdds = -2.0
    """Where it is confirmed then."""
    sure_alone: Probability = 0.95
    """Others, having seen nothing, take no more than to this from a face that BlazeFace is as sure of."""


@dataclass(frozen=True, slots=True)
class SaneTuning:
    """What is no face whatever a detector says.

    Measured by ``python -m bench.quality.tune --part sane``.
    """

    least_side: Pixels = 1.0
    """A box whose shorter side is less is no face."""
    least_inside: Share = 0.25
    """A box of which less lies inside the picture is none."""


EXAMINE, CALIBRATION, SANE = ExamineTuning(), Calibration(), SaneTuning()
