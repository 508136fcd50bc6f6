"""Pictures that would take too much memory together are decoded one after the other."""

from __future__ import annotations

import threading

import pytest

from sam_mask_service.errors import DeadlinePassed
from sam_mask_service.image.reserve import PictureReserve


def test_two_that_fit_go_together_and_a_third_waits() -> None:
    reserve, waiting, done = PictureReserve(100), threading.Event(), threading.Event()

    def third() -> None:
        with reserve.hold(60, waiting.set):
            done.set()

    with reserve.hold(50, pytest.fail), reserve.hold(50, pytest.fail):
        thread = threading.Thread(target=third)
        thread.start()
        assert waiting.wait(10)
        assert not done.is_set()
    thread.join(10)
    assert done.is_set()


def test_one_that_is_more_than_all_goes_alone() -> None:
    with PictureReserve(100).hold(1000, pytest.fail):
        pass


def test_who_waits_may_give_up_and_an_error_gives_back() -> None:
    def late() -> None:
        raise DeadlinePassed

    reserve = PictureReserve(100)
    with reserve.hold(100, pytest.fail), pytest.raises(DeadlinePassed), reserve.hold(1, late):
        pass
    with pytest.raises(ValueError, match="x"), reserve.hold(100, pytest.fail):
        raise ValueError("x")
    with reserve.hold(100, pytest.fail):
        pass
