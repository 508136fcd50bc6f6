"""The face's outline on drawn faces, as its window sees them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from sam_mask_service.mask import iou
from sam_mask_service.segment.outline import Outline, face_mask
from sam_mask_service.segment.prior import Prior, prior_of
from tests.support.drawn_face import HAIR, face, portrait

_SIZE = 144
_PRIOR = prior_of(face((72, 74), 80, 104))


def _portrait() -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    return portrait((_SIZE, _SIZE), (72, 74), 80, 104)


def _bits(outline: Outline) -> NDArray[np.bool_]:
    return outline.soft > 0.5


def _with_glasses(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Dark glasses right across the face, and a hair line out of focus: of the two edges above the eyes the wrong one
    is the stronger."""
    blurred = np.asarray(cv2.GaussianBlur(image, (0, 0), 4), np.uint8)
    out = np.where((np.arange(_SIZE) < 50)[:, None, None], blurred, image).astype(np.uint8)
    for x in (52, 92):
        cv2.ellipse(out, (x, 64), (18, 10), 0, 0, 360, (25, 22, 22), -1)
    cv2.rectangle(out, (34, 58), (110, 63), (25, 22, 22), -1)
    return out


def test_the_outline_is_the_skins() -> None:
    image, truth = _portrait()
    got = face_mask(image, _PRIOR)
    assert iou(_bits(got), truth) > 0.95
    assert got.clear > 0.7


def test_dark_glasses_and_the_forehead_above_them_are_face() -> None:
    image, truth = _portrait()
    bits = _bits(face_mask(_with_glasses(image), _PRIOR))
    assert bits[35:45, 60:85].all()
    assert bits[64, 50]
    assert bits[64, 94]
    assert iou(bits, truth) > 0.9


def test_a_fringe_is_left_out_and_the_brows_stay() -> None:
    image, truth = _portrait()
    image[:46] = HAIR
    bits = _bits(face_mask(image, _PRIOR))
    assert not bits[:38].any()
    assert bits[56:110, 60:85].all()
    assert iou(bits, truth & (np.arange(_SIZE) >= 46)[:, None]) > 0.9


@pytest.mark.parametrize("told", [False, True])
def test_hair_of_the_skins_colour_goes_only_where_a_network_tells_it(told: bool) -> None:
    image, _ = _portrait()
    hair = np.zeros((_SIZE, _SIZE), np.float32)
    hair[:50] = 1
    bits = _bits(face_mask(image, _PRIOR, hair=hair if told else None))
    assert bits[30:45, 65:80].any() != told
    assert bits[60:110, 60:85].all()


def test_the_parsing_network_moves_the_outline_by_little() -> None:
    image, truth = _portrait()
    nothing = np.zeros((_SIZE, _SIZE), np.float32)
    assert iou(_bits(face_mask(image, _PRIOR, parsed=nothing)), truth) > 0.9


def test_where_there_is_nothing_to_see_the_mesh_decides() -> None:
    got = face_mask(np.full((_SIZE, _SIZE, 3), 90, np.uint8), _PRIOR)
    assert _bits(got)[60:110, 60:85].all()
    assert iou(_bits(got), got.hull) > 0.6


def test_without_a_mesh_the_outline_comes_from_the_box() -> None:
    image, truth = _portrait()
    prior: Prior = prior_of(face((72, 74), 80, 104, mesh=False))
    assert iou(_bits(face_mask(image, prior)), truth) > 0.8
