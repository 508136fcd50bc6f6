"""The pieces of a mask that clicks lie on: which of them are worth adding or taking away. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from ..deadline import Deadline
from ..geometry import Bits
from ..mask import parts_touching
from ..sam.config import F32
from .tuning.sam import CorrectionTuning

Piece = tuple[tuple[slice, slice], Bits]
"""A window, and which of its pixels belong to the piece."""


def worth_taking(piece: Piece, perhaps: Bits, masked: int, tuning: CorrectionTuning) -> bool:
    """``perhaps``: what SAM masks down to the logit −1; ``masked``: the mask's area in pixels. Asked what is left of a
    face without a point on its skin, SAM knows no answer: dots, or nearly all of it."""
    where, bits = piece
    area = np.count_nonzero(bits)
    if area <= tuning.small * masked:
        return True
    sure = np.count_nonzero(bits & ~perhaps[where])
    return bool(area <= tuning.most * masked and sure >= tuning.steady * area)


def joined(pieces: Iterable[Piece], shape: tuple[int, ...]) -> Bits:
    out = np.zeros(shape, bool)
    for where, bits in pieces:
        out[where] |= bits
    return out


def pieces(bits: Bits, spots: NDArray[np.float32], depth: F32, reach: float, deadline: Deadline) -> Iterator[Piece]:
    """Of ``bits``, the pieces that a spot lies on, as far as ``reach`` times the ``depth`` in pixels at which it lies
    from the outline: who clicks into the middle of what is wrong says how wide it is."""
    for column, row in np.floor(spots).astype(int).tolist():
        deadline.check()
        if 0 <= row < bits.shape[0] and 0 <= column < bits.shape[1] and bits[row, column]:
            radius = int(reach * float(depth[row, column]) + 1)
            top, left = max(0, row - radius), max(0, column - radius)
            around = slice(top, row + radius + 1), slice(left, column + radius + 1)
            here = bits[around]
            spot = np.array([[column - left, row - top]])
            yield around, parts_touching(here & discs(here.shape, spot, radius), discs(here.shape, spot, 0))


def discs(shape: tuple[int, ...], spots: NDArray[np.float32], radius: float) -> Bits:
    out = np.zeros(shape, np.uint8)
    for column, row in np.floor(spots).astype(int):
        cv2.circle(out, (int(column), int(row)), int(radius), 1, -1)
    return out.astype(bool)
