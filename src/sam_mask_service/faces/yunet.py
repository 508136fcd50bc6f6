"""YuNet, a small detector that OpenCV runs, when its file is there. It finds far more of the small faces."""

from __future__ import annotations

import queue
from pathlib import Path

import cv2
import numpy as np

from ..geometry import RGB
from .candidates import Rows, no_rows

NMS_IOU = 0.3
TOP = 2000


class YuNet:
    """``path``: the 2023mar ONNX file. Thread-safe: each call takes one of ``requests`` readers and waits while none is free."""

    def __init__(self, path: Path, requests: int = 1) -> None:
        self._free: queue.SimpleQueue[cv2.FaceDetectorYN] = queue.SimpleQueue()
        for _ in range(requests):
            self._free.put(cv2.FaceDetectorYN.create(str(path), "", (320, 320), 0.5, NMS_IOU, TOP))

    def __call__(self, image: RGB, threshold: float) -> Rows:
        """Candidates in ``image`` (any size), in its pixels, with ears left at the eyes: YuNet gives none."""
        reader = self._free.get()
        try:
            reader.setInputSize((image.shape[1], image.shape[0]))
            reader.setScoreThreshold(threshold)
            _, found = reader.detect(np.ascontiguousarray(image[:, :, ::-1]))
        finally:
            self._free.put(reader)
        return no_rows() if found is None else rows_of(found.astype(np.float32))


def rows_of(found: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> Rows:
    """OpenCV's (N, 15): box, right eye, left eye, nose, right and left mouth corner, score → candidates."""
    out = np.empty((len(found), 17), np.float32)
    out[:, :4] = found[:, :4]
    out[:, 4] = found[:, 14]
    out[:, 5:11] = found[:, 4:10]
    out[:, 11:13] = (found[:, 10:12] + found[:, 12:14]) / 2
    out[:, 13:17] = found[:, 4:8]
    return out
