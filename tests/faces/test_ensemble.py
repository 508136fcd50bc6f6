"""A further network joins the search by its row alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from sam_mask_service.errors import EngineUnavailable
from sam_mask_service.faces import build, finder
from sam_mask_service.faces.candidates import Rows, no_rows
from sam_mask_service.faces.detector import DetectOptions, DetectorName, FaceDetector
from sam_mask_service.faces.ensemble import MEMBERS, YUNET, Member, Network
from sam_mask_service.geometry import RGB, Box

FACE = Box(100, 80, 120, 120)


class Seeing:
    """Sees a face in the middle of a picture of 320 × 320, where there is none, with the score of the file's name."""

    def __init__(self, score: float, size: int) -> None:
        self.score, self.size = score, size
        self.asked: list[float] = []

    def __call__(self, window: RGB, threshold: float) -> Rows:
        self.asked.append(threshold)
        scale = self.size / 320
        box = [scale * v for v in (FACE.x, FACE.y, FACE.width, FACE.height)]
        row = np.array(
            [*box, self.score, *[scale * v for v in (130, 120, 190, 120, 160, 150, 160, 180, 110, 130, 210, 130)]]
        )
        return row[None].astype(np.float32) if self.score >= threshold else no_rows()


BUILT: list[Seeing] = []


def built(path: Path, size: int, _: int) -> Network:
    BUILT.append(Seeing(float(path.name), size))
    return BUILT[-1]


THIRD = Member(
    name="third",
    title="Third",
    size=320,
    seen=0.4,
    fine={"normal": 320, "high": 320},
    weights=replace(YUNET.weights, bias=-20.0, total=0.0, score=40.0, presence=0.0, gone=0.0, large=0.0),
    build=built,
)
PICTURE = np.full((320, 320, 3), 127, np.uint8)


@pytest.fixture(autouse=True)
def _a_third(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (build, finder):
        monkeypatch.setattr(module, "MEMBERS", (*MEMBERS, THIRD))
    BUILT.clear()


def detector(score: float | None) -> FaceDetector:
    return build.build_detector({"yunet": None, "third": None if score is None else Path(str(score))})


def test_what_a_member_sees_is_weighed_as_its_row_says() -> None:
    assert detector(None).detect(PICTURE) == []
    (face,) = detector(0.9).detect(PICTURE)
    assert face.box.iou(FACE) > 0.9
    assert face.confidence == pytest.approx(1 / (1 + np.exp(-(40 * 0.9 - 20))))
    assert detector(0.45).detect(PICTURE) == []
    assert BUILT[-1].asked and set(BUILT[-1].asked) == {0.4}


def test_it_can_be_left_out_and_asked_for() -> None:
    found = detector(0.9)
    assert found.name == "third"
    assert found.detect(PICTURE, DetectOptions(detector="mediapipe")) == []
    assert len(found.detect(PICTURE, DetectOptions(detector="third"))) == 1
    with pytest.raises(EngineUnavailable, match="YuNet is not installed"):
        found.detect(PICTURE, DetectOptions(detector="yunet"))
    with pytest.raises(EngineUnavailable, match="Third is not installed"):
        detector(None).detect(PICTURE, DetectOptions(detector="third"))


def test_every_member_can_be_named() -> None:
    assert get_args(DetectorName) == ("auto", "mediapipe", *(member.name for member in MEMBERS))
