"""The head's cut on drawn heads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sam_mask_service.segment.crop import Window, cut
from sam_mask_service.segment.head import HeadEvidence, dome_distance, head_mask, under_jaw
from sam_mask_service.segment.prior import Prior, prior_of
from sam_mask_service.segment.tuning.ground import WINDOW
from tests.support.drawn_face import HAIR, SKIN, WALL, face

HEAD_SIZE = WINDOW.head_size
_FACE = face((200, 180), 80, 100)


def _scene(hair_to: int) -> NDArray[np.uint8]:
    """A face before hair that hangs to this row, over a skin-coloured neck, before a wall."""
    image = np.full((400, 400, 3), WALL, np.uint8)
    image[200:400, 175:225] = SKIN
    y, x = np.mgrid[:400, :400] + 0.5
    image[((x - 200) / 62) ** 2 + ((y - 165) / 75) ** 2 < 1] = HAIR
    for left in (138, 240):
        image[165:hair_to, left : left + 22] = HAIR
    image[((x - 200) / 40) ** 2 + ((y - 180) / 50) ** 2 < 1] = SKIN
    noise = np.random.default_rng(2).normal(0, 4, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def _seen_hair(rgb: NDArray[np.uint8], window: Window, above: int) -> NDArray[np.float32]:
    corner = window.points(np.array([[0, above]], np.float32))[0]
    like = np.abs(rgb.astype(int) - HAIR).max(-1) < 40
    return np.asarray(like & (np.arange(HEAD_SIZE)[:, None] < corner[1]), np.float32)


def _drawn(
    image: NDArray[np.uint8],
    rivals: tuple[Prior, ...] = (),
    sure: float = 1.0,
    hair_above: int | None = None,
    prior: Prior | None = None,
    **told: Any,
) -> tuple[NDArray[np.bool_], Prior]:
    """``sure``: the person network's probability of what is not wall. ``hair_above``: the hair network sees the hair's
    colour above this row."""
    whole = prior or prior_of(_FACE)
    window = whole.window(WINDOW.head_zoom, HEAD_SIZE)
    rgb, prior = cut(image, window), whole.seen_in(window)
    person = np.where(np.abs(rgb.astype(int) - WALL).max(-1) > 40, sure, 1 - sure).astype(np.float32)
    if hair_above is not None:
        told["hair"] = _seen_hair(rgb, window, hair_above)
    seen = HeadEvidence(person, window.within(400, 400), **told)
    mask = head_mask(rgb, prior, seen, prior.fill(prior.core, HEAD_SIZE), [r.seen_in(window) for r in rivals])
    x, y = np.meshgrid(np.arange(400) + 0.5, np.arange(400) + 0.5)
    at = np.clip(window.points(np.stack([x.ravel(), y.ravel()], -1).astype(np.float32)), 0, HEAD_SIZE - 1).astype(int)
    return (mask > 0.5)[at[:, 1], at[:, 0]].reshape(400, 400), prior


def test_long_hair_is_head_and_the_neck_is_not() -> None:
    head, _ = _drawn(_scene(hair_to=265))
    assert head[105, 200]
    assert head[180, 150]
    assert head[245, 148]
    assert head[245, 250]
    assert not head[260, 200]
    assert not head[300:].any()


def test_a_rival_takes_what_is_nearer_to_it() -> None:
    image = _scene(hair_to=230)
    image[90:240, 245:330] = HAIR
    alone, _ = _drawn(image)
    beside, _ = _drawn(image, (prior_of(face((300, 180), 80, 100)),))
    assert alone[150, 300]
    assert not beside[150, 300]
    assert beside[150, 150]


BEHIND = prior_of(face((200, 30), 80, 60))
"""Who stands behind: his chin is over the crown of the one before him."""


def test_the_crown_of_who_stands_in_front_is_his_own() -> None:
    scene = _scene(hair_to=230)
    blind, _ = _drawn(scene, (BEHIND,))
    seeing, _ = _drawn(scene, (BEHIND,), hair_above=400)
    assert not blind[100, 200], "without the hair network it may be the other one's body"
    assert seeing[100, 200]
    assert seeing[150, 200] and seeing[200, 149]


def test_the_clothes_of_who_stands_behind_are_not_hair() -> None:
    scene = _scene(hair_to=200)
    scene[60:300, 265:330] = (60, 90, 200)
    head, _ = _drawn(scene, (BEHIND,), hair_above=400)
    assert head[100, 200]
    assert not head[100:300, 280:].any()


def test_a_jacket_nearly_of_the_hairs_colour_is_not_head_where_the_hair_network_sees_none() -> None:
    scene = _scene(hair_to=225)
    noise = np.random.default_rng(1).normal(0, 4, (175, 50, 3))
    scene[225:, 110:160] = np.clip(np.array(HAIR) + 14 + noise, 0, 255)
    alone, _ = _drawn(scene)
    told, _ = _drawn(scene, hair_above=225)
    assert alone[236:290, 148].all()
    assert not told[236:, :165].any()
    assert told[200, 149]


def test_under_the_jaw_is_below_it_and_between_its_corners() -> None:
    _, prior = _drawn(_scene(hair_to=200))
    below = under_jaw(prior, HEAD_SIZE)
    x, y = prior.axes.chin.astype(int)
    assert below[y + 10, x]
    assert not below[y - 10, x]
    assert not below[y + 10, x + int(prior.axes.width)]
    assert dome_distance(prior, HEAD_SIZE)[y - 30, x] < 0.1


def test_what_the_parsing_network_did_not_look_at_is_as_without_it() -> None:
    alone, _ = _drawn(_scene(hair_to=265))
    beside, _ = _drawn(_scene(hair_to=265), head=np.full((HEAD_SIZE, HEAD_SIZE), 0.5, np.float32))
    assert (alone == beside).all()


def test_the_parsing_network_takes_in_what_it_calls_head_and_leaves_out_the_rest() -> None:
    told = np.zeros((HEAD_SIZE, HEAD_SIZE), np.float32)
    told[20:150, 60:196] = 1
    with_net, _ = _drawn(_scene(hair_to=265), head=told)
    assert with_net[150, 200]
    assert not with_net[245, 148]


@pytest.mark.parametrize(("width", "heeded"), [(20.0, False), (80.0, True)])
def test_the_hair_network_is_not_believed_on_a_head_of_few_pixels(width: float, heeded: bool) -> None:
    scene, everywhere = _scene(hair_to=200), np.ones((HEAD_SIZE, HEAD_SIZE), np.float32)
    scene[200:260, 138:160] = SKIN
    alone, _ = _drawn(scene)
    told, _ = _drawn(scene, hair=everywhere, width=width)
    assert not alone[225, 149]
    assert told[225, 149] == heeded
    assert heeded or (told == alone).all()


def test_hair_is_head_where_sam_sees_it_unless_the_person_network_is_certain() -> None:
    scene = _scene(hair_to=200)
    _, prior = _drawn(scene)
    bare = np.full((HEAD_SIZE, HEAD_SIZE), -12, np.float32)
    bare[int(prior.axes.chin[1] - 0.9 * prior.axes.height) :] = 0
    unsure, told, certain = (
        _drawn(scene, sure=s, logits=seen)[0] for s, seen in ((0.7, None), (0.7, bare), (1.0, bare))
    )
    assert unsure[105, 200] and not told[105, 200] and certain[105, 200]
    assert told[180, 200]


def test_a_claim_of_sams_on_the_neck_is_not_heard() -> None:
    claims = np.full((HEAD_SIZE, HEAD_SIZE), 20, np.float32)
    head, _ = _drawn(_scene(hair_to=200), logits=claims)
    assert head[105, 200] and not head[250:, 180:220].any()


@pytest.mark.parametrize(("turned", "kept"), [(0.0, False), (0.6, True)])
def test_a_hood_beside_the_ears_is_not_head_unless_the_face_is_turned(turned: float, kept: bool) -> None:
    """The person network sees head and hood alike, the hair network hair alone."""
    scene = _scene(hair_to=190)
    scene[170:260, 262:290] = scene[170:260, 110:138] = (200, 60, 120)
    axes = replace(prior_of(_FACE).axes, turn=turned)
    hood, _ = _drawn(scene, hair_above=190, prior=replace(prior_of(_FACE), axes=axes))
    assert hood[150, 200] and hood[186, 270] == kept
