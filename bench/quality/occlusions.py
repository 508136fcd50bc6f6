"""Labelled pictures made harder: turned, or with something before the face. Picture, truth and label change alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_mask_service.geometry import RGB, Bits

Truth = tuple[Bits, Bits, float]
"""(mask, where it is scored, the face's diagonal)."""
ANGLE = 40.0
COVERED = 0.22
"""Share of the face's width and height that the thing before it has as radius."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """``rgb`` (H, W, 3), ``label`` (H, W) class numbers, 0 = background; ``known``: truth by region."""

    rgb: RGB
    label: NDArray[np.uint8]
    known: dict[str, Truth]


def turned(picture: Labelled) -> Labelled:
    """By 40 degrees about its centre, on a canvas that holds all of it; what comes in at the corners is not scored."""
    height, width = picture.label.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), ANGLE, 1.0)
    across, down = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = int(height * down + width * across), int(height * across + width * down)
    matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2

    def moved(bits: Bits) -> Bits:
        return np.asarray(cv2.warpAffine(bits.astype(np.uint8), matrix, size, flags=cv2.INTER_NEAREST) > 0)

    rgb = cv2.warpAffine(picture.rgb, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    label = cv2.warpAffine(picture.label, matrix, size, flags=cv2.INTER_NEAREST)
    known = {region: (moved(bits), moved(valid), diagonal) for region, (bits, valid, diagonal) in picture.known.items()}
    return Labelled(np.asarray(rgb, np.uint8), np.asarray(label, np.uint8), known)


def occluded(picture: Labelled) -> Labelled:
    """A round thing of the skin's own colour, as a fist is, before the jaw on the picture's left: not face, not
    head.
    """
    face = picture.known["face"][0] & picture.known["face"][1]
    rows, columns = np.nonzero(face)
    box = columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1
    y, x = np.mgrid[: face.shape[0], : face.shape[1]]
    away = np.hypot((x - box[0] - 0.22 * box[2]) / box[2], (y - box[1] - 0.78 * box[3]) / box[3])
    thing = away <= COVERED
    shade = (0.75 + 0.35 * away / COVERED)[..., None] * np.median(picture.rgb[face], axis=0)
    rgb = np.where(thing[..., None], np.clip(shade, 0, 255), picture.rgb).astype(np.uint8)
    known = {region: (bits & ~thing, valid, diagonal) for region, (bits, valid, diagonal) in picture.known.items()}
    return replace(picture, rgb=np.asarray(cv2.GaussianBlur(rgb, (3, 3), 0)), known=known)


CHANGES: dict[str, Callable[[Labelled], Labelled]] = {
    "none": lambda picture: picture,
    "turned": turned,
    "occluded": occluded,
}
