"""SAM by the user's own prompts: points and a box, with or without a mask to correct.

Points alone are asked as Meta's predictor asks (``_replayed``). A correction starts as SAM's own demo does, from the
mask that the user sees and all of his points. Two things are different. The mask prompt is the mask as it was drawn,
not SAM's raw low-resolution logits: those may be a body's, and the service keeps no state between two questions. And
what is far from every point stays as the user saw it: a click corrects a place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..deadline import Deadline
from ..errors import Internal, InvalidParameter
from ..geometry import Box, PixelBox
from ..mask import bounds, distance_to, parts_touching
from ..patch import Patch
from ..sam.backend import SamBackend
from ..sam.config import F32
from ..sam.prompt import INSIDE, OUTSIDE, Prompt
from . import candidate_choice, prompts
from .clicked_pieces import discs, joined, pieces, worth_taking
from .sam_view import CELL, SamEmbedding, View, coarse, drawn
from .segmenter import FaceMask
from .tuning import TUNED, Tuning
from .views import best_view

UserPoint = tuple[float, float, int]
MAX_POINTS = 64


@dataclass(frozen=True, slots=True, eq=False)
class _Wish:
    """What is asked, in pixels of the picture. ``points`` (P, 2), ``labels`` (P,), ``box`` (4,); ``users``: how many of
    the points are the user's own (they come first). ``start``: the mask to correct, not empty."""

    points: NDArray[np.float32]
    labels: NDArray[np.int64]
    users: int
    box: NDArray[np.float32] | None
    start: FaceMask | None

    def spots(self, label: int) -> NDArray[np.float32]:
        """(N, 2): the user's points of one kind."""
        return np.asarray(self.points[: self.users][self.labels[: self.users] == label], np.float32)


def prompted(
    backend: SamBackend,
    seen: SamEmbedding,
    start: FaceMask | None,
    points: Sequence[UserPoint],
    box: Box | None,
    deadline: Deadline,
    tuning: Tuning = TUNED,
) -> FaceMask:
    """See SamSegmenter.prompted."""
    wish = _wish(seen, start, points, box, tuning)
    view = seen.views[best_view([v.box for v in seen.views], _extent(wish))]
    prior = None if wish.start is None else coarse(wish.start.patch, view)
    if prior is None and wish.box is None:
        one, score = _replayed(backend, view, wish, deadline)
    else:
        mask = None if prior is None else prompts.as_logits(prior, tuning.prompt)
        asked = view.prompt(Prompt(wish.points, wish.labels, wish.box, mask))
        logits, predicted = backend.decode(view.embedding, [asked], deadline)
        one, score = _best(logits[0], predicted[0], prior, view, wish, tuning)
    if wish.start is None:
        return FaceMask(_patch(one, view, wish), score, 1.0)
    patch = _corrected(one, view, wish, wish.start.patch, seen, deadline, tuning)
    return FaceMask(patch, score, patch.iou(wish.start.patch))


def _replayed(backend: SamBackend, view: View, wish: _Wish, deadline: Deadline) -> tuple[F32, float]:
    """Points alone, as Meta's predictor is used: of the first point the candidate with the best predicted IoU, of more
    points the single mask, each answer starting from the logits of the one before. No state is kept between questions,
    so the clicks are played again: the first, all but the last, all."""
    count = len(wish.points)
    mask: F32 | None = None
    for number in sorted({1, max(1, count - 1), count}):
        asked = view.prompt(Prompt(wish.points[:number], wish.labels[:number], None, mask))
        logits, predicted = backend.decode(view.embedding, [asked], deadline)
        if not np.isfinite(logits).all():
            raise Internal
        single = number > 1 or logits.shape[1] == 1
        best = 0 if single else 1 + int(np.argmax(np.nan_to_num(predicted[0, 1:], nan=-1)))
        mask = np.clip(logits[0, best], -prompts.MOST_LOGIT, prompts.MOST_LOGIT)
    return logits[0, best], float(np.clip(np.nan_to_num(predicted[0, best]), 0, 1))


def shows(seen: SamEmbedding, points: Sequence[UserPoint], box: Box | None, tuning: Tuning = TUNED) -> bool:
    """Whether one of the encoded views shows the prompts; another look is needed otherwise."""
    wish = _wish(seen, None, points, box, tuning)
    around = _extent(wish)
    view = seen.views[best_view([v.box for v in seen.views], around)].box
    return around.intersection(Box(view.x, view.y, view.width, view.height)) >= tuning.correction.shown * around.area


def _wish(
    seen: SamEmbedding, start: FaceMask | None, points: Sequence[UserPoint], box: Box | None, tuning: Tuning
) -> _Wish:
    if not points and box is None and start is None:
        raise InvalidParameter("Give points, a box or a mask to correct.")
    if len(points) > MAX_POINTS:
        raise InvalidParameter(f"points: at most {MAX_POINTS}.")
    if any(not (0 <= x < seen.width and 0 <= y < seen.height) or label not in (0, 1) for x, y, label in points):
        raise InvalidParameter("points: each is [x, y, 1 or 0] with x and y inside the picture.")
    own = np.array([p[:2] for p in points], np.float32).reshape(-1, 2)
    labels = np.array([p[2] for p in points], np.int64)
    corners = None if box is None else _corners(box, seen)
    if start is None or not start.patch.bits.any():
        return _Wish(own, labels, len(points), corners, None)
    patch = start.patch.trimmed()
    anchors = _anchors(patch, own[labels == OUTSIDE], tuning)
    corners = prompts.box_of(patch, tuning.prompt) if corners is None and not points else corners
    labels = np.concatenate([labels, np.full(len(anchors), INSIDE, np.int64)])
    return _Wish(np.concatenate([own, anchors]), labels, len(points), corners, replace(start, patch=patch))


def _anchors(patch: Patch, away: NDArray[np.float32], tuning: Tuning) -> NDArray[np.float32]:
    """(N, 2): where the mask is thickest, off the points that take away."""
    spots = np.array(prompts.spots(patch, tuning.prompt), np.float32).reshape(-1, 2)
    if not len(away):
        return spots
    apart = np.hypot(*(spots[:, None] - away[None]).transpose(2, 0, 1)).min(axis=1)
    least = tuning.correction.off * candidate_choice.size_of(patch.bits, tuning.part)
    return np.asarray(spots[apart > least], np.float32)


def _corners(box: Box, seen: SamEmbedding) -> NDArray[np.float32]:
    if not np.isfinite([box.x, box.y, box.width, box.height]).all():
        raise InvalidParameter("box: must be four numbers.")
    left, top = max(0.0, box.x), max(0.0, box.y)
    right, bottom = min(float(seen.width), box.right), min(float(seen.height), box.bottom)
    if not (right - left >= 1 and bottom - top >= 1):
        raise InvalidParameter("box: lies outside the picture or is empty.")
    return np.array([left, top, right, bottom], np.float32)


def _extent(wish: _Wish) -> Box:
    """Around all prompts that are in use."""
    corners = wish.points if wish.box is None else np.concatenate([wish.points, wish.box.reshape(2, 2)])
    low, high = corners.min(axis=0), corners.max(axis=0)
    return Box(float(low[0]), float(low[1]), float(high[0] - low[0]) + 1, float(high[1] - low[1]) + 1)


def _best(logits: F32, predicted: F32, prior: F32 | None, view: View, wish: _Wish, tuning: Tuning) -> tuple[F32, float]:
    """The candidate that keeps most of the user's points on their side, rather a steady one. Of equals the best by
    predicted IoU, and by what it has in common with the mask to correct, or with the user's box, drawn tight."""
    ranked: list[tuple[int, bool, float, int, float]] = []
    for i, one in enumerate(logits):
        if np.isfinite(one).all():
            score = float(np.clip(np.nan_to_num(predicted[i], nan=0.0, posinf=0.0, neginf=0.0), 0, 1))
            agreement = _fit(one, view, wish) if prior is None else candidate_choice.soft_iou(one > 0, prior)
            weight = candidate_choice.weight(agreement, score, tuning.part)
            steady = candidate_choice.steadiness(one) >= tuning.correction.steady
            ranked.append((_kept(one, view, wish), steady, weight, -i, score))
    if not ranked:
        raise Internal
    *_, index, score = max(ranked)
    return logits[-index], score


def _fit(logits: F32, view: View, wish: _Wish) -> float:
    """IoU of the box around a candidate and the user's box; 1 without one."""
    around = bounds(logits > 0)
    if wish.box is None or around is None:
        return float(wish.box is None)
    left, top, right, bottom = (view.to_model(wish.box.reshape(2, 2)) / CELL).ravel().tolist()
    return Box(around.x, around.y, around.width, around.height).iou(Box(left, top, right - left, bottom - top))


def _kept(logits: F32, view: View, wish: _Wish) -> int:
    kept = 0
    for (x, y), label in zip(wish.points[: wish.users], wish.labels[: wish.users], strict=True):
        kept += drawn(logits, view, PixelBox(int(x), int(y), 1, 1)).has(x, y) == (label == INSIDE)
    return kept


def _corrected(
    logits: F32, view: View, wish: _Wish, start: Patch, seen: SamEmbedding, deadline: Deadline, tuning: Tuning
) -> Patch:
    """``start`` with what SAM sees near the user's points: at a point inside the piece that it lies on is added, at one
    outside the piece that it lies on is taken away, when it is worth it. Everything else stays as the user saw it."""
    gains, losses = wish.spots(INSIDE), wish.spots(OUTSIDE)
    reach, size = tuning.correction.reach, candidate_choice.size_of(start.bits, tuning.part)
    far = (1 + reach) * _beyond(start, gains) + size if len(gains) else 0.0
    wide = start.widened(int(np.ceil(far)) + 2, seen.width, seen.height)
    at, before, found = (wide.x, wide.y), wide.bits, drawn(logits, view, wide.box).bits
    perhaps, masked = drawn(logits + 1, view, wide.box).bits, int(np.count_nonzero(before))
    added = pieces(found & ~before, gains - at, distance_to(before), reach, deadline)
    taken = pieces(~found & before, losses - at, distance_to(~before), reach, deadline)
    sure = (piece for piece in taken if worth_taking(piece, perhaps, masked, tuning.correction))
    return Patch(*at, (before | joined(added, before.shape)) & ~joined(sure, before.shape)).trimmed()


def _beyond(patch: Patch, spots: NDArray[np.float32]) -> float:
    """How far the farthest point lies outside of the patch's window; 0 inside."""
    low = np.array([patch.x, patch.y], np.float32)
    high = low + patch.bits.shape[::-1]
    return float(np.max(np.maximum(low - spots, spots - high), initial=0.0))


def _patch(logits: F32, view: View, wish: _Wish) -> Patch:
    """The candidate at the picture's size in the smallest window; only the parts that hold a point inside, if there are
    any.
    """
    patch = drawn(logits, view, _window(logits, view))
    seeds = discs(patch.bits.shape, wish.spots(INSIDE) - (patch.x, patch.y), 0)
    pointed = Patch(patch.x, patch.y, parts_touching(patch.bits, seeds))
    return (pointed if pointed.area else patch).trimmed()


def _window(logits: F32, view: View) -> PixelBox:
    """The part of the picture that holds every positive logit, two cells more on each side."""
    box = bounds(logits > 0)
    if box is None:
        return PixelBox(view.box.x, view.box.y, 1, 1)
    cells = logits.shape[0] / view.frame.size * np.array(view.frame.scaled[::-1])
    per_cell = np.array([view.box.width, view.box.height]) / cells
    low = np.maximum(0, np.floor((np.array([box.x, box.y]) - 2) * per_cell)).astype(int)
    high = np.ceil((np.array([box.right, box.bottom]) + 2) * per_cell).astype(int)
    high = np.maximum(low + 1, np.minimum(high, [view.box.width, view.box.height]))
    low = np.minimum(low, high - 1)
    return PixelBox(int(low[0]), int(low[1]), *(high - low).tolist()).moved(view.box.x, view.box.y)
