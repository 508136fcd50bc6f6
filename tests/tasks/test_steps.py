"""What runs a list of steps: the deadline between them, the time of each, and what is left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sam_mask_service.cache import ByteCache
from sam_mask_service.deadline import Deadline
from sam_mask_service.errors import ClientLeft, DeadlinePassed, ImageUnreadable
from sam_mask_service.params import MaskParams
from sam_mask_service.segment.fake import FakeSegmenter
from sam_mask_service.sessions.memory import MemoryStore
from sam_mask_service.tasks import TASKS, Answer, Asked, Limits, Tools
from sam_mask_service.tasks.steps import DECODE, Step, Work, always, run

from ..support.scene import Fixed, picture

ANSWER = Answer({"success": True})


def work(data: bytes = b"", **more: Any) -> Work:
    asked = Asked(data or picture(), MaskParams(), FakeSegmenter(), more.pop("deadline", Deadline.after(60)))
    tools = Tools(Fixed(), Limits(1 << 20, 1 << 20, 9), ByteCache(1 << 20), MemoryStore(0, 1.0), Path())
    return Work(asked, MaskParams(), tools)


def step(do: Callable[[Work], object], name: str | None = None, **more: Callable[[Work], bool]) -> Step[Work]:
    def quietly(it: Work) -> None:
        do(it)

    return Step(quietly, name, **more)


def say(it: Work) -> None:
    it.answer = ANSWER


def test_steps_in_their_order_each_with_its_time() -> None:
    done: list[str] = []
    it = work()
    steps = [
        step(lambda _: done.append("one"), "one"),
        step(lambda _: done.append("unnamed")),
        step(lambda _: done.append("needless"), "needless", needless=always),
        step(lambda _: done.append("two"), "two"),
        step(say),
    ]
    assert run(steps, it) is ANSWER
    assert done == ["one", "unnamed", "two"]
    assert list(it.times()["timings"]) == ["one", "two"]


def test_the_same_name_twice_is_one_time() -> None:
    it = work()
    run([step(lambda _: None, "embed"), step(lambda _: None, "embed"), step(say)], it)
    assert list(it.timings) == ["embed"]


def test_pixels_are_decoded_before_the_first_step_that_wants_them_and_once() -> None:
    it = work()
    looking = step(lambda w: None, "look", pixels=always)
    run([DECODE, step(lambda _: None, "blind"), looking, looking, step(say)], it)
    assert list(it.timings) == ["blind", "decode", "look"]


def test_pixels_that_nobody_wants_are_not_decoded() -> None:
    broken = work(b"no picture")
    assert run([DECODE, step(say)], broken) is ANSWER
    with pytest.raises(Exception, match="not a picture") as caught:
        run([DECODE, step(say, pixels=always)], broken)
    assert not isinstance(caught.value, ImageUnreadable)


@pytest.mark.parametrize(("how", "error"), [("left", ClientLeft), ("late", DeadlinePassed)])
def test_no_step_begins_after_the_end(how: str, error: type[Exception]) -> None:
    limit = Deadline.after(60 if how == "left" else 0)
    it = work(deadline=limit)
    begun: list[int] = []

    def first(_: Work) -> None:
        begun.append(1)
        limit.left.set()

    with pytest.raises(error):
        run([step(first), step(lambda _: begun.append(2)), step(say)], it)
    assert begun == ([1] if how == "left" else [])


def test_every_task_says_its_steps() -> None:
    """Each decodes, or says why not; and the words come last."""
    for task in TASKS:
        assert DECODE in task.steps, task.name
        assert len(task.steps) == len({id(step) for step in task.steps}), task.name
