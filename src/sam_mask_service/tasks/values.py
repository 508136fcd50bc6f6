"""What the steps of a request hand on: faces, masks as drawn, masks as finished, the picture itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..geometry import RGB, Face, PixelBox
from ..image import Picture
from ..patch import SoftPatch
from ..segment.segmenter import FaceMask

Numbered = tuple[int, Face]
"""A face with its number in the asked order."""


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """A picture's size in pixels and its faces, in detection order. ``unexamined``: places too many to be looked at.
    ``orientation``: EXIF's 1…8, from which the picture was turned upright."""

    width: int
    height: int
    faces: tuple[Face, ...]
    unexamined: int = 0
    orientation: int = 1

    @property
    def nbytes(self) -> int:
        return 256 + sum(512 + (0 if f.landmarks is None else f.landmarks.nbytes) for f in self.faces)


@dataclass(frozen=True, slots=True, eq=False)
class MaskSet:
    """The masks of some faces as the segmenter drew them: growth, smoothing and feather come after, per request."""

    masks: tuple[FaceMask, ...]
    detail: str

    @property
    def nbytes(self) -> int:
        return 256 + sum(256 + m.patch.bits.nbytes for m in self.masks)


def together(drawn: Sequence[MaskSet], detail: str) -> MaskSet:
    """Groups that were drawn apart, as one; ``detail`` where there is none."""
    return MaskSet(tuple(mask for one in drawn for mask in one.masks), drawn[0].detail if drawn else detail)


@dataclass(frozen=True, slots=True, eq=False)
class MaskedFace:
    """A chosen face with its number, its mask as drawn (before growth), and the same finished."""

    face_id: int
    face: Face
    box: PixelBox
    mask: FaceMask
    finished: SoftPatch
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Original:
    """The picture that was masked, for answers that hold more than its mask. ``rgb``: (H, W, 3) uint8 in sRGB."""

    picture: Picture
    rgb: RGB


Crop = tuple[PixelBox, np.ndarray]
"""A part of the picture and its pixels, (h, w, 3) uint8, or (h, w, 4) of a see-through picture."""
