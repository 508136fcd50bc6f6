"""Where an outline is hair's: by the mesh, the skin's own colour, and the jaw."""

from __future__ import annotations

import numpy as np
import pytest

from sam_mask_service.geometry import RGB, Bits
from sam_mask_service.segment.hairline import hair_along
from sam_mask_service.segment.prior import prior_of
from sam_mask_service.segment.soften import one_piece, signed_distance
from tests.support.drawn_face import HAIR, face, portrait

FACE = face((150, 180), 110, 150)
REACH = 15.0


def weight(picture: RGB, bits: Bits) -> np.ndarray:
    return hair_along(picture, bits, signed_distance(bits), REACH, prior_of(FACE))


def parts() -> tuple[RGB, Bits, Bits]:
    """(picture, face, head)."""
    picture, truth = portrait((320, 300), (150, 180), 110, 150)
    dark = np.abs(picture.astype(int) - HAIR).max(-1) < 27
    return picture, truth, one_piece(np.asarray(truth | dark))


@pytest.mark.parametrize(
    ("what", "place", "expected"),
    [
        ("head", "crown", 1), ("head", "chin", 0), ("head", "middle", 0),
        ("face", "forehead", 1), ("face", "chin", 0), ("face", "jaw", 0),
    ],
)  # fmt: skip
def test_places_of_a_drawn_portrait(what: str, place: str, expected: int) -> None:
    picture, truth, head = parts()
    got = weight(picture, head if what == "head" else truth)
    crown = int(np.flatnonzero(head[:, 150])[0])
    at = {"crown": (crown, 150), "chin": (255, 150), "middle": (180, 150), "forehead": (103, 150), "jaw": (245, 120)}
    assert got[at[place]] == pytest.approx(expected, abs=0.05)


def test_a_mesh_that_is_not_in_sight_says_nothing() -> None:
    picture, truth, _ = parts()
    corner = np.ascontiguousarray(picture[:40, :40]), np.ascontiguousarray(truth[:40, :40])
    assert (weight(*corner) == 1).all()


def test_skin_of_any_tone_is_skin() -> None:
    picture, _, head = parts()
    for factor in (1.1, 0.8, 0.5):
        dark = np.clip(picture * np.array([factor, factor, factor]), 0, 255).astype(np.uint8)
        assert weight(dark, head)[255, 150] == 0
        assert weight(dark, head)[180, 150] == 0


def test_hair_beside_the_cheek_is_told_by_its_colour() -> None:
    """So near to the mesh only the colour says that the head ends in hair there, and not in skin."""
    picture, _, head = parts()
    edge = int(np.flatnonzero(head[205])[-1])
    assert weight(picture, head)[205, edge] > 0.5
    shaved = np.where((head & (np.arange(320) > 190)[:, None])[..., None], np.array([214, 168, 140]), picture)
    assert weight(shaved.astype(np.uint8), head)[205, edge] < 0.2


def test_a_beard_is_no_hair_of_the_outline() -> None:
    picture, truth, head = parts()
    chin = truth & (np.arange(320) > 235)[:, None]
    bearded = np.where(chin[..., None], HAIR, picture).astype(np.uint8)
    assert weight(bearded, head)[254, 150] == 0
