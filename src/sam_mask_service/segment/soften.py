"""Filters and distances on small windows: the guided filter, signed distance, cleaning. Pure."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry import RGB, Bits
from ..mask import fill_holes, largest_part

Soft = NDArray[np.float32]
_SINGULAR = 1e-20


def guided(image: RGB, soft: Soft, radius: int, eps: float) -> Soft:
    """He, Sun, Tang, "Guided Image Filtering" (2010), with a colour guide: ``soft`` (H, W) float32 follows the edges of
    ``image`` (H, W, 3) uint8. ``radius`` in pixels, ``eps`` in squared units of 0…1 intensity."""
    guide = image.astype(np.float32) / np.float32(255)
    mean_i, mean_p = box_mean(guide, radius), box_mean(soft, radius)
    covariance = box_mean(guide * soft[..., None], radius) - mean_i * mean_p[..., None]
    red, green, blue = cv2.split(guide)
    squares = box_mean(cv2.merge([red * red, green * green, blue * blue]), radius) - mean_i * mean_i + np.float32(eps)
    products = box_mean(cv2.merge(_mixed(guide)), radius) - cv2.merge(_mixed(mean_i))
    a = solved(squares, products, covariance)
    b = mean_p - _dot(a, mean_i)
    return np.asarray(_dot(box_mean(a, radius), guide) + box_mean(b, radius), np.float32)


def _mixed(x: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The products of different channels: rg, rb, gb."""
    red, green, blue = cv2.split(x)
    return [np.asarray(product, np.float32) for product in (red * green, red * blue, green * blue)]


def _dot(x: NDArray[np.float32], y: NDArray[np.float32]) -> Soft:
    """(H, W): x · y over three channels; plane by plane, since numpy takes several times as long to sum short rows."""
    (a, b, c), (d, e, f) = cv2.split(x), cv2.split(y)
    return np.asarray(a * d + b * e + c * f, np.float32)


def box_mean(x: NDArray[Any], radius: int) -> NDArray[np.float32]:
    """The mean of every channel over the square that reaches ``radius`` pixels to each side; mirrored at the border."""
    return np.asarray(cv2.boxFilter(x, -1, (2 * radius + 1, 2 * radius + 1), borderType=cv2.BORDER_REFLECT), np.float32)


def solved(
    squares: NDArray[np.float32], products: NDArray[np.float32], right: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The symmetric 3 × 3 system of every pixel solved by its adjugate: a matrix solver per pixel would cost ten times
    as much. ``squares``: the diagonal, ``products``: (rg, rb, gb), both (H, W, 3)."""
    rr, gg, bb = cv2.split(squares)
    rg, rb, gb = cv2.split(products)
    x, y, z = cv2.split(right)
    c0, c1, c2 = gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb
    c3, c4, c5 = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    over = 1 / np.maximum(rr * c0 + rg * c1 + rb * c2, np.float32(_SINGULAR))
    solved = [(c0 * x + c1 * y + c2 * z) * over, (c1 * x + c3 * y + c4 * z) * over, (c2 * x + c4 * y + c5 * z) * over]
    return np.asarray(cv2.merge(solved), np.float32)


def ramp(x: Soft, low: float, high: float, first: float, last: float) -> Soft:
    """``first`` up to ``low``, ``last`` from ``high`` on, a straight line between."""
    return np.asarray(first + (last - first) * np.clip((x - low) / (high - low), 0, 1), np.float32)


def smoothstep(x: Soft, low: float, high: float) -> Soft:
    """0 up to ``low``, 1 from ``high`` on, 3t² − 2t³ between."""
    t = np.clip((x - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def signed_distance(bits: Bits) -> Soft:
    """(H, W) float32 pixels: positive inside, negative outside, about ±½ at the outline."""
    inside = cv2.distanceTransform(bits.astype(np.uint8), cv2.DIST_L2, 5)
    outside = cv2.distanceTransform((~bits).astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(inside - outside, np.float32)


def one_piece(bits: Bits) -> Bits:
    """The largest part with its holes filled."""
    return fill_holes(largest_part(bits)) if bits.any() else bits


def opened(bits: Bits, radius: int) -> Bits:
    """Without what is narrower than a disc of this radius in pixels."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.morphologyEx(bits.astype(np.uint8), cv2.MORPH_OPEN, disc)).astype(bool)
