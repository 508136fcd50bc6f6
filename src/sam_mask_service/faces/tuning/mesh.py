"""The face mesh as geometry: numbers of ``faces/mesh.py``."""

from __future__ import annotations

from dataclasses import dataclass

from ...units import FaceHeights, Factor


@dataclass(frozen=True, slots=True)
class MeshTuning:
    """The face's axes, and how its forehead is raised.

    Measured by ``python -m bench.quality.tune --part mesh``.
    """

    least_aspect: Factor = 0.6
    """A profile's mesh is narrow: its face is taken to be so many face heights wide at least."""
    raised_from: FaceHeights = 0.55
    """Nothing below this height is raised."""
    raised_power: Factor = 1.5
    """Above, the lift grows with this power of the height."""


MESH = MeshTuning()
