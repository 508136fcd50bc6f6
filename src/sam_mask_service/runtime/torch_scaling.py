"""Scaling a picture on a device to the last bit as Pillow's bilinear does: whole numbers, first across, then down
(followed: Pillow, ``src/libImaging/Resample.c``, 8-bit case). Pillow 13 goes down first where one side shrinks much
more than the other; no picture does so on its way into a square.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from numpy.typing import NDArray

from .torch_ops import Tensor

BITS = 22
"""Of the fraction of a weight: 255 times the sum of an output's weights still fits into 32 bits."""


def scaled(picture: Tensor, height: int, width: int) -> Tensor:
    """(C, H, W) uint8 → (C, height, width) int32, 0…255."""
    x = picture.to(torch.int32)
    for at, target in ((2, width), (1, height)):
        if x.shape[at] != target:
            x = _along(x, at, target)
    return x


def _along(x: Tensor, at: int, target: int) -> Tensor:
    places, weights = (torch.from_numpy(one).to(x.device) for one in taps(x.shape[at], target))
    shape = [-1 if axis == at else 1 for axis in range(3)]
    total: Tensor = 1 << (BITS - 1)
    for place, weight in zip(places, weights, strict=True):
        total = total + x.index_select(at, place) * weight.view(shape)
    return total >> BITS


@functools.lru_cache(64)
def taps(source: int, target: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """(K, target) each: which samples an output is made of, and their weights in 1 / 2**BITS; 0 for those that it does
    not need."""
    scale = source / target
    reach = max(scale, 1.0)
    centre = (np.arange(target) + 0.5) * scale
    first = np.maximum((centre - reach + 0.5).astype(np.int64), 0)
    last = np.minimum((centre + reach + 0.5).astype(np.int64), source)
    places = first[None] + np.arange(int((last - first).max()))[:, None]
    weights = np.maximum(1 - np.abs((places - centre + 0.5) * (1 / reach)), 0)
    weights[places >= last] = 0
    weights /= weights.sum(axis=0)
    return np.minimum(places, source - 1), (0.5 + weights * (1 << BITS)).astype(np.int32)
