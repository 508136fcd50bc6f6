"""The script for a card (``python -m bench.speed.gpu``): what it says where something is missing, and, where torch is
installed (``make test-gpu``), every line of it on networks of a few cells."""

from __future__ import annotations

import importlib.util
from types import SimpleNamespace
from typing import Any

import pytest

from bench.quality.parity import agrees
from bench.speed.gpu import __main__ as script
from bench.speed.gpu import http, plan

LINE = {"precision": "f32", "mask_disagreement": 1e-6, "embedding": 1e-6, "logits": 1e-6, "iou": 1e-6}


@pytest.mark.parametrize(
    ("changed", "sound"),
    [
        ({}, True),
        ({"mask_disagreement": 2e-5}, False),
        ({"mask_disagreement": 2e-5, "precision": "bf16"}, True),
        ({"mask_disagreement": None, "embedding": 2e-4}, True),
        ({"mask_disagreement": None, "embedding": 2e-3}, False),
    ],
)
def test_parity_is_a_share_of_mask_pixels(changed: dict[str, Any], sound: bool) -> None:
    assert agrees({**LINE, **changed}, 1e-5) is sound


@pytest.fixture
def unserved(monkeypatch: pytest.MonkeyPatch) -> None:
    """No service is started: who gets that far fails at once, at what is asserted."""
    monkeypatch.setattr(http, "_served", lambda *_: iter(["a service was started"]))


@pytest.mark.usefixtures("unserved")
def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in ("torch", "cv2") else there(name))
    with pytest.raises(SystemExit, match="not installed: opencv-python-headless, torch"):
        script.main()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "fastapi" else there(name))
    (row,) = http.http_rows(plan.tiny("torch-cpu", 60), _network(), None)
    assert row == "| vit_b | not measured, not installed: fastapi | | | | | | |"


@pytest.mark.usefixtures("unserved")
def test_when_the_time_is_over_nothing_new_is_begun() -> None:
    (row,) = http.http_rows(plan.full("torch-cpu", -1), _network(), None)
    assert "not begun: the time is over" in row


def test_the_least_and_the_middle_of_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 9.0, 10.0, 13.0, 20.0, 21.0, 30.0, 32.0])
    stand_in = SimpleNamespace(perf_counter=lambda: next(clock), process_time=lambda: 0.0)
    monkeypatch.setattr(plan, "time", stand_in)
    ran: list[str] = []
    least = plan.least_by_turns(lambda: ran.append("a"), lambda: ran.append("b"), lambda: None, 1)
    assert (least, ran) == ([(2.0, 0.0), (1.0, 0.0)], ["a", "b", "b", "a"])
    clock = iter([0.0, 9.0, 0.0, 9.0, 0.0, 9.0, 10.0, 13.0, 20.0, 21.0, 30.0, 32.0])
    assert plan.middle(lambda: None, lambda: None, 3) == 2.0


def test_every_line_of_the_script_is_printed() -> None:
    pytest.importorskip("torch")
    from bench.speed.gpu import report

    text = "\n".join(report.whole(plan.tiny("torch-cpu", 100), None, "f32"))
    for words in (
        "vit_b (tiny) | f32 | folded | 1",
        "| bias | 2",
        "mobile_sam (tiny) | f32",
        "over HTTP",
        "its steps",
    ):
        assert words in text
    assert "not measured" not in text and "Error" not in text, text


def test_how_the_reference_compares_is_said() -> None:
    pytest.importorskip("torch")
    from bench.speed.gpu import reference

    text = reference.said("vit_b", "f32", [(2.0, 8.0), (1.0, 2.0)], [(0.5, 1.5), (0.25, 1.0)], 1.5e-6)
    for words in (
        "2000.0 ms (8.00 core-seconds) a picture and 500.0 ms (1.50) a box",
        "2.00 × a picture, in core-seconds 4.00 ×, 1.50 × a box",
        "1.5e-06",
    ):
        assert words in text


def _network() -> Any:
    from bench.speed.gpu.drawn import Network

    return Network("vit_b", {}, None)  # type: ignore[arg-type]
