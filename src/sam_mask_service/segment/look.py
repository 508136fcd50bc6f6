"""One look at one face: its windows at working size, and what the networks say about them, asked for when first needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry import RGB, Face
from .crop import Soft, Window, cut
from .nets import HairNet, ParsingNet, PersonNet
from .prior import Prior, prior_of

FACE_SIZE, FACE_ZOOM = 144, 1.6
HEAD_SIZE, HEAD_ZOOM = 320, 2.5


@dataclass(frozen=True, slots=True)
class Nets:
    """The networks there are; the person network always is."""

    person: PersonNet
    hair: HairNet | None = None
    parsing: ParsingNet | None = None


class FaceLook:
    """``prior`` in picture pixels; ``face`` and ``head``: the windows, with their pixels in ``face_rgb`` and ``head_rgb``.

    Thread-safe: each network is asked once, by whoever comes first.
    """

    def __init__(self, image: RGB, face: Face, nets: Nets) -> None:
        self.prior: Prior = prior_of(face)
        self.face = self.prior.window(FACE_ZOOM, FACE_SIZE)
        self.head = self.prior.window(HEAD_ZOOM, HEAD_SIZE)
        self.face_rgb, self.head_rgb = cut(image, self.face), cut(image, self.head)
        self._nets = nets
        self._lock = threading.Lock()
        self._answers: dict[str, NDArray[Any]] = {}

    @property
    def nbytes(self) -> int:
        """Bytes held, those of the networks' answers counted before they are there."""
        n = self._nets
        answers = [4 * net.size**2 for net in (n.person, n.hair) if net] + ([n.parsing.size**2] if n.parsing else [])
        points = 0 if self.prior.points is None else self.prior.points.nbytes
        return self.face_rgb.nbytes + self.head_rgb.nbytes + points + sum(answers) + 4096

    def person(self) -> Soft:
        """(S, S) float32 in the head window: probability of a person."""
        return self._once("person", lambda: self._nets.person(self.head_rgb), self._nets.person.size)

    def hair(self) -> Soft | None:
        """(S, S) float32 in the head window: probability of hair; None without the network."""
        net = self._nets.hair
        return None if net is None else self._once("hair", lambda: net(self.head_rgb), net.size)

    def classes(self) -> tuple[NDArray[np.uint8], Window] | None:
        """The face-parsing classes and the window they stand in; None without the network."""
        net = self._nets.parsing
        if net is None:
            return None
        with self._lock:
            if "classes" not in self._answers:
                self._answers["classes"] = net(self.head_rgb)
        classes = self._answers["classes"]
        return classes, rescaled(self.head, classes.shape[0])

    def _once(self, name: str, ask: Callable[[], Soft], size: int) -> Soft:
        with self._lock:
            if name not in self._answers:
                self._answers[name] = ask()
        answer = self._answers[name]
        return answer if size == HEAD_SIZE else np.asarray(cv2.resize(answer, (HEAD_SIZE, HEAD_SIZE)), np.float32)


def rescaled(window: Window, size: int) -> Window:
    """The same square in another number of pixels."""
    return Window(window.matrix * (size / window.size), size)


def transferred(soft: Soft, source: Window, target: Window) -> Soft:
    """A map of one window seen in another, 0 where the first does not reach."""
    inverse = np.vstack([target.inverse(), [0, 0, 1]])
    joint = (np.vstack([source.matrix, [0, 0, 1]]) @ inverse)[:2]
    joint[:, 2] += joint[:, :2] @ np.array([0.5, 0.5]) - 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(soft, joint, (target.size, target.size), flags=flags), np.float32)
