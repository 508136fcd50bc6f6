"""The ladder: the small SAM draws until the one asked for has come; who has picked an engine keeps it to the end."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from sam_mask_service.engines import Engines, Loader, Report, Rung
from sam_mask_service.errors import EngineUnavailable, Starting
from sam_mask_service.segment.fake import FakeSegmenter
from sam_mask_service.segment.segmenter import Segmenter
from sam_mask_service.settings import Engine


@dataclass
class Sam(FakeSegmenter):
    """A SAM over a mesh engine."""

    name: str = "sam"
    prior: Segmenter | None = None

    def with_prior(self, prior: Segmenter) -> Segmenter:
        return replace(self, prior=prior)


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.005)


@dataclass
class Gate:
    """A loader that waits at ``go``, then gives ``model`` or raises ``error``."""

    model: str
    error: Exception | None = None

    def __post_init__(self) -> None:
        self.go, self.asked = threading.Event(), threading.Event()

    def __call__(self, report: Report) -> Segmenter:
        report("downloading", 25.0)
        self.asked.set()
        assert self.go.wait(20)
        if self.error is not None:
            raise self.error
        return Sam(model=self.model)


def begun(*gates: Gate, preference: Engine = "auto", **on: Any) -> Engines:
    engines = Engines(preference, FakeSegmenter(), [Rung(gate.model, gate) for gate in gates])
    engines.start(**on)
    return engines


def test_each_sam_takes_the_place_of_the_one_before() -> None:
    small, large = Gate("mobile_sam"), Gate("vit_b")
    engines = begun(small, large)
    small.asked.wait(20)
    assert engines.in_force.name == "mesh" and engines.degraded
    assert engines.reason() == "SAM mobile_sam is downloading (25 %); the mesh engine draws meanwhile."
    with pytest.raises(Starting):
        engines.pick("sam")
    small.go.set()
    until(large.asked.is_set)
    assert engines.pick("sam").model == engines.pick("auto").model == "mobile_sam" and not engines.degraded
    assert (engines.sam_state.model, engines.sam_state.percent) == ("vit_b", 25.0)
    assert engines.reason() == "SAM vit_b is downloading (25 %); mobile_sam draws meanwhile."
    large.go.set()
    until(lambda: engines.sam_state.state == "ready")
    assert engines.pick("auto").model == "vit_b" and engines.reason() is None


def test_the_small_one_is_let_go_and_who_uses_it_may_go_on() -> None:
    small, large = Gate("mobile_sam"), Gate("vit_b")
    engines = begun(small, large)
    small.go.set()
    until(large.asked.is_set)
    under_way = engines.pick("auto")
    gone = weakref.ref(under_way)
    large.go.set()
    until(lambda: engines.sam_state.state == "ready")
    assert under_way.model == "mobile_sam"
    del under_way
    gc.collect()
    assert gone() is None


def test_what_cannot_be_had_is_said_and_the_small_one_stays() -> None:
    small, large = Gate("mobile_sam"), Gate("vit_b", EngineUnavailable("sam_vit_b.pth could not be fetched."))
    engines = begun(small, large)
    small.go.set()
    large.go.set()
    until(lambda: engines.sam_state.state == "failed")
    assert engines.in_force.model == "mobile_sam" and not engines.degraded
    assert engines.reason() == "sam_vit_b.pth could not be fetched. Until then mobile_sam draws."


def test_the_large_one_is_tried_when_the_small_one_fails() -> None:
    small, large = Gate("mobile_sam", EngineUnavailable("no index.")), Gate("vit_b")
    engines = begun(small, large)
    small.go.set()
    until(large.asked.is_set)
    with pytest.raises(Starting):
        engines.pick("sam")
    large.go.set()
    until(lambda: engines.sam_state.state == "ready")
    assert engines.in_force.model == "vit_b" and engines.reason() is None


def test_all_reasons_are_given_when_none_came() -> None:
    gates = Gate("mobile_sam", EngineUnavailable("no index.")), Gate("vit_b", EngineUnavailable("no host."))
    for gate in gates:
        gate.go.set()
    engines = begun(*gates)
    until(lambda: engines.sam_state.state == "failed" and engines.sam_state.model == "vit_b")
    assert engines.reason() == "no index. no host. Until then the mesh engine draws." and engines.degraded
    with pytest.raises(EngineUnavailable, match=r"no index\. no host\."):
        engines.pick("sam")


def test_sam_that_was_demanded_is_fatal_when_it_cannot_be_had() -> None:
    gate, said = Gate("vit_b", EngineUnavailable("no host.")), list[str]()
    gate.go.set()
    engines = begun(gate, preference="sam", on_fatal=said.append)
    until(lambda: said == ["no host."])
    assert engines.waiting


def test_a_renewed_mesh_engine_lies_below_every_sam_also_one_that_was_being_loaded() -> None:
    small, large = Gate("mobile_sam"), Gate("vit_b")
    engines = begun(small, large)
    small.go.set()
    until(large.asked.is_set)
    before, mesh = engines.pick("auto"), FakeSegmenter(model="facemesh+hair")
    engines.renew(mesh)
    now = engines.pick("auto")
    assert isinstance(now, Sam) and isinstance(before, Sam)
    assert now.prior is mesh and before.prior is not mesh and engines.pick("mesh") is mesh
    large.go.set()
    until(lambda: engines.sam_state.state == "ready")
    last = engines.pick("auto")
    assert isinstance(last, Sam) and last.prior is mesh and last.model == "vit_b"


def test_auto_waits_for_weights_that_are_here_and_no_longer() -> None:
    small, large = Gate("mobile_sam"), Gate("vit_b")
    engines = Engines("auto", FakeSegmenter(), [Rung("mobile_sam", small, here=True), Rung("vit_b", large)])
    assert not engines.waiting  # nothing has begun: a command may draw with the mesh engine alone
    engines.start()
    assert engines.waiting and engines.reason() == "SAM mobile_sam is downloading."
    with pytest.raises(Starting):
        engines.pick("auto")
    small.go.set()
    until(large.asked.is_set)
    assert not engines.waiting
    large.go.set()


def test_auto_does_not_wait_for_weights_that_turn_out_to_be_none() -> None:
    small = Gate("mobile_sam", EngineUnavailable("not the published file."))
    small.go.set()
    engines = Engines("auto", FakeSegmenter(), [Rung("mobile_sam", small, here=True)])
    engines.start()
    until(lambda: not engines.waiting)
    assert engines.in_force.name == "mesh" and "not the published file" in (engines.reason() or "")


def test_mesh_climbs_nothing() -> None:
    never: Loader = lambda _: pytest.fail("loaded")  # noqa: E731
    engines = Engines("mesh", FakeSegmenter(), [Rung("vit_b", never)])
    engines.start()
    assert engines.reason() is None and not engines.degraded and engines.awaited is None
