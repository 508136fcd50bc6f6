"""What finds faces: the protocol that the pipeline knows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from ..deadline import NO_DEADLINE, Deadline
from ..geometry import RGB, Face
from .ensemble import MEMBERS
from .tuning.search import Recall

if TYPE_CHECKING:
    DetectorName = str
else:
    DetectorName = Literal[("auto", "mediapipe", *(member.name for member in MEMBERS))]
"""``auto``: every network that is installed; ``mediapipe``: BlazeFace alone; else it and the one named."""


@dataclass(frozen=True, slots=True)
class DetectOptions:
    """How hard to look. ``min_confidence`` 0…1 replaces the recipe's own acceptance rule by a plain threshold on the
    reported confidence; None keeps the recipe. ``recall="high"`` spends more passes and accepts more (privacy).
    ``again``: a second look at a picture that was searched so before, with fewer windows, of other sizes."""

    min_confidence: float | None = None
    detector: DetectorName = "auto"
    recall: Recall = "normal"
    again: bool = False


class Faces(list[Face]):
    """Found faces. ``unexamined``: how many further places that may be faces were too many to be looked at."""

    def __init__(self, faces: Iterable[Face] = (), unexamined: int = 0) -> None:
        super().__init__(faces)
        self.unexamined = unexamined


class FaceDetector(Protocol):
    """Finds faces. Thread-safe: ``detect`` may run in several threads at once."""

    @property
    def name(self) -> str: ...

    def detect(
        self, image: RGB, options: DetectOptions = DetectOptions(), deadline: Deadline = NO_DEADLINE
    ) -> list[Face]:
        """Faces in ``image`` ((H, W, 3) uint8 RGB, upright), largest first, all that there are.

        Boxes and landmarks are in pixels of ``image``. An empty list when there is none: never a guessed face.
        ``Faces`` where something was left out; a plain list says that nothing was. Raises DeadlinePassed.
        """
        ...
