"""Units of the tuned numbers, as types: what ``python -m bench.quality.tune --list`` shows beside a field. Pure.

Lengths are told in what they go by: a face is as large in its own widths and heights in every picture.
"""

from __future__ import annotations

from typing import Annotated

FaceWidths = Annotated[float, "face widths"]
"""Cheek to cheek, but at least 0.6 of the height."""
FaceHeights = Annotated[float, "face heights"]
"""Chin to the mesh's forehead point; as a place: how far up the face from the chin."""
FaceSides = Annotated[float, "face sides"]
"""The longer side of the detector's box."""
MaskSizes = Annotated[float, "mask sizes"]
"""The square root of a mask's area."""
Reaches = Annotated[float, "reaches"]
"""Half the width of the band that a matte is made in."""
Steps = Annotated[float, "window pixels"]
"""The side of one pixel of the window that an outline was drawn in."""
Pixels = Annotated[float, "pixels"]
PixelCount = Annotated[int, "pixels"]
Cells = Annotated[float, "grid cells"]
"""Of SAM's grid of 256 × 256."""
Radians = Annotated[float, "radians"]
LogOdds = Annotated[float, "log odds"]
Logits = Annotated[float, "logits"]
Probability = Annotated[float, "probability"]
"""A network's score or a confidence, 0…1."""
Share = Annotated[float, "share"]
Factor = Annotated[float, "factor"]
Deviations = Annotated[float, "deviations"]
Levels = Annotated[float, "8-bit levels"]
Variance = Annotated[float, "squared intensity"]
"""Squared units of intensities 0…1."""
Seconds = Annotated[float, "seconds"]
Count = Annotated[int, "count"]
