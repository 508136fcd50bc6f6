"""One look at one face: its windows at working size, what the networks say about them and the outline drawn from it,
each made when it is first needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

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


class FaceView:
    """``prior`` in picture pixels; ``face`` and ``head``: the windows, with their pixels in ``face_rgb`` and
    ``head_rgb``.

    Thread-safe: each network is asked once, and the outline drawn once, by whoever comes first.
    """

    def __init__(self, image: RGB, face: Face, nets: Nets, tuning: Tuning = TUNED) -> None:
        self._tuning, windows = tuning, tuning.window
        self.prior: Prior = prior_of(face, tuning)
        self.face = self.prior.window(windows.face_zoom, windows.face_size)
        self.head = self.prior.window(windows.head_zoom, windows.head_size)
        self.face_rgb, self.head_rgb = cut(image, self.face), cut(image, self.head)
        self._ask: dict[str, tuple[Callable[[RGB], NDArray[Any]], Window, RGB]] = {
            "person": (nets.person, self.head, self.head_rgb)
        }
        if nets.person.size != self.head.size:
            window = self.prior.window(windows.head_zoom, nets.person.size)
            self._ask["person"] = nets.person, window, cut(image, window)
        if nets.hair is not None:
            window = self.prior.window(windows.head_zoom, nets.hair.size)
            self._ask["hair"] = nets.hair, window, cut(image, window)
        if nets.parsing is not None:
            window = self.prior.window(windows.parsing_zoom, nets.parsing.size)
            self._ask["classes"] = nets.parsing, window, cut(image, window)
        self._lock, self._drawing = threading.Lock(), threading.Lock()
        self._outline: Outline | None = None
        self._answers: dict[str, NDArray[Any]] = {}

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

    def person_in(self, rgb: RGB) -> Soft:
        """(S, S) float32: probability of a person in any window's pixels ((S, S, 3) uint8)."""
        ask, *_ = self._ask["person"]
        soft = ask(rgb)
        return np.asarray(cv2.resize(soft, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)

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
