"""A person's outline: numbers of ``segment/person.py``."""

from __future__ import annotations

from dataclasses import dataclass

from ...units import Factor, LogOdds, PixelCount, Share


@dataclass(frozen=True, slots=True)
class PersonTuning:
    """Where the person of a face is looked for, and whose a pixel is among several.

    Measured by ``python -m bench.quality.person``. Faces are as high as from chin to forehead point, as wide as from
    cheek to cheek.
    """

    size: PixelCount = 320
    """Side of the window that a person is drawn in."""
    above: Factor = 2.2
    """Face heights over the chin that the window shows at most: hair and hats."""
    below: Factor = 10.0
    """Face heights under the chin that it shows at most: a grown person standing."""
    beside: Factor = 3.5
    """Face heights to each side that it shows at most: shoulders and elbows."""
    most: LogOdds = 5.0
    """Bound of the person network's log odds."""
    certain: LogOdds = 3.0
    """What is beyond it is not cut anew."""
    theirs: LogOdds = 4.0
    """Against a pixel that is one face height nearer to another person's middle than to this one's."""
    falls: Share = 0.25
    """How much a face height down counts beside one across, when it is asked whose middle is nearer."""
    smooth: Share = 0.04
    """Radius of the guided filter, in face heights."""
    noise: Factor = 1e-4
    """Its regularisation, squared units of 0…1."""


PERSON = PersonTuning()
