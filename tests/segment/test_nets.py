"""The small networks, read by our own reader, on a real portrait (the public-domain one that scikit-image carries)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from sam_mask_service.doors.model_files import required
from sam_mask_service.errors import Internal
from sam_mask_service.geometry import Box, Face
from sam_mask_service.runtime import tflite
from sam_mask_service.segment.mesh import MeshSegmenter
from sam_mask_service.segment.nets import HairNet, ParsingNet, PersonNet
from sam_mask_service.segment.region_table import region

MODELS = Path(os.environ.get("SAM_SHARED", Path(__file__).parents[3] / "shared")) / "models"
HAIR = MODELS / "hair_segmentation.tflite"
PARSING = MODELS / "bisenetv2_celebamaskhq_448x448_integer_quant.tflite"
needs_hair = pytest.mark.skipif(not HAIR.exists(), reason="needs the hair network's file")
needs_parsing = pytest.mark.skipif(not PARSING.exists(), reason="needs the face-parsing network's file")


@pytest.fixture(scope="module")
def portrait() -> NDArray[np.uint8]:
    image: NDArray[np.uint8] = data.astronaut()
    return image


@pytest.fixture
def face() -> Face:
    return Face(Box(175, 70, 95, 95), 0.9, None, None)


def at(soft: NDArray[np.floating], x: int, y: int) -> float:
    """The value at a place of the 512-pixel portrait."""
    k = soft.shape[0] / 512
    return float(soft[int(y * k), int(x * k)])


def test_the_person_network_sees_the_person(portrait: NDArray[np.uint8]) -> None:
    """Values of mediapipe's own solution at these places: 1.0, 1.0, 0.0, 0.0; whole picture within 0.008 in the
    mean.
    """
    person = PersonNet()(portrait)
    assert person.shape == (256, 256)
    assert at(person, 225, 120) > 0.98
    assert at(person, 200, 400) > 0.98
    assert at(person, 330, 60) < 0.02
    assert at(person, 480, 200) < 0.02
    assert 0.53 < float((person > 0.5).mean()) < 0.56


@needs_hair
def test_the_hair_network_sees_the_hair(portrait: NDArray[np.uint8]) -> None:
    hair = HairNet(HAIR)(portrait)
    assert hair.shape == (512, 512)
    assert at(hair, 215, 35) > 0.9
    assert at(hair, 225, 120) < 0.1
    assert at(hair, 60, 400) < 0.1


@needs_parsing
def test_the_parsing_network_names_the_parts(portrait: NDArray[np.uint8]) -> None:
    classes = ParsingNet(PARSING)(np.ascontiguousarray(portrait[:240, 110:350]))
    assert classes.shape == (448, 448)
    assert classes.max() <= 18
    k = 448 / 240
    assert classes[int(35 * k), int(105 * k)] in region("hair").classes
    assert classes[int(130 * k), int(95 * k)] in (*region("skin").classes, *region("nose").classes)


@needs_hair
@needs_parsing
def test_more_networks_give_more_regions(portrait: NDArray[np.uint8], face: Face) -> None:
    plain, hairy, full = MeshSegmenter(), MeshSegmenter(HAIR), MeshSegmenter(HAIR, PARSING)
    assert "hair" not in plain.regions
    assert hairy.regions - plain.regions == {"hair"}
    assert full.regions >= {"hair", "ears", "neck", "glasses", "hat"}
    assert len({plain.model, hairy.model, full.model}) == 3
    for engine in (hairy, full):
        embedding = engine.embed(portrait, [face])
        hair = engine.masks(embedding, [face], "hair")[0].patch
        assert 1500 < hair.bits.sum() < 15000
        assert hair.y < 60
    for name in ("face", "head", "ears", "neck", "glasses", "face,-glasses,hair"):
        assert full.masks(embedding, [face], name)[0].patch.bits.dtype == bool


@needs_hair
def test_the_embedding_counts_the_hair_networks_part(portrait: NDArray[np.uint8], face: Face) -> None:
    plain, hairy = (engine.embed(portrait, [face]).nbytes for engine in (MeshSegmenter(), MeshSegmenter(HAIR)))
    assert hairy - plain >= 7 * 512 * 512


def test_an_operator_outside_the_table_is_named() -> None:
    with pytest.raises(Internal) as caught:
        tflite.read(required("face-mesh"))
    assert "unknown operator" in caught.value.detail
