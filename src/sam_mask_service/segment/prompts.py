"""What SAM is asked about a face or a part of one: points on it, points beside it, a box, all taken from the mesh
engine. Pure.

Faces and heads get their points from the mesh; any other region from its own shape: where it is thickest, and where
within its box it is farthest away. A point that would be in the wrong place (the far cheek of a turned face) is left
out. A face gets no box: the mesh engine's own mask may end at a fringe or a bald forehead, and a box would tell SAM to
end there too.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry import Bits, Face, Points
from ..patch import Patch
from ..sam.prompt import INSIDE, OUTSIDE, Prompt
from .tuning.sam import PROMPT, PromptTuning

# Indices of the 468-point face mesh: nose tip, right and left cheek, chin, between the brows, middle of the forehead.
ON_FACE = (1, 50, 280, 199, 9, 151)
FOREHEAD_TOP, CHIN_TIP, RIGHT_EAR, LEFT_EAR = 10, 152, 234, 454
MOST_LOGIT = 32.0
"""SAM's own logits as a mask prompt, bounded as in Meta's code."""
ON_AXES = frozenset({"face", "head"})
"""Regions whose points are told along the face's axes."""
UNBOXED = frozenset({"face"})
"""Regions asked about by points alone."""


def of_region(face: Face, prior: Patch, region: str, tuning: PromptTuning = PROMPT) -> Prompt:
    """In pixels of the picture. ``prior``: the mesh engine's own mask of ``region`` or a piece of it, not empty."""
    return of_face(face, prior, region, tuning) if region in ON_AXES else of_shape(prior, tuning)


def of_face(face: Face, prior: Patch, region: str, tuning: PromptTuning = PROMPT) -> Prompt:
    """For ``face`` and ``head``. Points inside lie on the prior, points outside well off it."""
    depth = _depth(prior.bits)
    size = float(np.sqrt(np.count_nonzero(prior.bits)))
    inside = [p for p in _candidates_inside(face, prior, depth) if _look(depth, prior, p) > tuning.inside * size]
    inside = inside or [_deepest(prior, depth)]
    beside = _candidates_outside(face, region, tuning)
    outside = [p for p in beside if not _within(prior, p, tuning.outside * size)]
    return _prompt(None if region in UNBOXED else box_of(prior, tuning), inside, outside)


def of_shape(prior: Patch, tuning: PromptTuning = PROMPT) -> Prompt:
    """For a region that the mesh has no points for, by its shape alone."""
    tight = prior.trimmed()
    if tight.bits.all():
        return _prompt(box_of(tight, tuning), spots(tight, tuning), [])
    away = np.asarray(cv2.distanceTransform(np.logical_not(tight.bits).view(np.uint8), cv2.DIST_L2, 5), np.float32)
    gaps = _peaks(tight, away, tuning.gaps, tuning.gap * float(np.sqrt(np.count_nonzero(tight.bits))))
    return _prompt(box_of(tight, tuning), spots(tight, tuning), gaps)


def spots(patch: Patch, tuning: PromptTuning = PROMPT) -> list[NDArray[np.float32]]:
    """Where a mask is thickest, ``tuning.spots`` places at most."""
    depth = _depth(patch.bits)
    return _peaks(patch, depth, tuning.spots, tuning.thin * float(depth.max()))


def _peaks(patch: Patch, heights: NDArray[np.float32], most: int, least: float) -> list[NDArray[np.float32]]:
    """The highest places one after the other, each off the discs around those before it; none lower than ``least``."""
    left = heights.copy()
    out: list[NDArray[np.float32]] = []
    while len(out) < most and left.max() >= max(least, 0.5):
        y, x = np.unravel_index(int(np.argmax(left)), left.shape)
        out.append(np.array([patch.x + x + 0.5, patch.y + y + 0.5], np.float32))
        cv2.circle(left, (int(x), int(y)), max(1, int(np.ceil(2 * heights[y, x]))), 0, -1)
    return out


def _prompt(
    box: NDArray[np.float32] | None, inside: list[NDArray[np.float32]], outside: list[NDArray[np.float32]]
) -> Prompt:
    points = np.array([*inside, *outside], np.float32).reshape(-1, 2)
    return Prompt(points, np.array([INSIDE] * len(inside) + [OUTSIDE] * len(outside), np.int64), box)


def box_of(prior: Patch, tuning: PromptTuning = PROMPT) -> NDArray[np.float32]:
    """(4,) the box around the prior, a little wider."""
    tight = (prior.bounds() or prior.box).moved(-prior.x, -prior.y)
    box = np.array([tight.x, tight.y, tight.right, tight.bottom], np.float32)
    margin = tuning.box_margin * np.array([box[2] - box[0], box[3] - box[1]], np.float32)
    box += np.concatenate([-margin, margin])
    return np.asarray(box + np.array([prior.x, prior.y] * 2), np.float32)


def _candidates_inside(face: Face, prior: Patch, depth: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    if face.landmarks is not None and len(face.landmarks) > max(ON_FACE):
        return list(face.landmarks[list(ON_FACE), :2])
    if face.keypoints is not None and len(face.keypoints) >= 4:
        return list(face.keypoints[:4, :2])  # eyes, nose, mouth
    return [_deepest(prior, depth)]


def _candidates_outside(face: Face, region: str, tuning: PromptTuning) -> list[NDArray[np.float32]]:
    axes = _axes(face.landmarks, tuning)
    if axes is None:
        return []
    centre, across, down = axes
    return [np.asarray(centre + u * across + v * down, np.float32) for u, v in _beside(region, tuning)]


def _beside(region: str, tuning: PromptTuning) -> Sequence[tuple[float, float]]:
    """Points beside a face or a head, across and down along the face's axes."""
    if region == "head":
        return ((0, tuning.chest_below),)
    sides = ((-tuning.ears_beside, tuning.ears_below), (tuning.ears_beside, tuning.ears_below))
    return ((0, -tuning.hair_above), (0, tuning.neck_below), *sides)


def _axes(
    landmarks: Points | None, tuning: PromptTuning
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]] | None:
    """(centre, ear to ear, forehead to chin) in pixels; None without a mesh, or for one seen edge-on."""
    if landmarks is None or len(landmarks) <= LEFT_EAR:
        return None
    top, chin, right, left = (landmarks[i, :2] for i in (FOREHEAD_TOP, CHIN_TIP, RIGHT_EAR, LEFT_EAR))
    down, across = chin - top, left - right
    if np.hypot(*across) < tuning.edge_on * np.hypot(*down):
        return None
    return np.asarray((top + chin) / 2, np.float32), np.asarray(across, np.float32), np.asarray(down, np.float32)


def as_logits(shares: NDArray[np.float32], tuning: PromptTuning = PROMPT) -> NDArray[np.float32]:
    """A map of shares 0…1 as the logits of a mask prompt."""
    return np.asarray((2 * shares - 1) * tuning.sure, np.float32)


def _depth(bits: Bits) -> NDArray[np.float32]:
    """Distance of every pixel of the mask to its outline."""
    padded = np.pad(bits, 1).view(np.uint8)
    return np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1], np.float32)


def _look(values: NDArray[np.float32], prior: Patch, point: NDArray[np.float32]) -> float:
    x, y = int(np.floor(point[0])) - prior.x, int(np.floor(point[1])) - prior.y
    inside = 0 <= y < values.shape[0] and 0 <= x < values.shape[1]
    return float(values[y, x]) if inside else 0.0


def _within(prior: Patch, point: NDArray[np.float32], distance: float) -> bool:
    """True when the mask comes nearer than ``distance`` to the point (to a 64th of the mask's size)."""
    step = max(1, min(prior.bits.shape) // 64)
    rows, columns = np.nonzero(prior.bits[::step, ::step])
    apart = np.hypot(columns * step + prior.x + 0.5 - point[0], rows * step + prior.y + 0.5 - point[1])
    return bool(np.min(apart, initial=np.inf) < distance)


def _deepest(prior: Patch, depth: NDArray[np.float32]) -> NDArray[np.float32]:
    y, x = np.unravel_index(int(np.argmax(depth)), depth.shape)
    return np.array([prior.x + x + 0.5, prior.y + y + 0.5], np.float32)
