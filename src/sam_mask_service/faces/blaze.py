"""BlazeFace on OpenVINO: a square RGB window in, boxes with six key points out.

Follows mediapipe 0.10.21: anchors as its SsdAnchorsCalculator (fixed size, one or two per cell and layer), decoding as its
TensorsToDetectionsCalculator (scores clipped at ±100), and weighted non-maximum suppression at IoU 0.3. Unlike
``mp.solutions.face_detection``, whose threshold has no effect in that version, the threshold here is a true one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry import RGB
from .network import Network, Tensor, core, mediapipe_file

Rows = NDArray[np.float32]
"""(N, 17) float32 candidates: x, y, width, height, score 0…1, then x and y of right eye, left eye, nose tip, mouth centre,
right ear, left ear (the subject's right and left)."""
COLUMNS = 17
NMS_IOU = 0.3
SCORE_CLIP = 100.0


@dataclass(frozen=True, slots=True)
class Spec:
    """A BlazeFace variant. ``layers``: (stride in pixels, anchors per cell) of each grid."""

    file: str
    size: int
    layers: tuple[tuple[int, int], ...]


FULL_RANGE = Spec("face_detection/face_detection_full_range_sparse.tflite", 192, ((4, 1),))
SHORT_RANGE = Spec("face_detection/face_detection_short_range.tflite", 128, ((8, 2), (16, 6)))


def no_rows() -> Rows:
    return np.zeros((0, COLUMNS), np.float32)


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
    """Network outputs (1, N, 16) and (1, N, 1) → candidates with a score of ``threshold`` or more, in window pixels, best first."""
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


def overlaps(row: Rows, rows: Rows) -> Tensor:
    """(N,) intersection over union of one candidate with each of ``rows``."""
    corner = np.minimum(row[:2] + row[2:4], rows[:, :2] + rows[:, 2:4])
    both = np.clip(corner - np.maximum(row[:2], rows[:, :2]), 0, None).prod(axis=1)
    union = row[2] * row[3] + rows[:, 2] * rows[:, 3] - both
    out: Tensor = both / np.maximum(union, 1e-9)
    return out


def weighted_nms(rows: Rows, iou: float = NMS_IOU) -> Rows:
    """Candidates (best first) merged: each group takes its best score and the mean, weighted by score, of boxes and points."""
    out = []
    while len(rows):
        group = overlaps(rows[0], rows) > iou
        group[0] = True
        weights = rows[group, 4] / rows[group, 4].sum()
        merged = weights @ rows[group]
        merged[4] = rows[0, 4]
        out.append(merged)
        rows = rows[~group]
    return np.stack(out).astype(np.float32) if out else no_rows()


class BlazeFace:
    """One variant, compiled. Thread-safe."""

    def __init__(self, spec: Spec, requests: int = 1) -> None:
        self.size = spec.size
        self._centres = anchors(spec.size, spec.layers)
        self._network = Network(core().read_model(str(mediapipe_file(spec.file))), requests)

    def __call__(self, window: RGB, threshold: float) -> Rows:
        """Candidates in ``window`` ((size, size, 3) uint8), in its pixels."""
        tensor = window[None].astype(np.float32)
        tensor *= 1 / 127.5
        tensor -= 1
        raw, logits = self._network(tensor)
        return weighted_nms(decode(raw, logits, self._centres, self.size, threshold))
