"""``/detect_faces``: boxes, key points, mesh points and confidences; no mask."""

from __future__ import annotations

import numpy as np

from ..geometry import Face
from ..params import DetectParams
from ..wire import Json
from .answer import Answer
from .find import CHOOSE, FIND, face_row
from .models import DetectResponse
from .notices import as_stats
from .steps import DECODE, Step, Work
from .task import Render, Task


def _points(face: Face) -> Json:
    points = {"keypoints": face.keypoints, "landmarks": face.landmarks}
    return {name: None if xy is None else np.round(xy.astype(float), 2).tolist() for name, xy in points.items()}


def _row(number: int, face: Face, work: Work) -> Json:
    return {**face_row(number, face, work.seen), "found_by": face.found_by, **_points(face)}


def faces_answer(work: Work) -> Answer:
    """The chosen faces and the picture's size."""
    body = {
        "success": True,
        "faces": [_row(number, face, work) for number, face in work.chosen],
        "stats": {
            "faces_detected": len(work.seen.faces),
            "image_width": work.seen.width,
            "image_height": work.seen.height,
            **({"orientation": work.seen.orientation} if work.seen.orientation != 1 else {}),
            "detector": work.tools.detector.name,
            **as_stats(work.notices),
        },
        **work.times(),
        "parameters": work.asked.params.model_dump(),
    }
    return Answer(body)


def _say(work: Work) -> None:
    work.answer = faces_answer(work)


DETECT = Task(
    name="detect",
    path="/detect_faces",
    about="Boxes, key points, mesh points and confidences of the faces; no mask.",
    params=DetectParams,
    steps=(DECODE, FIND, CHOOSE, Step(_say)),
    render=Render(model=DetectResponse),
    operation="detect_faces",
    tag="masks",
    later=True,
)
