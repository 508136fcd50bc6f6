"""Which detector there is: the built-in one, with YuNet's eyes where its file is."""

from __future__ import annotations

from pathlib import Path

from .detector import FaceDetector
from .effort import YUNET_SIZE
from .finder import FaceFinder
from .yunet import YuNet


def build_detector(yunet: Path | None = None, threads: int = 1, models: Path | None = None) -> FaceDetector:
    """``yunet``: the ONNX file, or None when it is not installed. ``threads``: how many inferences may run at once. ``models``:
    the models folder; without one, what came with the environment.

    Raises ModelMissing, and EngineUnavailable when the YuNet file cannot be read.
    """
    return FaceFinder(threads, None if yunet is None else YuNet(yunet, YUNET_SIZE, threads), models)
