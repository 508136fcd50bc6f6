"""Portraits whose alpha is known: labelled heads cut out of their picture, strands drawn at the hair's rim, laid on
another ground.

Labels of hair are two-valued and smooth; a matte cannot be judged by them. Here every strand's coverage is known. The
hair's own colours, the jaw and the neck are the photograph's, which is what a matte must tell apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_mask_service.geometry import RGB, Bits
from sam_mask_service.mask import fill_holes
from sam_mask_service.segment.soften import Soft, signed_distance

FINER = 4
"""Strands are drawn at this many times the size."""
RIM = 0.012
"""Near hair the labelled person ends earlier by this share of the head's size: the old ground shows in the label's
rim.
"""
LENGTH, SPREAD, CURL = 0.035, 0.55, 1.2
"""A strand's median length (shares of the head's size), the deviation of its logarithm, and of its turn in radians."""
SHARE, STEPS = 0.9, 12
"""Strands for each pixel of the hair's rim, and straight pieces of each."""
NOISE = 2.0


@dataclass(frozen=True, eq=False)
class Labelled:
    """``rgb``: (H, W, 3) uint8; ``head``, ``hair``, ``person``: (H, W) bool."""

    rgb: RGB
    head: Bits
    hair: Bits
    person: Bits

    @property
    def size(self) -> float:
        return float(np.sqrt(np.count_nonzero(self.head)))


def with_strands(known: Labelled, ground: RGB, seed: int) -> tuple[RGB, Soft] | None:
    """(picture, the head's alpha (H, W) float32 0…1) on ``ground``, of any size; None when too little hair touches
    it.
    """
    rng = np.random.default_rng(seed)
    person = fill_holes(known.person)
    distance, rim = signed_distance(person), max(2.0, RIM * known.size)
    to_hair = cv2.distanceTransform((~known.hair).astype(np.uint8), cv2.DIST_L2, 5)
    shrunk = distance - rim * np.clip(1.5 - to_hair / (2 * rim), 0, 1)
    inner = known.hair & (distance > 2 * rim)
    strands = _strands(known, inner, distance, rim, rng)
    if strands is None:
        return None
    solid = np.clip(shrunk / 1.5 + 0.5, 0, 1)
    alpha = np.maximum(solid, strands)
    colours = _carried(known.rgb, inner | (person & ~known.hair & (distance > 2)), max(1.5, 0.01 * known.size))
    shade = 1 + 0.36 * cv2.GaussianBlur(rng.normal(size=alpha.shape), (0, 0), 0.8)
    colours = np.where((solid < 1)[..., None], colours * shade[..., None], colours)
    mixed = alpha[..., None] * colours + (1 - alpha[..., None]) * _covering(ground, *alpha.shape)
    picture = np.clip(mixed + rng.normal(0, NOISE, mixed.shape), 0, 255).astype(np.uint8)
    head = np.clip(signed_distance(known.head) / 1.5 + 0.5, 0, 1)
    return picture, np.asarray(alpha * np.where(person, head, 1), np.float32)


def _strands(known: Labelled, inner: Bits, distance: Soft, rim: float, rng: np.random.Generator) -> Soft | None:
    """(H, W) float32: how much of every pixel the strands cover."""
    near = cv2.dilate(inner.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    rows, columns = np.nonzero((np.abs(distance - 2 * rim) < 1) & near & known.hair)
    count = int(SHARE * len(rows))
    if count < 20:
        return None
    chosen = rng.choice(len(rows), count, replace=False)
    y, x = rows[chosen], columns[chosen]
    smooth = cv2.GaussianBlur(distance, (0, 0), 0.02 * known.size)
    outward = np.arctan2(-cv2.Sobel(smooth, -1, 0, 1)[y, x], -cv2.Sobel(smooth, -1, 1, 0)[y, x])
    locks = cv2.GaussianBlur(rng.normal(size=distance.shape), (0, 0), 0.03 * known.size)
    angle = outward + 0.9 * (locks / locks.std())[y, x] + rng.normal(0, 0.35, count)
    length = known.size * LENGTH * np.exp(rng.normal(0, SPREAD, count))
    turns = angle[:, None] + np.arange(1, STEPS + 1) * rng.normal(0, CURL / STEPS, count)[:, None]
    steps = np.stack([np.cos(turns), np.sin(turns)], -1) * (length / STEPS)[:, None, None]
    start = np.stack([x, y], -1)[:, None] + 0.5
    points = np.concatenate([start, start + steps.cumsum(1)], 1)
    return _drawn(points, FINER * known.size / 300 * rng.uniform(0.35, 1, count), distance.shape)


def _drawn(points: NDArray[np.float64], widths: NDArray[np.float64], shape: tuple[int, ...]) -> Soft:
    """Lines through (N, STEPS + 1, 2) points, ever thinner towards their tips; widths at the root in the finer
    pixels.
    """
    canvas = np.zeros((shape[0] * FINER, shape[1] * FINER), np.uint8)
    fixed = np.rint(points * FINER * 16).astype(int)
    for line, width in zip(fixed, widths, strict=True):
        for i in range(STEPS):
            a, b = (int(line[i, 0]), int(line[i, 1])), (int(line[i + 1, 0]), int(line[i + 1, 1]))
            cv2.line(canvas, a, b, 255, max(1, round(max(1, width) * (1 - 0.75 * i / STEPS))), cv2.LINE_AA, 4)
    small = cv2.resize(canvas, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(small.astype(np.float32) / 255, np.float32)


def _carried(rgb: RGB, known: Bits, sigma: float) -> NDArray[Any]:
    """The colours of the ``known`` pixels, carried outwards from the nearest."""
    out, done = np.zeros(rgb.shape, np.float32), known.copy()
    out[known] = rgb[known]
    weights = known.astype(np.float32)
    masked = rgb.astype(np.float32) * weights[..., None]
    for width in (sigma, 3 * sigma, 9 * sigma, 27 * sigma):
        near = cv2.GaussianBlur(weights, (0, 0), width)
        fresh = (near > 0.02) & ~done
        out[fresh] = (cv2.GaussianBlur(masked, (0, 0), width) / (near + 1e-6)[..., None])[fresh]
        done |= fresh
    return out


def _covering(ground: RGB, height: int, width: int) -> NDArray[Any]:
    """(H, W, 3) float32: the ground scaled to cover the picture, its upper left part."""
    factor = max(height / ground.shape[0], width / ground.shape[1])
    size = (max(width, round(ground.shape[1] * factor)), max(height, round(ground.shape[0] * factor)))
    return np.asarray(cv2.resize(ground, size, interpolation=cv2.INTER_CUBIC), np.float32)[:height, :width]
