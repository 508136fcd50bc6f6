"""An upright square window on a face: cut out of the picture at working size, and a soft mask put back at full size.
Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry import RGB, Bits, PixelBox, Points
from ..mask import bounds
from ..patch import Patch

Soft = NDArray[np.float32]
"""(S, S) float32, 0…1."""
_FAINT = 0.2  # below it no interpolation between pixels reaches ½
_HALF = np.array([0.5, 0.5])


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A square of the picture seen upright in ``size`` × ``size`` pixels, or a rectangle of it stretched to that.

    ``matrix``: (2, 3) float64, picture → window, both with pixel centres at +0.5. ``scale``: window pixels per picture
    pixel, across where both directions differ.
    """

    matrix: NDArray[np.float64]
    size: int

    @property
    def scale(self) -> float:
        return float(np.hypot(*self.matrix[:, 0]))

    def points(self, points: Points) -> Points:
        """(N, 2) float32: the picture's points in the window."""
        return np.asarray(points[:, :2] @ self.matrix[:, :2].T + self.matrix[:, 2], np.float32)

    def within(self, width: int, height: int) -> Bits:
        """(S, S) bool: the window's pixels that lie in the picture of this size; beyond it ``cut`` repeats border
        pixels.
        """
        inverse, at = self.inverse(), np.arange(self.size) + 0.5
        x = inverse[0, 0] * at[None] + inverse[0, 1] * at[:, None] + inverse[0, 2]
        y = inverse[1, 0] * at[None] + inverse[1, 1] * at[:, None] + inverse[1, 2]
        return np.asarray((x > 0) & (x < width) & (y > 0) & (y < height))

    def resized(self, size: int) -> Window:
        """The same part of the picture in ``size`` × ``size`` pixels."""
        return Window(self.matrix * (size / self.size), size)

    def clipped(self, width: int, height: int) -> Window:
        """What of this window lies in the picture of this size, stretched to all of it, for networks: a border that is
        repeated looks like a person to them. The window itself where the picture fills it, or misses it."""
        corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float32)
        seen = self.points(corners)
        low, high = np.maximum(seen.min(0), 0.0), np.minimum(seen.max(0), float(self.size))
        if (high - low >= self.size).all() or (high - low < 1).any():
            return self
        stretch, matrix = self.size / (high - low), self.matrix.copy()
        matrix[:, 2] -= low
        return Window(stretch[:, None] * matrix, self.size)

    def inverse(self) -> NDArray[np.float64]:
        """(2, 3) float64, window → picture."""
        return np.asarray(cv2.invertAffineTransform(self.matrix), np.float64)


def upright(centre: NDArray[np.floating], side: float, up: NDArray[np.floating], size: int) -> Window:
    """The window with the given centre and side (picture pixels) in which the unit vector ``up`` points up."""
    scale = size / side
    rotation = scale * np.array([[-up[1], up[0]], [-up[0], -up[1]]], np.float64)
    offset = np.array([size / 2, size / 2]) - rotation @ np.asarray(centre, np.float64)
    return Window(np.column_stack([rotation, offset]), size)


def _centred(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same map for pixel centres at whole numbers, as OpenCV has them."""
    out = matrix.copy()
    out[:, 2] += matrix[:, :2] @ _HALF - _HALF
    return out


def _extent(
    window: Window, width: int, height: int, margin: int, part: tuple[float, float, float, float] | None = None
) -> PixelBox:
    """The picture's part that the window (or this part of it: left, top, right, bottom) sees, ``margin`` pixels wider;
    at least one pixel."""
    a, b, c, d = part or (0.0, 0.0, float(window.size), float(window.size))
    corners = np.array([[a, b], [c, b], [a, d], [c, d]]) @ window.inverse()[:, :2].T + window.inverse()[:, 2]
    low, high = np.floor(corners.min(0)).astype(int) - margin, np.ceil(corners.max(0)).astype(int) + margin
    x0, y0 = int(np.clip(low[0], 0, width - 1)), int(np.clip(low[1], 0, height - 1))
    x1, y1 = int(np.clip(high[0], x0 + 1, width)), int(np.clip(high[1], y0 + 1, height))
    return PixelBox(x0, y0, x1 - x0, y1 - y0)


def cut(image: RGB, window: Window) -> RGB:
    """(size, size, 3) uint8: what the window sees; beyond the picture its border pixels go on.

    A large face is first shrunk by a whole factor with area averaging, so that nothing aliases.
    """
    height, width = image.shape[:2]
    factor = max(1, int(1 / window.scale))
    box = _extent(window, width, height, 2 * factor)
    box = PixelBox(box.x, box.y, *(max(factor, side - side % factor) for side in (box.width, box.height)))
    part = image[box.rows, box.columns]
    if factor > 1:
        size = (max(1, part.shape[1] // factor), max(1, part.shape[0] // factor))
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    matrix = window.matrix.copy()
    matrix[:, 2] += matrix[:, :2] @ np.array([box.x, box.y])
    matrix[:, :2] *= factor
    out = cv2.warpAffine(
        part, _centred(matrix), (window.size, window.size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(out, np.uint8)


def seen_in(patch: Patch, window: Window, width: int, height: int) -> Bits:
    """(S, S) bool: a mask of the picture of ``width`` × ``height`` as the window sees it."""
    near = _extent(window, width, height, 1)
    grey = patch.cut(near).values.view(np.uint8) * np.uint8(255)
    matrix = window.matrix.copy()
    matrix[:, 2] += matrix[:, :2] @ np.array([near.x, near.y])
    out = cv2.warpAffine(grey, _centred(matrix), (window.size, window.size), flags=cv2.INTER_LINEAR)
    return np.asarray(out > 127)


def paste(soft: Soft, window: Window, width: int, height: int) -> Patch:
    """Where the soft mask is over ½, at the picture's resolution, in the part of the picture that the window sees."""
    seen = bounds(soft > _FAINT)
    if seen is None:
        return Patch.empty()
    part = (float(seen.x - 2), float(seen.y - 2), float(seen.right + 2), float(seen.bottom + 2))
    box = _extent(window, width, height, 0, part)
    matrix = window.matrix.copy()
    matrix[:, 2] += matrix[:, :2] @ np.array([box.x, box.y])
    flags = (cv2.INTER_CUBIC if window.scale < 1 else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
    inverse = np.asarray(cv2.invertAffineTransform(_centred(matrix)))
    full = cv2.warpAffine(soft, inverse, (box.width, box.height), flags=flags ^ cv2.WARP_INVERSE_MAP, borderValue=0)
    return Patch(box.x, box.y, np.asarray(full) > 0.5).trimmed()
