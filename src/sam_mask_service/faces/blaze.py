"""BlazeFace on OpenVINO: a square RGB window in, boxes with six key points out.

Follows mediapipe 0.10.21: anchors as its SsdAnchorsCalculator (fixed size, one or two per cell and layer), decoding as
its TensorsToDetectionsCalculator (scores clipped at ±100), and weighted non-maximum suppression at IoU 0.3. Unlike
``mp.solutions.face_detection``, whose threshold has no effect in that version, the threshold here is a true one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..doors.model_files import required
from ..geometry import RGB
from ..runtime.openvino import read, small_session, widened
from ..runtime.session import Tensor
from .candidates import COLUMNS, Rows, weighted_nms

NMS_IOU = 0.3
SCORE_CLIP = 100.0


@dataclass(frozen=True, slots=True)
class Spec:
    """A BlazeFace variant. ``model``: its name in the registry; ``layers``: (stride in pixels, anchors per cell) of
    each grid.
    """

    model: str
    size: int
    layers: tuple[tuple[int, int], ...]


FULL_RANGE = Spec("face-detector", 192, ((4, 1),))
SHORT_RANGE = Spec("face-detector-near", 128, ((8, 2), (16, 6)))


def anchors(size: int, layers: tuple[tuple[int, int], ...]) -> Tensor:
    """(N, 2) float32 cell centres x, y in 0…1, in the order of the network's outputs."""
    grids = []
    for stride, each in layers:
        y, x = np.mgrid[: size // stride, : size // stride]
        centres = (np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) * (stride / size)
        grids.append(np.repeat(centres, each, axis=0))
    return np.concatenate(grids).astype(np.float32)


def sigmoid(logits: Tensor) -> Tensor:
    """Probabilities 0…1 of logits, clipped as mediapipe does."""
    x = np.clip(logits, -SCORE_CLIP, SCORE_CLIP).astype(np.float32)
    out: Tensor = np.float32(0.5) * (1 + np.tanh(x / 2))
    return out


def decode(raw: Tensor, logits: Tensor, centres: Tensor, size: int, threshold: float) -> Rows:
    """Network outputs (1, N, 16) and (1, N, 1) → candidates with a score of ``threshold`` or more, in window pixels,
    best first.
    """
    scores = sigmoid(logits[0, :, 0])
    keep = np.flatnonzero(scores >= threshold)
    keep = keep[np.argsort(-scores[keep], kind="stable")]
    values, centre = raw[0, keep], centres[keep] * size
    rows = np.empty((len(keep), COLUMNS), np.float32)
    rows[:, 2:4] = values[:, 2:4]
    rows[:, :2] = values[:, :2] + centre - values[:, 2:4] / 2
    rows[:, 4] = scores[keep]
    rows[:, 5:] = values[:, 4:] + np.tile(centre, (1, 6))
    return rows


class BlazeFace:
    """One variant, compiled; ``size`` widens the window of the full-range one. Thread-safe. ``models``: the models
    folder (``doors.model_files.places``). Raises ModelMissing."""

    def __init__(self, spec: Spec, requests: int = 1, size: int | None = None, models: Path | None = None) -> None:
        self.size = size or spec.size
        model = read(required(spec.model, models))
        if self.size != spec.size:
            model = widened(model, self.size, spec.size)
        self._centres = anchors(self.size, spec.layers)
        self._network = small_session(model, requests)

    def __call__(self, window: RGB, threshold: float) -> Rows:
        """Candidates in ``window`` ((size, size, 3) uint8) with a score of ``threshold`` or more, in its pixels."""
        tensor = window[None].astype(np.float32)
        tensor *= 1 / 127.5
        tensor -= 1
        raw, logits = self._network.run([tensor])
        return weighted_nms(decode(raw, logits, self._centres, self.size, threshold), NMS_IOU)
