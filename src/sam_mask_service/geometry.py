"""Boxes and faces in the pixels of the upright picture, and how faces are ordered and chosen. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .errors import FaceNotFound

Order = Literal["size", "confidence", "left", "right", "top", "bottom"]
RGB = NDArray[np.uint8]
"""(H, W, 3) uint8, upright, sRGB."""
Points = NDArray[np.float32]
"""(N, 2) or (N, 3) float32 pixel coordinates; a pixel's centre is at +0.5."""
Bits = NDArray[np.bool_]
"""(H, W) bool."""


@dataclass(frozen=True, slots=True)
class Box:
    """Top-left ``x``, ``y``, ``width``, ``height`` in pixels (floats; may leave the picture until clipped)."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def area(self) -> float:
        return max(0.0, self.width) * max(0.0, self.height)

    @property
    def centre(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def side(self) -> float:
        """The longer side."""
        return max(self.width, self.height)

    def intersection(self, other: Box) -> float:
        w = min(self.right, other.right) - max(self.x, other.x)
        h = min(self.bottom, other.bottom) - max(self.y, other.y)
        return max(0.0, w) * max(0.0, h)

    def iou(self, other: Box) -> float:
        """Intersection over union, 0…1."""
        both = self.intersection(other)
        union = self.area + other.area - both
        return both / union if union > 0 else 0.0

    def contained(self, other: Box) -> float:
        """Intersection over the smaller area, 0…1."""
        smaller = min(self.area, other.area)
        return self.intersection(other) / smaller if smaller > 0 else 0.0

    def contains(self, x: float, y: float) -> bool:
        return self.x <= x < self.right and self.y <= y < self.bottom

    def scaled(self, factor: float, dx: float = 0.0, dy: float = 0.0) -> Box:
        """The box times ``factor``, then moved by (dx, dy)."""
        return Box(self.x * factor + dx, self.y * factor + dy, self.width * factor, self.height * factor)

    def grown(self, fraction: float) -> Box:
        """Grown on every side by ``fraction`` of the respective side length."""
        w, h = self.width * fraction, self.height * fraction
        return Box(self.x - w, self.y - h, self.width + 2 * w, self.height + 2 * h)

    def pixels(self, width: int, height: int) -> PixelBox:
        """Whole pixels, clipped to a picture of ``width`` × ``height``; at least one pixel when any of it lies
        inside.
        """
        x0, y0 = max(0, int(np.floor(self.x + 0.5))), max(0, int(np.floor(self.y + 0.5)))
        x1 = min(width, int(np.floor(self.right + 0.5)))
        y1 = min(height, int(np.floor(self.bottom + 0.5)))
        x0, y0 = min(x0, width - 1), min(y0, height - 1)
        return PixelBox(x0, y0, max(1, x1 - x0), max(1, y1 - y0))


@dataclass(frozen=True, slots=True)
class PixelBox:
    """Whole pixels: columns x…x+width−1, rows y…y+height−1. May leave the picture until clipped."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height

    @property
    def rows(self) -> slice:
        return slice(self.y, self.y + self.height)

    @property
    def columns(self) -> slice:
        return slice(self.x, self.x + self.width)

    def moved(self, dx: int, dy: int) -> PixelBox:
        """The box so many pixels to the right and down.

        >>> PixelBox(1, 2, 3, 4).moved(-1, 5)
        PixelBox(x=0, y=7, width=3, height=4)
        """
        return PixelBox(self.x + dx, self.y + dy, self.width, self.height)

    def grown(self, margin: int) -> PixelBox:
        """``margin`` pixels more on every side.

        >>> PixelBox(1, 2, 3, 4).grown(2)
        PixelBox(x=-1, y=0, width=7, height=8)
        """
        return PixelBox(self.x - margin, self.y - margin, self.width + 2 * margin, self.height + 2 * margin)

    def overlap(self, other: PixelBox) -> PixelBox:
        """What lies in both; without width or height (or both) where nothing does.

        >>> PixelBox(1, 2, 3, 4).overlap(PixelBox(2, 0, 9, 3))
        PixelBox(x=2, y=2, width=2, height=1)
        """
        x, y = max(self.x, other.x), max(self.y, other.y)
        return PixelBox(x, y, max(0, min(self.right, other.right) - x), max(0, min(self.bottom, other.bottom) - y))

    def clipped(self, width: int, height: int) -> PixelBox:
        """What lies in a picture of ``width`` × ``height``.

        >>> PixelBox(-1, 2, 9, 9).clipped(5, 6)
        PixelBox(x=0, y=2, width=5, height=4)
        """
        return self.overlap(PixelBox(0, 0, width, height))

    def hull(self, other: PixelBox) -> PixelBox:
        """The smallest box that holds both.

        >>> PixelBox(1, 2, 3, 4).hull(PixelBox(6, 0, 1, 1))
        PixelBox(x=1, y=0, width=6, height=6)
        """
        x, y = min(self.x, other.x), min(self.y, other.y)
        return PixelBox(x, y, max(self.right, other.right) - x, max(self.bottom, other.bottom) - y)

    def as_dict(self) -> dict[str, int]:
        return {"x": self.x, "y": self.y, "width": self.width, "height": self.height}


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One found face.

    ``box`` goes from the brows to the chin and from cheek to cheek. ``keypoints``: (6, 2) float32: the subject's right
    eye, left eye, nose tip, mouth, right ear, left ear, or None. ``landmarks``: (468, 3) float32 face-mesh points, x
    and y in pixels of the upright picture, z in the same unit relative to the head's centre, or None when the mesh did
    not confirm the face. ``presence``: the mesh's own probability 0…1 that it looks at a face (0 when it was not
    asked). ``found_by``: the pass that found it.
    """

    box: Box
    confidence: float
    keypoints: Points | None = None
    landmarks: Points | None = None
    presence: float = 0.0
    found_by: str = "picture"
    warnings: tuple[str, ...] = field(default=())


def _key(face: Face, order: Order) -> tuple[float, float, float]:
    x, y = face.box.x, face.box.y
    lead = {
        "size": -face.box.area,
        "confidence": -face.confidence,
        "left": face.box.centre[0],
        "right": -face.box.centre[0],
        "top": face.box.centre[1],
        "bottom": -face.box.centre[1],
    }[order]
    return lead, y, x


def ordered(faces: Sequence[Face], order: Order) -> list[Face]:
    """The faces sorted by ``order``; ties by the top, then by the left edge, so that the numbering is stable."""
    return sorted(faces, key=lambda face: _key(face, order))


def at_point(faces: Sequence[Face], x: float, y: float) -> int:
    """Index of the smallest face whose box holds the point. Raises FaceNotFound when none does."""
    hits = [(face.box.area, i) for i, face in enumerate(faces) if face.box.contains(x, y)]
    if not hits:
        raise FaceNotFound("No face lies at this point.")
    return min(hits)[1]


def by_indices(faces: Sequence[Face], indices: Sequence[int]) -> list[int]:
    """The indices, checked against the faces there are, doubles removed. Raises FaceNotFound."""
    wrong = [i for i in indices if not 0 <= i < len(faces)]
    if wrong:
        raise FaceNotFound(f"There is no face {wrong[0]}: the picture has {len(faces)}, numbered from 0.")
    return list(dict.fromkeys(indices))
