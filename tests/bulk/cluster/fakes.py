"""A service of fakes that actors build for themselves, and a detector that ends its process once."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from sam_mask_service.deadline import NO_DEADLINE, Deadline
from sam_mask_service.errors import EngineUnavailable
from sam_mask_service.faces.detector import DetectOptions
from sam_mask_service.geometry import RGB, Face
from sam_mask_service.service import Service

from ...support.scene import ANY, Fixed, service


@dataclass
class Deadly(Fixed):
    """Ends its process at the first picture of 205 × 150 that any process sees. Every other one is slow enough for
    work to be under way then."""

    marker: Path = field(default=Path())

    def detect(self, image: RGB, options: DetectOptions = ANY, deadline: Deadline = NO_DEADLINE) -> list[Face]:
        if image.shape[1] == 205 and not self.marker.exists():
            self.marker.touch()
            os._exit(1)
        return super().detect(image, options, deadline)


def plain(folder: str) -> Service:
    return service(Path(folder))


def deadly(folder: str) -> Service:
    return service(Path(folder), Deadly(marker=Path(folder, "died")))


def without(folder: str) -> Service:
    raise EngineUnavailable("There are no weights here.")
