"""Which detector there is: the recipe of the built-in one, with YuNet's eyes where its file is."""

from __future__ import annotations

from pathlib import Path

from .detector import FaceDetector
from .mediapipe import MediaPipeDetector


def build_detector(yunet: Path | None = None, threads: int = 1) -> FaceDetector:  # noqa: ARG001 - YuNet joins next
    """``yunet``: the ONNX file, or None when it is not installed. ``threads``: how many inferences may run at once.

    Raises EngineUnavailable when the mediapipe package's models are not there or the YuNet file cannot be read.
    """
    return MediaPipeDetector(threads)
