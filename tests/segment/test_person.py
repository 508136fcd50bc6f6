"""The whole person: where it is looked for, whose a pixel is, and that it hangs on its head."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sam_mask_service.geometry import Face
from sam_mask_service.segment.crop import cut
from sam_mask_service.segment.person import person_mask, person_window
from sam_mask_service.segment.prior import prior_of
from sam_mask_service.segment.tuning.person import PERSON
from tests.support.drawn_face import face

WALL, CLOTH = (120, 160, 190), (200, 40, 30)


def _scene(*middles: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """People of cloth before a wall, faces 80 × 100 at row 150, and where they are."""
    image = np.full((600, 800, 3), WALL, np.uint8)
    y, x = np.mgrid[:600, :800]
    there = np.zeros((600, 800), bool)
    for middle in middles:
        there |= ((x - middle) / 55) ** 2 + ((y - 145) / 80) ** 2 < 1
        there |= (np.abs(x - middle) < 120) & (y > 200)
    image[there] = CLOTH
    return image, there


def _drawn(faces: list[Face], image: NDArray[np.uint8], there: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask of the first face, in the picture."""
    priors = [prior_of(one) for one in faces]
    window = person_window(priors[0], 800, 600)
    seen = cut(np.repeat(there[..., None], 3, 2).astype(np.uint8) * np.uint8(255), window)[..., 0]
    person = np.where(seen > 127, 0.97, 0.03).astype(np.float32)
    own, *others = [prior.seen_in(window) for prior in priors]
    head = own.fill(own.hull, PERSON.size)
    soft = person_mask(cut(image, window), person, window.within(800, 600), head, own, others)
    x, y = np.meshgrid(np.arange(800) + 0.5, np.arange(600) + 0.5)
    at = np.rint(window.points(np.stack([x.ravel(), y.ravel()], -1).astype(np.float32)) - 0.5).astype(int)
    inside = ((at >= 0) & (at < PERSON.size)).all(1)
    at = np.clip(at, 0, PERSON.size - 1)
    return np.asarray(((soft > 0.5)[at[:, 1], at[:, 0]] & inside).reshape(600, 800))


def test_shoulders_and_clothes_are_of_the_person() -> None:
    image, there = _scene(400)
    drawn = _drawn([face((400, 150), 80, 100)], image, there)
    assert (drawn & there).sum() / (drawn | there).sum() > 0.97


def test_people_who_touch_are_parted_between_them() -> None:
    image, there = _scene(280, 520)
    first = _drawn([face((280, 150), 80, 100), face((520, 150), 80, 100)], image, there)
    assert first[300:590, 180:380].all()
    assert not first[:, 425:].any()


def test_what_does_not_hang_on_the_head_is_no_part_of_the_person() -> None:
    image, there = _scene(250)
    there[100:300, 600:700], image[100:300, 600:700] = True, CLOTH
    assert not _drawn([face((250, 150), 80, 100)], image, there)[:, 500:].any()


@pytest.mark.parametrize("angle", [0.0, 0.3, np.pi / 2, -np.pi / 2, np.pi])
def test_the_window_is_turned_by_quarters_and_stays_near_the_picture(angle: float) -> None:
    window = person_window(prior_of(face((400, 300), 80, 100, angle)), 800, 600)
    turn = np.abs(window.matrix[:, :2] / window.scale)
    assert np.allclose(np.sort(turn.ravel()), [0, 0, 1, 1], atol=1e-6)
    assert window.within(800, 600).mean() > 0.4


def test_a_close_up_is_looked_at_as_far_as_the_picture_goes() -> None:
    """Beyond it the window would repeat border pixels, in which the network sees other things."""
    window = person_window(prior_of(face((400, 300), 300, 400)), 800, 600)
    assert 1 / window.scale * PERSON.size == pytest.approx(800, rel=0.01)
