"""The small networks that look at a window: who is a person, what is hair, what is which part of the face."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..doors.model_files import required
from ..geometry import RGB
from ..runtime import tflite
from ..runtime.openvino import read, small_session
from .crop import Soft


class PersonNet:
    """MediaPipe's selfie segmentation (general): 256 × 256. ``models``: the models folder
    (``doors.model_files.places``).

    Raises ModelMissing.
    """

    size = 256

    def __init__(self, requests: int = 1, models: Path | None = None) -> None:
        self._net = small_session(tflite.read(required("person", models)), requests)

    def __call__(self, rgb: RGB) -> Soft:
        """(256, 256) float32 0…1: probability of a person, for a window of any size ((S, S, 3) uint8)."""
        return self._net.run([_tensor(rgb, self.size) / np.float32(255)])[0][0, ..., 0]


class HairNet:
    """MediaPipe's hair segmentation: 512 × 512; its fourth channel, the mask of the frame before, is left empty."""

    size = 512

    def __init__(self, path: Path, requests: int = 1) -> None:
        self._net = small_session(tflite.read(path), requests)

    def __call__(self, rgb: RGB) -> Soft:
        """(512, 512) float32 0…1: probability of hair."""
        tensor = np.zeros((1, self.size, self.size, 4), np.float32)
        tensor[..., :3] = _tensor(rgb, self.size) / np.float32(255)
        logits = self._net.run([tensor])[0][0]
        return np.asarray(1 / (1 + np.exp(logits[..., 0] - logits[..., 1])), np.float32)


class ParsingNet:
    """BiSeNetV2 face parsing: 448 × 448, 19 classes. One call at a time: the file is quantized, and with several
    streams OpenVINO 2026.4 answers such a network wrongly when it computes it in f32 (``runtime/openvino.py`` says why
    it must)."""

    size = 448

    def __init__(self, path: Path) -> None:
        self._net = small_session(read(path))

    def __call__(self, rgb: RGB) -> NDArray[np.uint8]:
        """(448, 448) uint8: the class of every pixel (``region_table.Region.classes``)."""
        tensor = _tensor(rgb, self.size) / np.float32(127.5) - 1
        return self._net.run([tensor])[0].astype(np.uint8)


def _tensor(rgb: RGB, size: int) -> NDArray[np.float32]:
    """(1, size, size, 3) float32, 0…255."""
    if rgb.shape[0] != size:
        how = cv2.INTER_AREA if rgb.shape[0] > size else cv2.INTER_LINEAR
        rgb = np.asarray(cv2.resize(rgb, (size, size), interpolation=how), np.uint8)
    return rgb.astype(np.float32)[None]
