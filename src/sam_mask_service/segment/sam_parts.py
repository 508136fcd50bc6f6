"""Outlines put together: pieces to a region, regions to what was asked for. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from .regions import Sign, combine, patch_iou
from .segmenter import FaceMask


def gathered(parts: Sequence[FaceMask]) -> FaceMask:
    """One region from its pieces (one at least): score and agreement are means weighed by area."""
    if len(parts) == 1:
        return parts[0]
    patch = combine([(1, part.patch) for part in parts])
    return FaceMask(patch, _mean(parts, "score"), _mean(parts, "agreement"), _warnings(parts))


def together(
    terms: Sequence[tuple[Sign, str]], drawn: Mapping[str, FaceMask], proposed: Mapping[str, FaceMask]
) -> FaceMask:
    """One face's mask from its regions, from left to right. ``score`` is that of what was added, weighed by area; ``agreement`` the
    IoU with what the mesh engine proposes for the whole expression."""
    if len(terms) == 1:
        return drawn[terms[0][1]]
    patch = combine([(sign, drawn[name].patch) for sign, name in terms])
    before = combine([(sign, proposed[name].patch) for sign, name in terms])
    score = _mean([drawn[name] for sign, name in terms if sign > 0], "score")
    return FaceMask(patch, score, patch_iou(patch, before), _warnings([drawn[name] for _, name in terms]))


def skin(face: FaceMask, proposed_face: FaceMask, proposed_skin: FaceMask) -> FaceMask:
    """The face as outlined, without what the mesh engine takes from its own face: eyes, brows, mouth."""
    features = combine([(1, proposed_face.patch), (-1, proposed_skin.patch)])
    return replace(face, patch=combine([(1, face.patch), (-1, features)]))


def _mean(masks: Sequence[FaceMask], name: str) -> float:
    weights = np.array([1 + np.count_nonzero(mask.patch.bits) for mask in masks], np.float64)
    return float(np.average([getattr(mask, name) for mask in masks], weights=weights))


def _warnings(masks: Sequence[FaceMask]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(warning for mask in masks for warning in mask.warnings))
