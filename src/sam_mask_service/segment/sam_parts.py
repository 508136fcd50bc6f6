"""Outlines put together: pieces to a region, regions to what was asked for. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .regions import Sign, combine
from .segmenter import FaceMask


def gathered(parts: Sequence[FaceMask]) -> FaceMask:
    """One region from its pieces (one at least): score and agreement are means weighed by area."""
    if len(parts) == 1:
        return parts[0]
    patch = combine([(1, part.patch) for part in parts])
    return FaceMask(patch, _mean(parts, "score"), _mean(parts, "agreement"), _warnings(parts))


def together(terms: Sequence[tuple[Sign, str]], drawn: Mapping[str, FaceMask]) -> FaceMask:
    """One face's mask from its regions, from left to right. ``score`` and ``agreement`` are those of what was added,
    weighed by area."""
    if len(terms) == 1:
        return drawn[terms[0][1]]
    patch = combine([(sign, drawn[name].patch) for sign, name in terms])
    added = [drawn[name] for sign, name in terms if sign > 0]
    warnings = _warnings([drawn[name] for _, name in terms])
    return FaceMask(patch, _mean(added, "score"), _mean(added, "agreement"), warnings)


def _mean(masks: Sequence[FaceMask], name: str) -> float:
    weights = np.array([1 + np.count_nonzero(mask.patch.bits) for mask in masks], np.float64)
    return float(np.average([getattr(mask, name) for mask in masks], weights=weights))


def _warnings(masks: Sequence[FaceMask]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(warning for mask in masks for warning in mask.warnings))
