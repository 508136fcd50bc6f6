"""Region expressions such as ``face,-glasses,hair``: parsed, and the parts' masks put together. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from typing import Final, Literal

import cv2
import numpy as np

from ..errors import InvalidParameter, RegionUnavailable
from ..geometry import Bits
from ..mask import iou
from .crop import trimmed
from .segmenter import Patch

Sign = Literal[1, -1]

REGIONS: Final = (
    "face", "head", "skin", "hair", "ears", "neck", "glasses", "hat", "brows", "eyes", "nose", "lips", "mouth", "oval",
)  # fmt: skip
"""Every name that a region expression may hold; which of them can be drawn depends on the engine and its networks."""
MOST_TERMS: Final = 16
APART: Final = frozenset({"eyes", "brows", "ears"})
"""Regions that are two things: each is asked about on its own."""
OUTLINED: Final = {"face": "face", "skin": "face", "head": "head"}
"""Regions that the mesh engine cuts with SAM's logits as evidence, and which outline they hang on."""
BY_SAM: Final = frozenset({"ears", "eyes", "brows", "lips", "glasses"})
"""Regions whose proposal SAM outlines anew, since that measured better (docs/quality.md); the others stay as proposed."""
_SPECK = 0.1
"""A piece below this share of the largest one's area is not asked about on its own."""


def parse_regions(text: str) -> list[tuple[Sign, str]]:
    """The terms of an expression in their order, each (1, name) to add or (-1, name) to take away.

    >>> parse_regions("face, -glasses, hair")
    [(1, 'face'), (-1, 'glasses'), (1, 'hair')]

    Of a name that stands twice the last one counts. Raises InvalidParameter for an unknown name (naming the nearest), an empty
    term, more than 16 terms, or an expression that begins with something to take away.
    """
    terms = [_term(part) for part in text.split(",")]
    if len(terms) > MOST_TERMS:
        raise InvalidParameter(f"region: at most {MOST_TERMS} parts, not {len(terms)}.")
    if terms[0][0] < 0:
        raise InvalidParameter("region: the first part must be one to mask, such as face,-glasses.")
    return _last_of_each(terms)


def _last_of_each(terms: Sequence[tuple[Sign, str]]) -> list[tuple[Sign, str]]:
    """Without what a later term of the same name decides anyway: that one has the very same pixels."""
    last = {name: place for place, (_, name) in enumerate(terms)}
    return [term for place, term in enumerate(terms) if last[term[1]] == place]


def terms_for(text: str, available: Collection[str]) -> list[tuple[Sign, str]]:
    """As ``parse_regions``. Raises RegionUnavailable, listing those there are, for a part that is not ``available``."""
    terms = parse_regions(text)
    for _, name in terms:
        if name not in available:
            raise RegionUnavailable(f"This engine gives {', '.join(sorted(available))}; not {name}.")
    return terms


def _term(part: str) -> tuple[Sign, str]:
    word = part.strip().lower()
    sign: Sign = -1 if word.startswith("-") else 1
    name = word.removeprefix("-").removeprefix("+").strip()
    if name in REGIONS:
        return sign, name
    if not name:
        raise InvalidParameter("region: a part is empty; write for example face,-glasses,hair.")
    near = difflib.get_close_matches(name, REGIONS, n=1, cutoff=0.7)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(REGIONS)}."
    raise InvalidParameter(f"region: {name[:40]!r} is not known; {hint}")


def combine(terms: Sequence[tuple[Sign, Patch]]) -> Patch:
    """One patch from several, from left to right: added or taken away. The window holds all that were added."""
    x0 = min(p.x for _, p in terms)
    y0 = min(p.y for _, p in terms)
    x1 = max(p.x + p.bits.shape[1] for _, p in terms)
    y1 = max(p.y + p.bits.shape[0] for _, p in terms)
    out = np.zeros((y1 - y0, x1 - x0), bool)
    for sign, p in terms:
        view = out[p.y - y0 : p.y - y0 + p.bits.shape[0], p.x - x0 : p.x - x0 + p.bits.shape[1]]
        view[p.bits] = sign > 0
    return Patch(x0, y0, out)


def patch_iou(a: Patch, b: Patch) -> float:
    """IoU of two masks, wherever their windows lie."""
    x, y = min(a.x, b.x), min(a.y, b.y)
    width = max(a.x + a.bits.shape[1], b.x + b.bits.shape[1]) - x
    height = max(a.y + a.bits.shape[0], b.y + b.bits.shape[0]) - y

    def on_canvas(p: Patch) -> Bits:
        canvas = np.zeros((height, width), bool)
        canvas[p.y - y : p.y - y + p.bits.shape[0], p.x - x : p.x - x + p.bits.shape[1]] = p.bits
        return canvas

    return iou(on_canvas(a), on_canvas(b))


def pieces(patch: Patch) -> list[Patch]:
    """The connected pieces of a mask, largest first, each in its own window; specks together in one more. Empty mask: none."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(patch.bits.view(np.uint8), connectivity=8)
    if count == 1:
        return []
    areas = stats[1:count, cv2.CC_STAT_AREA]
    order = [int(i) for i in np.argsort(-areas, kind="stable")]
    large = [i for i in order if areas[i] >= _SPECK * areas.max()]
    out = [_part(patch, labels == i + 1) for i in large]
    specks = [i + 1 for i in order[len(large) :]]
    return [*out, _part(patch, np.isin(labels, specks))] if specks else out


def _part(patch: Patch, bits: Bits) -> Patch:
    return trimmed(Patch(patch.x, patch.y, np.asarray(bits)))
