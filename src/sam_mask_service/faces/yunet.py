"""YuNet (libfacedetection, the 2023mar ONNX file) on OpenVINO: a square RGB window in, boxes with key points out.

Decoding follows OpenCV's FaceDetectorYN: score √(class × object), box centres relative to the cell, sides as exponents.
It finds far more of the small faces than BlazeFace does, and is used where its file is.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import EngineUnavailable
from ..geometry import RGB
from ..runtime.openvino import read, small_session
from ..runtime.session import Tensor
from .candidates import COLUMNS, Rows, best_first, no_rows, weighted_nms

STRIDES = (8, 16, 32)
NMS_IOU = 0.3
MAX_EXPONENT = 8.0
"""Of a box's side in cells: e⁸ cells is more than any window."""


class YuNet:
    """The network, compiled for windows of ``size`` (a multiple of 32) pixels. Thread-safe.

    Raises EngineUnavailable when the file is missing or no YuNet.
    """

    def __init__(self, path: Path, size: int, requests: int = 1) -> None:
        self.size = size
        if not path.is_file():
            raise EngineUnavailable("The YuNet model is not installed here; detector=mediapipe or auto is.")
        try:
            model = read(path)
            model.reshape([1, 3, size, size])
        except RuntimeError as e:
            raise EngineUnavailable("The YuNet file cannot be read; pull it again.") from e
        self._network = small_session(model, requests)
        names = self._network.outputs
        wanted = [f"{kind}_{stride}" for stride in STRIDES for kind in ("cls", "obj", "bbox", "kps")]
        if sorted(names) != sorted(wanted):
            raise EngineUnavailable("The YuNet file holds another network; pull it again.")
        self._order = [names.index(name) for name in wanted]

    def __call__(self, window: RGB, threshold: float) -> Rows:
        """Candidates in ``window`` ((size, size, 3) uint8) with a score of ``threshold`` or more, in its pixels."""
        tensor = np.ascontiguousarray(window[None, :, :, ::-1].transpose(0, 3, 1, 2), np.float32)
        outputs = self._network.run([tensor])
        found = []
        for k, stride in enumerate(STRIDES):
            cls, obj, box, points = (outputs[i][0] for i in self._order[4 * k : 4 * k + 4])
            found.append(decode(cls, obj, box, points, stride, self.size // stride, threshold))
        return weighted_nms(best_first(np.concatenate([no_rows(), *found])), NMS_IOU)


def decode(cls: Tensor, obj: Tensor, box: Tensor, points: Tensor, stride: int, columns: int, threshold: float) -> Rows:
    """One grid's outputs (N, 1), (N, 1), (N, 4), (N, 10) → candidates.

    Their mouth is the middle of YuNet's two corners; their ears stand at the eyes, for YuNet gives none.
    """
    scores = np.sqrt(np.clip(cls[:, 0], 0, 1) * np.clip(obj[:, 0], 0, 1))
    keep = np.flatnonzero(scores >= threshold)
    cell = np.stack([keep % columns, keep // columns], axis=1).astype(np.float32)
    sides = np.exp(np.minimum(box[keep, 2:], MAX_EXPONENT)) * stride
    rows = np.empty((len(keep), COLUMNS), np.float32)
    rows[:, :2] = (cell + box[keep, :2]) * stride - sides / 2
    rows[:, 2:4] = sides
    rows[:, 4] = scores[keep]
    marks = (points[keep].reshape(-1, 5, 2) + cell[:, None]) * stride
    rows[:, 5:11] = marks[:, :3].reshape(-1, 6)
    rows[:, 11:13] = marks[:, 3:].mean(axis=1)
    rows[:, 13:17] = marks[:, :2].reshape(-1, 4)
    return rows
