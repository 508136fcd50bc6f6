"""A further kind of SAM is a row and its file: a checkpoint of it is recognised, checked, run and prompted by nothing
else.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from sam_mask_service.geometry import RGB
from sam_mask_service.runtime import ops as op
from sam_mask_service.sam import architectures
from sam_mask_service.sam.architectures.family import Family, Found
from sam_mask_service.sam.checkpoint import State, WrongArchitecture
from sam_mask_service.sam.config import F32, Architecture
from sam_mask_service.sam.load import load_sam
from sam_mask_service.sam.prompt import Prompt
from sam_mask_service.sam.tensors import Named, shape_of

from ..support import torchzip
from ..support.drawn_sam import DECODER, draw

KEY = "image_encoder.one_layer.weight"


@dataclass(frozen=True)
class Sizes:
    dim: int


def read(state: State, image_size: int | None) -> Found[Sizes]:
    return Found("one_layer", image_size or 128, Sizes(shape_of(state, KEY, 2)[0]))


def shapes(a: Architecture, sizes: Sizes) -> Named:
    yield KEY, (a.decoder.dim, 3)


def build(state: State, a: Architecture, sizes: Sizes, quantized: bool) -> op.Model:
    """Each cell's mean colour, times one matrix."""
    colours = op.picture(1, 3, a.grid, a.grid, name="colours")
    return op.model([op.convolution(colours, op.constant(state[KEY][:, :, None, None]), 1, 0)], [colours], "one_layer")


def preprocess(image: RGB, a: Architecture, sizes: Sizes) -> F32:
    means = image.reshape(a.grid, 16, a.grid, 16, 3).mean(axis=(1, 3))
    return np.ascontiguousarray(means.transpose(2, 0, 1)[None], np.float32)


ONE_LAYER = Family("One layer", KEY, Sizes, read, shapes, build, preprocess)


@pytest.fixture(autouse=True)
def _a_further_family(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(architectures, "FAMILIES", (*architectures.FAMILIES, ONE_LAYER))


def test_a_family_is_one_row(tmp_path: Path) -> None:
    state = draw(Architecture("one_layer", 128, Sizes(32), DECODER))
    path = torchzip.write(tmp_path / "one.pth", state)
    with path.open("rb") as file:
        sam = load_sam(file, precision="f32", threads=1)
    assert (sam.name, sam.image_size) == ("one_layer", 128)
    image = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    embedding = sam.encode(image)
    expected = np.einsum("oc,nchw->nohw", state[KEY], preprocess(image, sam.architecture, Sizes(32)))
    assert np.allclose(embedding, expected, rtol=1e-4, atol=1e-3)
    logits, iou = sam.decode(embedding, [Prompt(box=np.array([10, 10, 90, 90], np.float32))])
    assert logits.shape == (1, 4, 32, 32) and iou.shape == (1, 4)


def test_its_tensors_are_checked(tmp_path: Path) -> None:
    state = draw(Architecture("one_layer", 128, Sizes(32), DECODER))
    path = torchzip.write(tmp_path / "one.pth", {**state, KEY: np.zeros((32, 4), np.float32)})
    with path.open("rb") as file, pytest.raises(WrongArchitecture, match="one_layer"):
        load_sam(file, precision="f32", threads=1)


def test_features_of_another_backend_are_refused(tmp_path: Path) -> None:
    class Several:
        nbytes = 8

    path = torchzip.write(tmp_path / "one.pth", draw(Architecture("one_layer", 128, Sizes(32), DECODER)))
    with path.open("rb") as file:
        sam = load_sam(file, precision="f32", threads=1)
    with pytest.raises(TypeError, match="another backend"):
        sam.decode(Several(), [Prompt(box=np.array([10, 10, 90, 90], np.float32))])
