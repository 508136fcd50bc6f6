"""SAM by the user's own prompts: points and a box, with or without a face to start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..deadline import Deadline
from ..errors import Internal, InvalidParameter
from ..geometry import Box, Face
from ..mask import bounds, parts_touching
from ..sam.config import F32
from ..sam.runtime import SamBackend
from . import prompts
from .regions import patch_iou
from .sam_view import SamEmbedding, View, coarse, drawn
from .segmenter import FaceMask, Patch
from .views import best_view

UserPoint = tuple[float, float, int]
MAX_POINTS = 64


@dataclass(frozen=True, slots=True, eq=False)
class _Wish:
    """What is asked, in pixels of the picture. ``points`` (P, 2), ``labels`` (P,), ``box`` (4,); ``users``: how many of the points
    are the user's own (they come first)."""

    points: NDArray[np.float32]
    labels: NDArray[np.int64]
    users: int
    box: NDArray[np.float32] | None
    prior: FaceMask | None


def prompted(
    backend: SamBackend,
    seen: SamEmbedding,
    face: Face | None,
    points: Sequence[UserPoint],
    box: Box | None,
    deadline: Deadline,
) -> FaceMask:
    """See SamSegmenter.prompted."""
    wish = _wish(seen, face, points, box)
    view = seen.views[best_view([v.box for v in seen.views], _extent(wish))]
    logits, predicted = backend.decode(
        view.embedding,
        boxes=None if wish.box is None else view.to_model(wish.box.reshape(2, 2)).reshape(1, 4),
        points=view.to_model(wish.points)[None] if len(wish.points) else None,
        labels=wish.labels[None] if len(wish.points) else None,
        mask_prior=None if wish.prior is None else prompts.as_logits(coarse(wish.prior.patch, view))[None, None],
        deadline=deadline,
    )
    one, score = _best(logits[0], predicted[0], view, wish)
    patch = _patch(one, view, wish)
    return FaceMask(patch, score, _agreement(patch, wish.prior))


def _wish(seen: SamEmbedding, face: Face | None, points: Sequence[UserPoint], box: Box | None) -> _Wish:
    if not points and box is None and face is None:
        raise InvalidParameter("Give points, a box or a face.")
    if len(points) > MAX_POINTS:
        raise InvalidParameter(f"points: at most {MAX_POINTS}.")
    if any(not (0 <= x < seen.width and 0 <= y < seen.height) or label not in (0, 1) for x, y, label in points):
        raise InvalidParameter("points: each is [x, y, 1 or 0] with x and y inside the picture.")
    own = np.array([p[:2] for p in points], np.float32).reshape(-1, 2)
    labels = np.array([p[2] for p in points], np.int64)
    corners = None if box is None else _corners(box, seen)
    prior = _prior(seen, face)
    if face is not None and prior is not None:
        prompt = prompts.of_face(face, prior.patch, "face")
        own, labels = np.concatenate([own, prompt.points]), np.concatenate([labels, prompt.labels])
        corners = prompt.box if corners is None and not points else corners
    return _Wish(own, labels, len(points), corners, prior)


def _corners(box: Box, seen: SamEmbedding) -> NDArray[np.float32]:
    if not np.isfinite([box.x, box.y, box.width, box.height]).all():
        raise InvalidParameter("box: must be four numbers.")
    left, top = max(0.0, box.x), max(0.0, box.y)
    right, bottom = min(float(seen.width), box.right), min(float(seen.height), box.bottom)
    if not (right - left >= 1 and bottom - top >= 1):
        raise InvalidParameter("box: lies outside the picture or is empty.")
    return np.array([left, top, right, bottom], np.float32)


def _prior(seen: SamEmbedding, face: Face | None) -> FaceMask | None:
    if face is None:
        return None
    prior = seen.priors.get((face.box.x, face.box.y, face.box.width, face.box.height))
    if prior is None:
        raise InvalidParameter("face: was not among those that were looked at.")
    return prior if prior.patch.bits.any() else None


def _extent(wish: _Wish) -> Box:
    """Around all prompts that are in use."""
    used = wish.points[wish.labels != prompts.NO_POINT]
    corners = used if wish.box is None else np.concatenate([used, wish.box.reshape(2, 2)])
    low, high = corners.min(axis=0), corners.max(axis=0)
    return Box(float(low[0]), float(low[1]), float(high[0] - low[0]) + 1, float(high[1] - low[1]) + 1)


def _best(logits: F32, predicted: F32, view: View, wish: _Wish) -> tuple[F32, float]:
    """The candidate that keeps most of the user's points on their side; of equals the best by predicted IoU."""
    ranked: list[tuple[int, float, int]] = []
    for i, one in enumerate(logits):
        if np.isfinite(one).all():
            score = float(np.clip(np.nan_to_num(predicted[i], nan=0.0), 0, 1))
            ranked.append((_kept(one, view, wish), score, -i))
    if not ranked:
        raise Internal
    _, score, index = max(ranked)
    return logits[-index], score


def _kept(logits: F32, view: View, wish: _Wish) -> int:
    kept = 0
    for (x, y), label in zip(wish.points[: wish.users], wish.labels[: wish.users], strict=True):
        kept += bool(drawn(logits, view, int(x), int(y), (1, 1))[0, 0]) == (label == prompts.INSIDE)
    return kept


def _patch(logits: F32, view: View, wish: _Wish) -> Patch:
    """The candidate at the picture's size in the smallest window; only the parts that hold a point inside, if there are any."""
    x, y, width, height = _window(logits, view)
    bits = drawn(logits, view, x, y, (height, width))
    seeds = np.zeros_like(bits)
    for (px, py), label in zip(wish.points, wish.labels, strict=True):
        column, row = int(px) - x, int(py) - y
        if label == prompts.INSIDE and 0 <= row < height and 0 <= column < width:
            seeds[row, column] = True
    if (seeds & bits).any():
        bits = parts_touching(bits, seeds)
    return _trimmed(Patch(x, y, bits))


def _window(logits: F32, view: View) -> tuple[int, int, int, int]:
    """x, y, width, height in the picture that hold every positive logit, two cells more on each side."""
    box = bounds(logits > 0)
    if box is None:
        return view.box.x, view.box.y, 1, 1
    cells = logits.shape[0] / view.frame.size * np.array(view.frame.scaled[::-1])
    per_cell = np.array([view.box.width, view.box.height]) / cells
    low = np.maximum(0, np.floor((np.array([box.x, box.y]) - 2) * per_cell)).astype(int)
    high = np.ceil((np.array([box.x + box.width, box.y + box.height]) + 2) * per_cell).astype(int)
    high = np.maximum(low + 1, np.minimum(high, [view.box.width, view.box.height]))
    low = np.minimum(low, high - 1)
    return view.box.x + int(low[0]), view.box.y + int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])


def _trimmed(patch: Patch) -> Patch:
    box = bounds(patch.bits)
    if box is None:
        return Patch(patch.x, patch.y, np.zeros((1, 1), bool))
    return Patch(patch.x + box.x, patch.y + box.y, patch.bits[box.rows, box.columns])


def _agreement(patch: Patch, prior: FaceMask | None) -> float:
    """IoU with the mask it started from; 1 without one."""
    return 1.0 if prior is None else patch_iou(patch, prior.patch)
