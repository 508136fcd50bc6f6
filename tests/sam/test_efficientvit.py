"""EfficientViT-SAM answers what its reference package answers on the same drawn weights; a file that is not one is told
so.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from bench.draw_checkpoint import OFFICIAL, weight
from bench.quality.parity import relative
from bench.speed.efficientvit import GOLDEN, NAME, THIN, picture, prompts
from sam_mask_service.runtime.graph import bicubic
from sam_mask_service.runtime.machine import EXACT, ArithmeticUnavailable
from sam_mask_service.sam.architecture import detect
from sam_mask_service.sam.backend import Sam
from sam_mask_service.sam.checkpoint import State
from sam_mask_service.sam.checkpoint_errors import WrongArchitecture
from sam_mask_service.sam.load import load_sam
from sam_mask_service.sam.shapes import expected_shapes

from ..support import torchzip
from ..support.drawn_sam import EFFICIENTVIT, draw

PARAMETERS = 34_792_784
"""Of L0, as the reference counts them."""


def test_it_answers_as_the_reference() -> None:
    """The values were recorded by ``python -m bench.speed.efficientvit --record``."""
    architecture = OFFICIAL[NAME]
    state = {key: weight(key, shape) for key, shape in expected_shapes(architecture)}
    sam = Sam(state, architecture, EXACT, 2)
    golden = np.load(GOLDEN)
    embedding = sam.encode(picture())
    assert embedding.shape == (1, 256, 64, 64)
    assert relative(embedding[THIN], golden["embedding"]) < 2e-5
    for name, prompt in prompts().items():
        logits, iou = sam.decode(embedding, [prompt])
        assert relative(logits[0, 1:, ::16, ::16], golden[f"{name}_logits"]) < 1e-4
        assert relative(iou[0, 1:], golden[f"{name}_iou"]) < 1e-4


def test_its_size_is_the_published_one() -> None:
    shapes = [shape for key, shape in expected_shapes(OFFICIAL[NAME]) if not key.endswith(("_mean", "_var", "_matrix"))]
    assert sum(int(np.prod(shape)) for shape in shapes) == PARAMETERS


@pytest.mark.parametrize(("source", "target"), [(4, 8), (16, 64), (5, 13), (1, 4)])
def test_bicubic_as_opencv_has_it(source: int, target: int) -> None:
    values = np.random.default_rng(source).standard_normal((source, source)).astype(np.float32)
    matrix = bicubic(source, target)
    expected = cv2.resize(values, (target, target), interpolation=cv2.INTER_CUBIC)
    assert np.allclose(matrix @ values @ matrix.T, expected, atol=1e-4)


def changed(**changes: tuple[int, ...] | None) -> State:
    state = draw(EFFICIENTVIT)
    for key, shape in changes.items():
        name = "image_encoder." + key.replace("__", ".")
        if shape is None:
            del state[name]
        else:
            state[name] = np.zeros(shape, np.float32)
    return state


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (changed(norm__weight=None), "norm.weight' is missing"),
        (changed(neck__input_ops__0__op_list__0__conv__weight=(16, 31, 1, 1)), "joins no stage"),
        (changed(neck__middle__op_list__0__main__spatial_conv__conv__weight=None), "joins no stage"),
        (changed(backbone__stages__2__op_list__0__main__spatial_conv__conv__weight=None), "joins no stage|missing"),
        (
            changed(backbone__stages__4__op_list__1__context_module__main__aggreg__0__1__weight=(96, 7, 1, 1)),
            "heads of 7",
        ),
        (changed(backbone__stages__0__op_list__0__norm__running_var=(5,)), r"\(5,\), not \(4,\)"),
    ],
)
def test_what_does_not_fit_is_named(state: State, words: str) -> None:
    with pytest.raises(WrongArchitecture, match=words):
        detect(state, 128)


def test_it_has_nothing_that_int8_computes(tmp_path: Path) -> None:
    path = torchzip.write(tmp_path / "l0.pt", draw(EFFICIENTVIT))
    with path.open("rb") as file, pytest.raises(ArithmeticUnavailable, match="EfficientViT-SAM has no layers"):
        load_sam(file, precision="int8", threads=1)


def test_the_decoders_norms_are_its_own() -> None:
    assert detect(draw(EFFICIENTVIT), 128).decoder == replace(EFFICIENTVIT.decoder, epsilon=1e-6)
