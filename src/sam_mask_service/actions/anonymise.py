"""Faces made unreadable: blurred, pixelated, filled, or broken into tiles. Pure: arrays in, arrays out.

Every method but ``solid`` first reduces a face to a few cells across, whatever its size in pixels, and paints with
nothing but the cells' mean colours: what the result can tell of the face is bounded by their number, and no sharpening
brings back more. A Gaussian blur alone would not do: on 8-bit pixels it can be turned back in part. Contrast and colour
are reduced too: dark cells where eyes and mouth were, and even a patch of skin under hair, are a face to a detector
(docs/quality.md).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ..deadline import Check, unchecked
from ..geometry import RGB, Bits, Box, PixelBox
from ..mask import Alpha
from ..patch import SoftPatch
from .tuning import CELLS, CellTuning

Method = Literal["blur", "pixelate", "solid", "mosaic"]
Colour = tuple[int, int, int]
DEFAULT_STRENGTH = 0.5
GREY: Colour = (96, 96, 96)


@dataclass(frozen=True, slots=True, eq=False)
class Hidden:
    """A face to hide. ``mask``: 255 = hide fully. ``box``: the detector's, which sets the size of the cells.
    ``cover_box``: hide the ellipse in the box too (brow to chin, cheek to cheek), even where the mask leaves it out."""

    mask: SoftPatch
    box: Box
    cover_box: bool = True


def cells_across(strength: float, tuning: CellTuning = CELLS) -> int:
    """Cells from one side of a face to the other: 8 at strength 0, 4 at 0.5, 2 at 1."""
    return round(tuning.across * math.pow(tuning.fewer, -strength))


def contrast(strength: float, tuning: CellTuning = CELLS) -> float:
    """What is kept of a cell's difference from the face's mean colour, 0…1: the more cells, the less."""
    return _eased(tuning.contrast / cells_across(max(tuning.unfindable, strength), tuning), strength, tuning)


def _eased(least: float, strength: float, tuning: CellTuning) -> float:
    """``least`` from ``unfindable`` on, 1 at strength 0."""
    return float(least ** min(1.0, strength / tuning.unfindable))


@dataclass(frozen=True, slots=True)
class _Paint:
    """``contrast``, ``tone``: what is kept of the cells', and of the mean colour; ``colour``: of ``solid``; ``check``:
    asked meanwhile."""

    contrast: float
    tone: float
    colour: Colour
    check: Check
    tuning: CellTuning

    def faded(self, means: NDArray[np.float32], source: RGB, bits: Bits) -> RGB:
        """(…, 3) mean colours as they are painted: drawn towards the mean of all hidden pixels, and that towards
        grey.
        """
        middle = np.array(cv2.mean(source, bits.view(np.uint8))[:3], np.float32)
        base = self.tuning.grey + self.tone * (middle - self.tuning.grey)
        return np.rint(base + self.contrast * (means - middle)).clip(0, 255).astype(np.uint8)


def anonymise(
    image: RGB,
    faces: Iterable[Hidden],
    method: Method = "blur",
    strength: float = DEFAULT_STRENGTH,
    colour: Colour = GREY,
    check: Check = unchecked,
    tuning: CellTuning = CELLS,
) -> RGB:
    """A copy of ``image`` (H, W, 3) uint8 with every face hidden; outside their masks and boxes it is equal bit for
    bit.

    ``strength`` 0…1 is relative to the face, so that small and large faces are equally unreadable. ``colour`` is for
    ``solid``. Cells are taken from the untouched picture: the order of the faces changes nothing but their overlaps.
    ``check`` is asked meanwhile, and may raise.
    """
    out = image.copy()
    paint = _Paint(contrast(strength, tuning), _eased(tuning.tone, strength, tuning), colour, check, tuning)
    for face in faces:
        check()
        where, alpha = _window(face, image.shape[1], image.shape[0])
        if not alpha.size:
            continue
        source = image[where.rows, where.columns]
        cell = max(2, math.ceil(face.box.side / cells_across(strength, tuning)))
        painted = _PAINTERS[method](source, alpha > 0, cell, paint)
        view = out[where.rows, where.columns]
        blend(view, painted, alpha, view, check)
    return out


_BAND = 256


def blend(below: RGB, above: RGB, alpha: Alpha, out: RGB | None = None, check: Check = unchecked) -> RGB:
    """``above`` over ``below``: exactly ``below`` where ``alpha`` is 0 and exactly ``above`` where it is 255. Into
    ``out``, which may be either of the two, or into a new array. ``check`` is asked meanwhile, and may raise."""
    out = np.empty_like(below) if out is None else out
    for top in range(0, len(out), _BAND):  # the products take eight times the picture's memory
        check()
        rows = slice(top, top + _BAND)
        a = alpha[rows, :, None].astype(np.uint16)
        out[rows] = (below[rows] * (255 - a) + above[rows] * a + 127) // 255
    return out


def _window(face: Hidden, width: int, height: int) -> tuple[PixelBox, Alpha]:
    """The part of the picture that changes, and its alpha; without pixels when nothing of it lies inside."""
    if not face.cover_box:
        mask = face.mask.cut(face.mask.box.clipped(width, height))
        return mask.box, mask.alpha
    x, y = math.floor(face.box.x), math.floor(face.box.y)
    covered = PixelBox(x, y, math.ceil(face.box.right) - x, math.ceil(face.box.bottom) - y)
    where = face.mask.box.hull(covered).clipped(width, height)
    return where, np.where(_ellipse(face.box, where), np.uint8(255), face.mask.cut(where).alpha)


def _ellipse(box: Box, where: PixelBox) -> Bits:
    """Pixels of the window whose centre lies in the ellipse that the box encloses."""
    cx, cy = box.centre
    u = (np.arange(where.x, where.right) + 0.5 - cx) / max(1e-6, box.width / 2)
    v = (np.arange(where.y, where.bottom) + 0.5 - cy) / max(1e-6, box.height / 2)
    return np.asarray((u**2)[None, :] <= (1 - v**2)[:, None])


def _cells(source: RGB, bits: Bits, cell: int, check: Check) -> NDArray[np.float32]:
    """(rows, columns, 3) float32 mean colours of the ``cell`` × ``cell`` squares, over the hidden pixels alone.

    Squares without any take the nearest mean, so that an interpolation never meets a hole.
    """
    rows = [_row_of_cells(source, bits, slice(top, top + cell), cell, check) for top in range(0, len(bits), cell)]
    total, weight = (np.concatenate(each) for each in zip(*rows, strict=True))
    means = total / np.maximum(weight, 1e-9)[:, :, None]
    return _fill(means.astype(np.float32), weight > 1e-6)


def _row_of_cells(
    source: RGB, bits: Bits, band: slice, cell: int, check: Check
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """((1, columns, 3), (1, columns)) float32: the hidden pixels' mean over each cell, and their share of it. Row by
    row: as floats the whole window takes twelve times the picture's memory."""
    check()
    hidden, colours = bits[band], source[band]
    columns = -(-bits.shape[1] // cell)
    pad = ((0, cell - len(hidden)), (0, columns * cell - bits.shape[1]))
    weight = cv2.resize(np.pad(hidden, pad).astype(np.float32), (columns, 1), interpolation=cv2.INTER_AREA)
    inside = np.pad(colours * hidden[:, :, None], (*pad, (0, 0))).astype(np.float32)
    total = cv2.resize(inside, (columns, 1), interpolation=cv2.INTER_AREA)
    return np.asarray(total, np.float32).reshape(1, columns, 3), np.asarray(weight, np.float32).reshape(1, columns)


def _fill(means: NDArray[np.float32], known: Bits) -> NDArray[np.float32]:
    if known.all() or not known.any():
        return means
    _, labels = cv2.distanceTransformWithLabels(
        np.logical_not(known).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros((int(labels.max()) + 1, 3), np.float32)
    table[labels[known]] = means[known]
    return np.asarray(table[labels], np.float32)


def _pixelate(source: RGB, bits: Bits, cell: int, paint: _Paint) -> RGB:
    means = paint.faded(_cells(source, bits, cell, paint.check), source, bits)
    big = np.repeat(np.repeat(means, cell, axis=0), cell, axis=1)
    return np.asarray(big[: bits.shape[0], : bits.shape[1]])


def _blur(source: RGB, bits: Bits, cell: int, paint: _Paint) -> RGB:
    cells = _cells(source, bits, cell, paint.check)
    smoothed = np.asarray(cv2.GaussianBlur(cells, (3, 3), paint.tuning.blur), np.float32).reshape(cells.shape)
    means = paint.faded(smoothed, source, bits)
    smooth = _grown_smoothly(means, min(cell, _BORDERS))
    paint.check()
    if cell > _BORDERS:
        size = means.shape[1] * cell, means.shape[0] * cell
        smooth = np.asarray(cv2.resize(smooth, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    return smooth[: bits.shape[0], : bits.shape[1]]


def _grown_smoothly(means: RGB, by: int) -> RGB:
    size = means.shape[1] * by, means.shape[0] * by
    return np.asarray(cv2.resize(means, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def _solid(source: RGB, bits: Bits, cell: int, paint: _Paint) -> RGB:
    del bits, cell
    return np.asarray(np.broadcast_to(np.array(paint.colour, np.uint8), source.shape))


def _mosaic(source: RGB, bits: Bits, cell: int, paint: _Paint) -> RGB:
    """Irregular tiles (the Voronoi cells of a jittered grid), each with the mean colour of its hidden pixels. The
    borders of large ones are drawn on a grid."""
    grid = max(1, cell // _BORDERS, min(cell // 16, math.isqrt(bits.size // _DRAWN)))
    seen, there = source[::grid, ::grid], bits[::grid, ::grid]
    labels, count = _tiles(there.shape[0], there.shape[1], cell // grid)
    paint.check()
    step = max(1, cell // grid // _SAMPLES)
    few = slice(None, None, step), slice(None, None, step)
    flat, weight = labels[few].ravel(), there[few].ravel().astype(np.float64)
    area = np.maximum(np.bincount(flat, weight, count), 1e-9)
    means = [np.bincount(flat, seen[:, :, c][few].ravel() * weight, count) / area for c in range(3)]
    painted = np.asarray(paint.faded(np.stack(means, axis=1).astype(np.float32), source, bits)[labels])
    return painted if grid == 1 else _enlarged(painted, grid)[: bits.shape[0], : bits.shape[1]]


def _enlarged(pixels: RGB, by: int) -> RGB:
    size = pixels.shape[1] * by, pixels.shape[0] * by
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_NEAREST), np.uint8)


def _tiles(height: int, width: int, cell: int) -> tuple[NDArray[np.int32], int]:
    """(H, W) int32 tile numbers and how many there are; the same for the same size, so that a second pass changes
    nothing.
    """
    rows, columns = -(-height // cell), -(-width // cell)
    jitter = np.random.default_rng((rows, columns, cell)).integers(0, cell, (2, rows, columns))
    y = np.minimum(np.arange(rows)[:, None] * cell + jitter[0], height - 1)
    x = np.minimum(np.arange(columns)[None, :] * cell + jitter[1], width - 1)
    seeds = np.ones((height, width), np.uint8)
    seeds[y, x] = 0
    _, labels = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL)
    return np.asarray(labels, np.int32), int(labels.max()) + 1


_SAMPLES = 64
"""Of a larger mosaic cell only so many pixels from side to side are averaged."""
_BORDERS = 256
"""Pixels that a larger cell is drawn with from side to side, and then enlarged: the cost hardly grows with the face."""
_DRAWN = 4_000_000
"""Pixels of a window in which tiles are drawn at least."""
_PAINTERS = {"blur": _blur, "pixelate": _pixelate, "solid": _solid, "mosaic": _mosaic}
