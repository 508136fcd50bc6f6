"""Every tuned number of ``actions/`` is heard: another value of it gives another result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from bench.quality.fields import scaled
from sam_mask_service.actions import tuning
from sam_mask_service.actions.again import look_again, look_near
from sam_mask_service.actions.anonymise import Hidden, anonymise
from sam_mask_service.actions.composite import match_seam
from sam_mask_service.actions.hide import grown, oval, readable
from sam_mask_service.actions.points import by_colour, pointed_face
from sam_mask_service.deadline import NO_DEADLINE, Deadline
from sam_mask_service.faces.detector import DetectOptions
from sam_mask_service.geometry import RGB, Box, Face
from sam_mask_service.patch import Patch, SoftPatch

from ..support.drawn_face import face, portrait

SIZE = 300
PERSON = face((150, 150), 120, 160)
BARE = Face(Box(60.0, 60.0, 120.0, 160.0), 0.9)
IMAGE, BITS = portrait((SIZE, SIZE), (150, 150), 120, 160)
ELLIPSE = np.hypot(*((np.indices((SIZE, SIZE)) - 150) / 60.0)) <= 1


def cells(part: Any) -> list[Any]:
    patch = SoftPatch(0, 0, ELLIPSE.astype(np.uint8) * np.uint8(255))
    return [
        anonymise(IMAGE, [Hidden(patch, Box(90, 90, 120, 120))], "blur", strength, tuning=part)
        for strength in (0.25, 0.75)
    ]


def cover(part: Any) -> list[Any]:
    patch = oval(PERSON, SIZE, SIZE, part)
    hidden = [
        grown(one, Patch(90, 90, np.ones((120, 120), bool)), SIZE, SIZE, True, tuning=part) for one in (PERSON, BARE)
    ]
    half = IMAGE.copy()
    half[:150] ^= 255
    told = readable(replace(BARE, box=Box(0, 40, 300, 200), presence=0.0), IMAGE, half, part)
    return [patch.place(SIZE, SIZE), *(one.mask.place(SIZE, SIZE) for one in hidden), [one.box for one in hidden], told]


LOOSE = DetectOptions()


class Seen:
    name = "seen"

    def detect(self, image: RGB, options: DetectOptions = LOOSE, deadline: Deadline = NO_DEADLINE) -> list[Face]:
        self.images = [*getattr(self, "images", []), image]
        return []


def again(part: Any) -> list[Any]:
    detector = Seen()
    look_again(IMAGE, detector, LOOSE, NO_DEADLINE, part)
    for places in ([PERSON], [PERSON] * 9):
        look_near(IMAGE, places, detector, LOOSE, NO_DEADLINE, part)
    return [len(detector.images), *detector.images]


def seam(part: Any) -> list[Any]:
    x = np.linspace(-30, 30, SIZE)[None, :, None]
    edit = (IMAGE.astype(float) + x).clip(0, 255).astype(np.uint8)
    small = np.zeros((SIZE, SIZE), np.uint8)
    small[100:112, 100:112] = 255
    return [match_seam(IMAGE, edit, alpha, tuning=part) for alpha in (ELLIPSE.astype(np.uint8) * np.uint8(255), small)]


def point(part: Any) -> list[Any]:
    y, x = np.indices((SIZE, SIZE))
    ramp = np.dstack([x * 255 // SIZE, (y // 4 * 23) % 256, x // 3 * 2]).astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    start = Patch(140, 140, np.ones((20, 20), bool))
    drawn = [by_colour(rgb, start, 200.0, [(100.0, 150.0, 1)], tuning=part) for rgb in (IMAGE, ramp, noise)]
    return [*(patch.place(SIZE, SIZE) for patch in drawn), pointed_face([(9.0, 9.0, 1)], SIZE, SIZE, part).box]


MADE: dict[str, Callable[[Any], list[Any]]] = {
    "cells": cells, "cover": cover, "again": again, "seam": seam, "point": point
}  # fmt: skip
FIELDS = [
    (part.name, field.name) for part in fields(tuning.TUNED) for field in fields(getattr(tuning.TUNED, part.name))
]


@pytest.mark.parametrize(("part", "field"), FIELDS, ids=[".".join(names) for names in FIELDS])
def test_it_is_heard(part: str, field: str) -> None:
    as_it_is = getattr(tuning.TUNED, part)
    before = MADE[part](as_it_is)
    others = [replace(as_it_is, **{field: scaled(getattr(as_it_is, field), factor)}) for factor in (0.4, 2.5)]
    assert any(not _same(before, MADE[part](other)) for other in others)


def _same(one: list[Any], other: list[Any]) -> bool:
    return all(np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b for a, b in zip(one, other, strict=True))
