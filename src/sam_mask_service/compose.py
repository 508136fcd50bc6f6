"""Builds a ``Service`` from settings with the real detector and engines."""

from __future__ import annotations

import cv2

from .engines import Engines
from .faces.build import build_detector
from .segment.mesh import MeshSegmenter
from .service import Service
from .settings import Settings


def build(settings: Settings) -> Service:
    """The service that a user gets. Loads the face models (a fraction of a second); SAM is loaded by ``Service.start``."""
    cv2.setNumThreads(1)  # requests run beside one another; threads inside each would only get in their way
    mesh = MeshSegmenter()
    return Service(settings, build_detector(), Engines(settings.engine, mesh, None))
