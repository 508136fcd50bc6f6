"""The matte on drawn hair: strands that the outline cut off come back; jaw, inside, far background and what cannot be
told stay.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sam_mask_service.geometry import RGB, Bits
from sam_mask_service.mask import Alpha, distance_to
from sam_mask_service.patch import Finish, Patch, SoftPatch
from sam_mask_service.segment.matte import matte
from sam_mask_service.segment.soften import one_piece
from sam_mask_service.segment.tuning.matte import MATTE
from tests.support.drawn_face import HAIR, SKIN, face, portrait

Colour = tuple[int, int, int]
DARK, LIGHT = (40, 30, 25), (225, 225, 225)


def strands(side: int, count: int, hair: Colour = DARK, ground: Colour = LIGHT) -> tuple[RGB, Bits, Bits]:
    """(picture, truth, drawn): a disc with thin strands on a ground; what was drawn is the disc."""
    y, x = np.mgrid[:side, :side] - side / 2
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    disc = radius < side * 0.3
    tips = (radius < side * 0.34) & (np.abs(np.sin(angle * count)) < 0.12)
    picture = np.full((side, side, 3), ground, np.uint8)
    picture[disc | tips] = hair
    return picture, np.asarray(disc | tips), np.asarray(disc)


def edge_of(patch: Patch, picture: RGB, soft: float = 2.0) -> SoftPatch:
    return patch.finished(Finish(soft=soft), picture.shape[1], picture.shape[0])


def both(picture: RGB, bits: Bits, **options: object) -> tuple[Alpha, Alpha]:
    """(matte, edge) on the picture's canvas."""
    patch = Patch(0, 0, bits)
    edge = edge_of(patch, picture)
    size = picture.shape[1], picture.shape[0]
    return matte(picture, patch, edge, **options).place(*size), edge.place(*size)  # type: ignore[arg-type]


@pytest.mark.parametrize("side", [200, 400, 1600])
@pytest.mark.parametrize("colours", [(DARK, LIGHT), (LIGHT, DARK), ((200, 60, 40), (60, 160, 200))])
def test_strands_come_back(side: int, colours: tuple[Colour, Colour]) -> None:
    picture, truth, drawn = strands(side, 24, *colours)
    alpha = both(picture, drawn)[0].astype(float) / 255
    y, x = np.mgrid[:side, :side] - side / 2
    radius = np.hypot(x, y)
    assert alpha[truth & ~drawn].mean() > 0.75
    assert alpha[~truth & (radius < 0.34 * side)].mean() < 0.2
    assert (alpha[radius > 0.35 * side] == 0).all()
    assert (alpha[radius < 0.25 * side] == 1).all()


def test_an_outline_drawn_too_wide_is_taken_in() -> None:
    picture, truth, drawn = strands(400, 24)
    wide = distance_to(drawn) <= 5
    alpha, edge = both(picture, np.asarray(wide))
    gap = wide & ~truth & (distance_to(truth) > 1)
    assert (edge[gap & (distance_to(~wide) > 2)] == 255).all()
    assert alpha[gap].mean() < 25


def test_where_colours_tell_nothing_the_edge_stays() -> None:
    """Hair of the ground's own colour: one noise on both sides."""
    _, _, drawn = strands(300, 20)
    picture = np.random.default_rng(3).normal(90, 12, (300, 300, 3)).clip(0, 255).astype(np.uint8)
    alpha, edge = both(picture, drawn)
    assert np.array_equal(alpha, edge)


def test_a_flat_picture_keeps_its_edge() -> None:
    _, _, drawn = strands(200, 20)
    for value in (0, 128, 255):
        alpha, edge = both(np.full((200, 200, 3), value, np.uint8), drawn)
        assert np.array_equal(alpha, edge)


def test_no_piece_of_the_ground_is_taken_for_a_strand() -> None:
    """A speck of the hair's colour near the outline stays out; the same as the end of a strand comes in."""
    picture, _, drawn = strands(400, 24)
    picture[60:80, 180:220] = LIGHT
    speck = np.zeros_like(drawn)
    speck[68:72, 196:204] = True
    picture[speck] = DARK
    apart = both(picture, drawn)[0]
    picture[70:80, 198:202] = DARK
    joined = both(picture, drawn)[0]
    assert apart[speck].max() == 0
    assert joined[speck].mean() > 60


def test_a_ring_thinner_than_the_band_stays() -> None:
    y, x = np.mgrid[:900, :900] - 450
    radius = np.hypot(x, y)
    ring = np.asarray(np.abs(radius - 380) < 6)
    picture = np.where(ring[..., None], DARK, LIGHT).astype(np.uint8)
    alpha, _ = both(picture, ring)
    assert alpha[ring].mean() > 225
    assert alpha[~ring].mean() < 5


def test_nothing_changes_outside_the_band() -> None:
    picture, _, drawn = strands(300, 20)
    alpha, edge = both(picture, drawn)
    reach = MATTE.reach * np.sqrt(np.count_nonzero(drawn)) + 1
    far = (distance_to(drawn) > reach) | (distance_to(~drawn) > reach)
    assert np.array_equal(alpha[far], edge[far])
    assert set(np.unique(alpha[far])) == {0, 255}


def test_an_edge_wider_than_the_band_is_kept_whole() -> None:
    picture, _, drawn = strands(300, 20)
    patch = Patch(0, 0, drawn)
    edge = edge_of(patch, picture, soft=80.0)
    soft = matte(picture, patch, edge)
    assert soft.box.hull(edge.box) == soft.box
    reach = MATTE.reach * np.sqrt(np.count_nonzero(drawn)) + 1
    far = (distance_to(drawn) > reach) | (distance_to(~drawn) > reach)
    assert np.array_equal(soft.place(300, 300)[far], edge.place(300, 300)[far])


def drawn_head(shade: float) -> tuple[RGB, Bits]:
    """(picture, head): a portrait with a neck of the skin's colour, darker by ``shade``; hair and face are the head."""
    picture, truth = portrait((480, 400), (200, 240), 150, 200)
    dark = np.abs(picture.astype(int) - HAIR).max(-1) < 27
    head = one_piece(np.asarray(truth | dark))
    neck = np.zeros_like(truth)
    neck[300:460, 150:250] = True
    neck &= ~head
    noise = np.random.default_rng(5).normal(0, 4, picture.shape)
    picture = np.where(neck[..., None], np.clip(np.array(SKIN) * shade + noise, 0, 255), picture).astype(np.uint8)
    return picture, head


@pytest.mark.parametrize("shade", [1.0, 0.8, 0.6])
def test_the_jaw_stays_as_drawn_while_hair_grows_strands(shade: float) -> None:
    picture, head = drawn_head(shade)
    picture[60:90, 196:204] = HAIR  # a lock that the mask does not have
    alpha, edge = both(picture, head, face=face((200, 240), 150, 200))
    jaw = np.zeros_like(head)
    jaw[328:460, 140:260] = True
    assert np.array_equal(alpha[jaw], edge[jaw])
    lock = np.zeros_like(head)
    lock[78:88, 198:202] = True
    assert not head[lock].any()
    assert alpha[lock].mean() > 200


def test_without_a_mesh_an_outline_may_be_furs_all_around() -> None:
    picture, _, drawn = strands(400, 24)
    bare = both(picture, drawn, face=face((200, 200), 150, 200, mesh=False))[0]
    assert np.array_equal(bare, both(picture, drawn)[0])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.integers(2, 60), st.integers(0, 20), st.integers(0, 20))
def test_any_patch_gives_an_alpha_inside_the_picture(seed: int, height: int, width: int, x: int, y: int) -> None:
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 255, (90, 90, 3), dtype=np.uint8)
    patch = Patch(x, y, rng.random((height, width)) < 0.7)
    edge = edge_of(patch, picture)
    soft = matte(picture, patch, edge, face((45, 45), 30, 40))
    assert soft.alpha.dtype == np.uint8
    assert soft.box.clipped(90, 90) == soft.box
    again = matte(picture, patch, edge, face((45, 45), 30, 40))
    assert np.array_equal(soft.alpha, again.alpha)


@pytest.mark.parametrize("pixels", [0, 1])
def test_an_empty_or_tiny_mask_stays_as_it_is(pixels: int) -> None:
    bits = np.zeros((5, 5), bool)
    bits.flat[:pixels] = True
    picture = np.zeros((20, 20, 3), np.uint8)
    edge = edge_of(Patch(3, 3, bits), picture, soft=0.0)
    assert matte(picture, Patch(3, 3, bits), edge).above(255).area == pixels
