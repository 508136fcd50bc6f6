"""One look at one face: its windows at working size, what the networks say about them and the outline drawn from it,
each made when it is first needed."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry import RGB, Face
from .crop import Soft, Window, cut
from .nets import HairNet, ParsingNet, PersonNet
from .outline import Outline, face_mask
from .prior import Prior, prior_of
from .region_table import face_classes
from .tuning import TUNED, Tuning


@dataclass(frozen=True, slots=True)
class Nets:
    """The networks there are; the person network always is."""

    person: PersonNet
    hair: HairNet | None = None
    parsing: ParsingNet | None = None


class Net(Protocol):
    """A small network. ``size``: the side of what it looks at."""

    size: int

    def __call__(self, rgb: RGB) -> NDArray[Any]: ...


def _shown(image: RGB, net: Net, window: Window) -> tuple[Net, Window, RGB]:
    """A network, what of the window it is shown, and those pixels."""
    seen = window.resized(net.size).clipped(image.shape[1], image.shape[0])
    return net, seen, cut(image, seen)


class FaceView:
    """``prior`` in picture pixels; ``face`` and ``head``: the windows, with their pixels in ``face_rgb`` and
    ``head_rgb``.

    Thread-safe: each network is asked once, and the outline drawn once, by whoever comes first.
    """

    def __init__(self, image: RGB, face: Face, nets: Nets, tuning: Tuning = TUNED) -> None:
        self._made_of, self._tuning, windows = (face, nets), tuning, tuning.window
        self.prior: Prior = prior_of(face, tuning)
        self.face = self.prior.window(windows.face_zoom, windows.face_size)
        self.head = self.prior.window(windows.head_zoom, windows.head_size, windows.head_lift)
        parts = self.prior.window(windows.parsing_zoom, windows.head_size)
        self.face_rgb, self.head_rgb = cut(image, self.face), cut(image, self.head)
        asked = ("person", nets.person, self.head), ("hair", nets.hair, self.head), ("classes", nets.parsing, parts)
        self._ask = {name: _shown(image, net, window) for name, net, window in asked if net is not None}
        self._lock, self._drawing = threading.Lock(), threading.Lock()
        self._outline: Outline | None = None
        self._answers: dict[str, NDArray[Any]] = {}

    def wider(self, image: RGB) -> FaceView:
        """The same face with a larger window for the head, for hair that leaves this one. It has no face-parsing
        network: what that sees does not depend on the head's window, and this view knows it."""
        (face, nets), windows = self._made_of, self._tuning.window
        wide = replace(windows, head_zoom=windows.wide_zoom, head_size=windows.wide_size, head_lift=windows.wide_lift)
        return FaceView(image, face, replace(nets, parsing=None), replace(self._tuning, window=wide))

    @property
    def nbytes(self) -> int:
        """Bytes held, those of the networks' answers and of the outline counted before they are there."""
        points = 0 if self.prior.points is None else self.prior.points.nbytes
        asked = sum(rgb.nbytes + 4 * window.size**2 for _, window, rgb in self._ask.values())
        return self.face_rgb.nbytes + asked + 5 * self.face.size**2 + points + 4096

    @property
    def outline(self) -> Outline:
        """The face's outline in the window ``face``: heads and compositions asked for later need it too."""
        with self._drawing:
            if self._outline is None:
                self._outline = self._cut(None)
            return self._outline

    def outlined(self, logits: Soft | None) -> Outline:
        """As ``outline``, with SAM's ``logits`` (S, S) in that window."""
        return self.outline if logits is None else self._cut(logits)

    def _cut(self, logits: Soft | None) -> Outline:
        hair, parsed = self.hair(self.face), self.parsed(face_classes(), self.face)
        return face_mask(self.face_rgb, self.prior.seen_in(self.face), hair, parsed, logits, self._tuning)

    def _answer(self, name: str) -> NDArray[Any]:
        with self._lock:
            if name not in self._answers:
                ask, _, rgb = self._ask[name]
                self._answers[name] = ask(rgb)
            return self._answers[name]

    def person(self, target: Window) -> Soft:
        """(S, S) float32 in the target window: probability of a person."""
        return transferred(self._answer("person"), self._ask["person"][1], target)

    def person_in(self, image: RGB, window: Window) -> Soft:
        """(S, S) float32: probability of a person in any window of the picture, 0 beyond the picture."""
        _, nets = self._made_of
        ask, seen, rgb = _shown(image, nets.person, window)
        return transferred(ask(rgb), seen, window)

    def hair(self, target: Window) -> Soft | None:
        """(S, S) float32 in the target window: probability of hair; None without the network."""
        return transferred(self._answer("hair"), self._ask["hair"][1], target) if "hair" in self._ask else None

    def parsed(self, classes: Iterable[int], target: Window, beyond: float = 0.0) -> Soft | None:
        """(S, S) float32 in the target window: where the face-parsing network sees one of these classes; ``beyond``
        where it looked at nothing; None without it."""
        if "classes" not in self._ask:
            return None
        bits = np.isin(self._answer("classes"), list(classes)).astype(np.float32)
        return transferred(bits, self._ask["classes"][1], target, beyond)


def transferred(soft: Soft, source: Window, target: Window, beyond: float = 0.0) -> Soft:
    """A map of one window seen in another, ``beyond`` where the first does not reach."""
    if source is target:
        return soft
    inverse = np.vstack([target.inverse(), [0, 0, 1]])
    joint = (np.vstack([source.matrix, [0, 0, 1]]) @ inverse)[:2]
    joint[:, 2] += joint[:, :2] @ np.array([0.5, 0.5]) - 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(soft, joint, (target.size, target.size), flags=flags, borderValue=beyond), np.float32
    )
