"""The published networks, by their shapes alone: drawn checkpoints of the benchmarks hold what the official files
hold.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bench.draw_checkpoint import OFFICIAL, draw
from sam_mask_service.models.registry import ROWS
from sam_mask_service.runtime.machine import ArithmeticUnavailable
from sam_mask_service.sam import load
from sam_mask_service.sam.architecture import detect
from sam_mask_service.sam.architectures.vit import VitConfig
from sam_mask_service.sam.checkpoint import read_state
from sam_mask_service.sam.load import load_sam
from sam_mask_service.sam.shapes import expected_shapes

from ..support import torchzip
from ..support.drawn_sam import VIT
from ..support.drawn_sam import draw as draw_tiny
from .test_architecture import GOLDEN, needs_golden, shape_only

GLOBAL = {"vit_b": [2, 5, 8, 11], "vit_l": [5, 11, 17, 23], "vit_h": [7, 15, 23, 31]}
POSITIONS = 2 * 128  # the positional encoding's matrix is in the file, but is no parameter
PARAMETERS = {"vit_b": 93_735_472, "vit_l": 312_342_832, "vit_h": 641_090_608}


@pytest.mark.parametrize("name", sorted(OFFICIAL))
def test_every_published_network_is_recognised(name: str) -> None:
    shapes = {key: list(shape) for key, shape in expected_shapes(OFFICIAL[name])}
    assert detect(shape_only(shapes)) == OFFICIAL[name]


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_counts_and_global_blocks_are_the_published_ones(name: str) -> None:
    """The counts fit the published files: four bytes a parameter, and the archive's table."""
    encoder = OFFICIAL[name].encoder
    assert isinstance(encoder, VitConfig)
    assert [i for i, window in enumerate(encoder.windows) if not window] == GLOBAL[name]
    count = sum(int(np.prod(shape)) for _, shape in expected_shapes(OFFICIAL[name]))
    assert count == PARAMETERS[name] + POSITIONS
    file_bytes = next(row.bytes for row in ROWS if row.name == name)
    assert 0 < file_bytes - 4 * count < 200_000


@needs_golden
def test_the_key_list_of_vit_b_is_the_official_one() -> None:
    official = json.loads((GOLDEN / "vit_b.json").read_text())["shapes"]
    assert {key: list(shape) for key, shape in expected_shapes(OFFICIAL["vit_b"])} == official


def test_a_drawn_checkpoint_reads_back(tmp_path: Path) -> None:
    path = draw("mobile_sam", tmp_path / "m.pt")
    with path.open("rb") as file:
        state = read_state(file)
    assert detect(state) == OFFICIAL["mobile_sam"]
    assert all(np.isfinite(value).all() for value in state.values())


def test_a_precision_that_the_machine_has_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = torchzip.write(tmp_path / "sam.pth", draw_tiny(VIT))

    def refuse(*_: object) -> None:
        raise RuntimeError("could not create a primitive descriptor")

    monkeypatch.setattr(load, "Sam", refuse)
    with path.open("rb") as file:
        with pytest.raises(ArithmeticUnavailable, match="bf16; set SAM_PRECISION"):
            load_sam(file, precision="bf16", threads=1)
        with pytest.raises(RuntimeError, match="primitive"):
            load_sam(file, precision="f32", threads=1)
