"""The whole person that a face belongs to, as far as the picture shows it: head, neck, clothes, hands.

The person network looks at one upright window that goes from over the hair to the end of the picture (or of a standing
person). Where several people meet, a pixel goes to whose middle line is nearer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..geometry import RGB, Bits
from ..mask import parts_touching
from .colours import to_lab
from .crop import Soft, Window, upright
from .mincut import min_cut
from .prior import Prior
from .soften import guided
from .tuning.ground import CUT, CutTuning
from .tuning.person import PERSON, PersonTuning


def person_window(prior: Prior, width: int, height: int, tuning: PersonTuning = PERSON) -> Window:
    """The square of a picture of ``width`` × ``height`` in which the person is looked for. A body stands upright where
    a head may be tilted: the window is turned by quarters alone."""
    axes = prior.axes
    up = _quarter(axes.up)
    frame = np.array([-up[1], up[0]]), -up
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) - axes.chin
    least = np.array([-tuning.beside, -tuning.above]) * axes.height
    most = np.array([tuning.beside, tuning.below]) * axes.height
    seen = np.stack([corners @ axis for axis in frame], -1)
    low, high = np.maximum(seen.min(0), least), np.minimum(seen.max(0), most)
    side = float(max((high - low).max(), axes.height))
    across, down = (low + high) / 2
    return upright(axes.chin + across * frame[0] + down * frame[1], side, up, tuning.size)


def _quarter(up: NDArray[np.float32]) -> NDArray[np.float64]:
    """The unit vector along a side of the picture that is nearest to ``up``."""
    at = int(np.argmax(np.abs(up)))
    out = np.zeros(2)
    out[at] = np.sign(up[at])
    return out


def person_mask(
    rgb: RGB,
    seen: Soft,
    within: Bits,
    head: Bits,
    prior: Prior,
    rivals: Sequence[Prior] = (),
    tuning: PersonTuning = PERSON,
    cut: CutTuning = CUT,
) -> Soft:
    """(S, S) float32 whose ½ level is the person's outline.

    ``rgb``: (S, S, 3) uint8, the window; ``seen``: (S, S) probability of a person there; ``within``: (S, S) bool, what
    lies in the picture; ``head``: (S, S) the mask of the head; ``prior`` and ``rivals`` (the other faces) in the
    window's pixels.
    """
    odds = np.clip(np.log((seen + 1e-3) / (1 + 1e-3 - seen)), -tuning.most, tuning.most)
    for rival in rivals:
        nearer = (_away(rival, seen.shape[0], tuning) - _away(prior, seen.shape[0], tuning)) / prior.axes.height
        odds = odds + np.minimum(0, nearer * np.float32(tuning.theirs))
    always, never = (odds > tuning.certain) & within | head, (odds < -tuning.certain) | ~within
    bits = min_cut(np.asarray(odds, np.float32), to_lab(rgb)[..., :2], never & ~head, always, tuning=cut)
    whole = _with(bits, head)
    radius = max(2, int(tuning.smooth * prior.axes.height))
    return guided(rgb, whole.astype(np.float32), radius, tuning.noise)


def _with(bits: Bits, head: Bits) -> Bits:
    """The parts that hang on the head."""
    return parts_touching(bits | head, head) if head.any() else bits


def _away(prior: Prior, size: int, tuning: PersonTuning) -> Soft:
    """(S, S) float32 pixels: distance from the middle of the face, what lies under the chin counted less."""
    axes = prior.axes
    at = np.arange(size, dtype=np.float32) + np.float32(0.5)
    middle = axes.chin + axes.up * np.float32(0.5 * axes.height)
    down = np.maximum(0, at - middle[1]) * np.float32(tuning.falls) + np.maximum(0, middle[1] - at)
    return np.asarray(np.hypot((at - middle[0])[None], down[:, None]), np.float32)
