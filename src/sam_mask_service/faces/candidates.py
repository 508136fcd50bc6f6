"""Candidate boxes as arrays: overlap, non-maximum suppression, and the gathering of what several looks saw at one
place. Pure.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .tuning.search import PLACE, PlaceTuning

Rows = NDArray[np.float32]
"""(N, 17) float32 candidates: x, y, width, height, score 0…1, then x and y of right eye, left eye, nose tip, mouth
centre, right ear, left ear (the subject's right and left)."""
Column = NDArray[np.float32]
COLUMNS = 17
MOST = 3000
"""Candidates of one look, and of all that may become places, that count at most: a drawn crowd has tens of thousands,
which it would take minutes to compare."""


def no_rows() -> Rows:
    return np.zeros((0, COLUMNS), np.float32)


def _shared(row: Rows, rows: Rows) -> Column:
    corner = np.minimum(row[:2] + row[2:4], rows[:, :2] + rows[:, 2:4])
    out: Column = np.clip(corner - np.maximum(row[:2], rows[:, :2]), 0, None).prod(axis=1)
    return out


def overlaps(row: Rows, rows: Rows) -> Column:
    """(N,) intersection over union of one candidate with each of ``rows``."""
    both = _shared(row, rows)
    out: Column = both / np.maximum(row[2] * row[3] + rows[:, 2] * rows[:, 3] - both, 1e-9)
    return out


def contained(row: Rows, rows: Rows) -> Column:
    """(N,) intersection of one candidate with each of ``rows`` over the smaller of the two areas."""
    out: Column = _shared(row, rows) / np.maximum(np.minimum(row[2] * row[3], rows[:, 2] * rows[:, 3]), 1e-9)
    return out


def best_first(rows: Rows) -> Rows:
    return rows[np.argsort(-rows[:, 4], kind="stable")]


def weighted_nms(rows: Rows, iou: float) -> Rows:
    """Candidates (best first) merged: each group takes its best score and the mean, weighted by score, of boxes and
    points.
    """
    out = []
    while len(rows):
        group = overlaps(rows[0], rows) > iou
        group[0] = True
        out.append(_mean(rows[group], rows[0, 4]))
        rows = rows[~group]
    return np.stack(out) if out else no_rows()


def _mean(rows: Rows, score: np.float32) -> Rows:
    mean: Rows = (rows[:, 4] / rows[:, 4].sum()) @ rows
    mean[4] = score
    return mean


def distinct(rows: Rows, tuning: PlaceTuning = PLACE) -> NDArray[np.intp]:
    """Which candidates are at places of their own: others that overlap an earlier one by ``nms``, or lie for the most
    part within it or it within them, go."""
    alive = np.ones(len(rows), bool)
    kept: list[int] = []
    for i in range(len(rows)):
        if alive[i]:
            kept.append(i)
            alive &= (overlaps(rows[i], rows) < tuning.nms) & (contained(rows[i], rows) < tuning.contained)
    return np.array(kept, np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A place that may be a face. ``row``: (17,) the looks' mean box and points, and the best look's score.
    ``scores``: the best score there of each look, in their order, 0 where it saw nothing."""

    row: Rows
    scores: tuple[float, ...]

    @property
    def best(self) -> float:
        return max(self.scores)

    @property
    def total(self) -> float:
        return sum(self.scores)


def gathered(
    seen: Sequence[Rows], weak: float, added: Sequence[bool] = (), tuning: PlaceTuning = PLACE
) -> list[Candidate]:
    """The distinct places where at least one look scored ``weak`` or more, those that most was seen of first.

    Every look that saw the place (overlap above ``same``) adds to its box, weighted by its score. Of two places that
    are too near each other the one stays whose looks' scores sum up to more: a single look may err with a high score.

    ``added``: which looks are those of a net that may add places and take none away: what is distinct without their
    scores is told too, though it be near another place. The verdicts then say which of the two is the face.
    """
    seen = [one if len(one) <= MOST else best_first(one)[:MOST] for one in seen]
    rows = np.concatenate([no_rows(), *seen])
    bounds = np.cumsum([0, *map(len, seen)])
    picked = np.argsort(-rows[:, 4], kind="stable")
    picked = picked[rows[picked, 4] >= weak][:MOST]
    strong = rows[picked]
    scores = [_scores(row, rows, bounds, tuning.same) for row in strong]
    table = np.array(scores, np.float64).reshape(len(strong), len(seen))
    told = _best_of(strong, table.sum(axis=1), tuning)
    if any(added):
        own = np.logical_not(np.array(added, bool))
        ours = np.flatnonzero(np.repeat(own, np.diff(bounds))[picked])
        alone = ours[_best_of(strong[ours], table[ours][:, own].sum(axis=1), tuning)]
        told = np.concatenate([told, _not_among(told, alone, strong, table[:, own], tuning.same)])
    return [Candidate(_mean(rows[overlaps(strong[i], rows) > tuning.same], strong[i, 4]), scores[i]) for i in told]


def _not_among(
    told: NDArray[np.intp], alone: NDArray[np.intp], strong: Rows, own: NDArray[np.float64], same: float
) -> NDArray[np.intp]:
    """Those of ``alone`` that are at none of the ``told`` places, or of which these have seen less."""

    def covered(i: int) -> bool:
        near = told[overlaps(strong[i], strong[told]) > same]
        return bool((own[near] >= own[i]).all(axis=1).any())

    return np.array([i for i in alone if not covered(i)], np.intp)


def crowded_out(seen: Sequence[Rows], weak: float) -> int:
    """How many candidates of ``weak`` or more ``gathered`` leaves out because there are too many."""
    strong = [int(np.count_nonzero(one[:, 4] >= weak)) for one in seen]
    return sum(strong) - min(MOST, sum(min(MOST, each) for each in strong))


def _best_of(rows: Rows, totals: NDArray[np.float64], tuning: PlaceTuning) -> NDArray[np.intp]:
    """Which of ``rows`` are distinct, those with the highest of ``totals`` first."""
    order = np.argsort(-totals, kind="stable")
    return order[distinct(rows[order], tuning)]


def _scores(row: Rows, rows: Rows, bounds: NDArray[np.intp], same: float) -> tuple[float, ...]:
    """The best score at the place of ``row`` of each look, whose rows lie between its two ``bounds``."""
    here = np.where(overlaps(row, rows) > same, rows[:, 4], 0)
    return tuple(float(here[start:end].max(initial=0)) for start, end in itertools.pairwise(bounds))
