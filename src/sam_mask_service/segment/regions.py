"""Region expressions such as ``face,-glasses,hair``: parsed, and the parts' masks put together. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from typing import Final, Literal

import cv2
import numpy as np

from ..errors import InvalidParameter, RegionUnavailable
from ..geometry import Bits
from ..patch import Patch
from .region_table import names, region
from .tuning.sam import PART, PartTuning

Sign = Literal[1, -1]

MOST_TERMS: Final = 16


def parse_regions(text: str) -> list[tuple[Sign, str]]:
    """The terms of an expression in their order, each (1, name) to add or (-1, name) to take away.

    >>> parse_regions("face, -glasses, hair")
    [(1, 'face'), (-1, 'glasses'), (1, 'hair')]

    Of a name that stands twice the last one counts. Raises InvalidParameter for an unknown name (naming the nearest),
    an empty term, more than 16 terms, or an expression that begins with something to take away.
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


def is_wide(text: str) -> bool:
    """Whether a term of the expression goes far beyond the face (``Region.wide``).

    >>> is_wide("face,hair"), is_wide("person,-head")
    (False, True)
    """
    return any(region(name).wide for _, name in parse_regions(text))


def _term(part: str) -> tuple[Sign, str]:
    word = part.strip().lower()
    sign: Sign = -1 if word.startswith("-") else 1
    name = word.removeprefix("-").removeprefix("+").strip()
    if name in names():
        return sign, name
    if not name:
        raise InvalidParameter("region: a part is empty; write for example face,-glasses,hair.")
    near = difflib.get_close_matches(name, names(), n=1, cutoff=0.7)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(names())}."
    raise InvalidParameter(f"region: {name[:40]!r} is not known; {hint}")


def combine(terms: Sequence[tuple[Sign, Patch]]) -> Patch:
    """One patch from several, from left to right: added or taken away. The window holds them all."""
    (_, out), *others = terms
    for sign, patch in others:
        out = out.union(patch) if sign > 0 else out.minus(patch)
    return out


def pieces(patch: Patch, tuning: PartTuning = PART) -> list[Patch]:
    """The connected pieces of a mask, largest first, each in its own window; specks together in one more. Empty mask:
    none.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(patch.bits.view(np.uint8), connectivity=8)
    if count == 1:
        return []
    areas = stats[1:count, cv2.CC_STAT_AREA]
    order = [int(i) for i in np.argsort(-areas, kind="stable")]
    large = [i for i in order if areas[i] >= tuning.speck * areas.max()]
    out = [_part(patch, labels == i + 1) for i in large]
    specks = [i + 1 for i in order[len(large) :]]
    return [*out, _part(patch, np.isin(labels, specks))] if specks else out


def _part(patch: Patch, bits: Bits) -> Patch:
    return Patch(patch.x, patch.y, np.asarray(bits)).trimmed()
