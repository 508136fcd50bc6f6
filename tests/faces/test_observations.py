"""Observations: windows are read in order, places remember their pass, and a portrait is told from a group."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sam_mask_service.deadline import NO_DEADLINE, Deadline
from sam_mask_service.errors import DeadlinePassed
from sam_mask_service.faces.candidates import Candidate, Rows, no_rows
from sam_mask_service.faces.ensemble import YUNET
from sam_mask_service.faces.observations import Glance, Observations, Pass
from sam_mask_service.faces.tiles import Tile
from sam_mask_service.geometry import RGB


def row(x: float, y: float, side: float, score: float) -> Rows:
    return np.array([x, y, side, side, score, *([x, y] * 6)], np.float32)


class Scripted:
    """A network that answers what it is told, window by window."""

    size = 100

    def __init__(self, answer: Callable[[RGB], Rows]) -> None:
        self.answer = answer

    def __call__(self, window: RGB, threshold: float) -> Rows:
        found = self.answer(window)
        return found[found[:, 4] >= threshold]


def window(level: int, x: float = 0.0) -> Tile:
    return Tile(np.full((100, 100, 3), level, np.uint8), x, 0.0, 1.0, 100, 100)


def glance(name: Pass, *windows: Tile) -> Glance:
    return Glance(Scripted(by_level), name, windows)


def by_level(window: RGB) -> Rows:
    """One candidate whose score is the window's grey level in percent."""
    return row(20, 20, 30, float(window[0, 0, 0]) / 100)[None]


def test_windows_are_put_where_they_lie() -> None:
    seen = Observations()
    (rows,) = seen.take([glance("tiles", window(90), window(5), window(40, x=200))], NO_DEADLINE)
    np.testing.assert_allclose(rows[:, 0], [20, 220])
    np.testing.assert_allclose(rows[:, 4], [0.9, 0.4], atol=1e-6)
    assert seen.take([glance("tiles")], NO_DEADLINE)[0].shape == no_rows().shape


def test_the_first_pass_that_saw_it_well_names_it() -> None:
    seen = Observations()
    seen.take([glance("picture", window(20))], NO_DEADLINE)
    seen.take([glance("border", window(30))], NO_DEADLINE)
    seen.take([glance("tiles", window(80))], NO_DEADLINE)
    (place,) = seen.places(0.25)
    assert seen.found_by(place, 0.25) == "border"
    evidence = seen.evidence(place, presence=0.7, shift=0.1, straight=None)
    assert evidence.total == pytest.approx(1.3)
    assert evidence.best == pytest.approx(0.8)
    assert evidence.heard == ()
    assert not evidence.bordered


def test_what_only_the_border_shows_is_marked() -> None:
    seen = Observations()
    seen.take([glance("picture", window(0))], NO_DEADLINE)
    seen.take([glance("border", window(60))], NO_DEADLINE)
    (place,) = seen.places(0.25)
    assert seen.evidence(place, 0.5, 0.0, None).bordered


def test_the_deadline_is_asked_before_every_window() -> None:
    with pytest.raises(DeadlinePassed):
        Observations().take([glance("picture", window(90))], Deadline.after(0))


def place(x: float, y: float, side: float, score: float) -> Candidate:
    return Candidate(row(x, y, side, score), (score,))


PORTRAIT = place(300, 200, 300, 0.9)


@pytest.mark.parametrize(
    ("places", "left"),
    [
        ([PORTRAIT], 0),
        ([PORTRAIT, place(400, 450, 60, 0.3)], 0),
        ([PORTRAIT, place(20, 30, 20, 0.2)], 1),
        ([PORTRAIT, place(700, 200, 250, 0.8)], 0),
        ([place(300, 200, 300, 0.5)], None),
        ([place(300, 200, 60, 0.9)], None),
        ([], None),
    ],
    ids=["one face", "its own chin", "somebody behind", "two faces", "unsure", "far away", "nothing"],
)
def test_what_a_portrait_leaves_to_look_at(places: list[Candidate], left: int | None) -> None:
    rest = Observations(members=[None]).hints(places, longest=1000)
    assert (None if rest is None else len(rest)) == left
    assert Observations(members=[YUNET]).hints(places, longest=1000) is None, "BlazeFace alone ends the search"
