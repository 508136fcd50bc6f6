"""One recommendation: the first rule that holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sam_mask_service.cli.recommend import Trial, recommended
from sam_mask_service.runtime.machine import Rates
from sam_mask_service.sam.advice import advise

from ..support.scene import settings

FAST, SLOW = Rates(3000, 0), Rates(100, 0)
MESH, SAM = Trial("facemesh", 0.1, 0.96), Trial("mobile_sam", 0.4, 0.98)
BOTH = {"mesh": MESH, "sam": SAM}
NETS = ("face_detection_yunet_2023mar.onnx", "hair_segmentation.tflite")


@pytest.mark.parametrize(
    ("chosen", "rates", "trials", "files", "expected"),
    [
        ({}, FAST, {}, (), "mend what failed"),
        ({"engine": "mesh"}, FAST, {"mesh": MESH}, (), "SAM_ENGINE=auto"),
        ({}, FAST, {"mesh": MESH}, (), "sam-mask models pull mobile_sam"),
        ({"offline": True}, FAST, {"mesh": MESH}, (), "put mobile_sam.pt into the models folder"),
        ({}, FAST, {"mesh": MESH, "sam": Trial("vit_b", 1.0, 0.9)}, (), "SAM_ENGINE=mesh"),
        ({}, SLOW, BOTH, (), "SAM_MODEL=mobile_sam"),
        ({}, FAST, BOTH, NETS[:1], "sam-mask models pull hair"),
        ({}, FAST, BOTH, NETS, "nothing to change"),
        ({"checkpoint": "mine.pth"}, SLOW, BOTH, NETS, "nothing to change"),
        ({}, FAST, {"mesh": Trial("facemesh", 0.1), "sam": Trial("vit_b", 1.0)}, NETS, "nothing to change"),
    ],
)
def test_the_first_rule_that_holds(
    tmp_path: Path,
    chosen: dict[str, Any],
    rates: Rates,
    trials: dict[str, Trial],
    files: tuple[str, ...],
    expected: str,
) -> None:
    values = settings(tmp_path, **{"engine": "auto", "offline": False, **chosen})
    for name in files:
        (values.models_dir / name).touch()
    assert recommended(values, advise(rates, 2), trials).startswith(expected)
