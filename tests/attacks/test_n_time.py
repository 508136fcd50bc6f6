"""N01, N10: no request ends the process or outlives its deadline: what a step costs, and when it asks. Nothing is
timed.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from sam_mask_service import mask
from sam_mask_service.deadline import Deadline
from sam_mask_service.errors import DeadlinePassed
from sam_mask_service.gate import Gate
from sam_mask_service.geometry import Bits, Box, Face, PixelBox
from sam_mask_service.http import server as server_module
from sam_mask_service.image import encode as encode_image
from sam_mask_service.params import MaskParams
from sam_mask_service.patch import Finish, Patch, SoftPatch
from sam_mask_service.pulse import Pulse
from sam_mask_service.segment.segmenter import FaceMask
from sam_mask_service.targets import TARGETS, encode
from sam_mask_service.tasks import MASK
from sam_mask_service.tasks.steps import Work
from sam_mask_service.tasks.values import Detection, MaskedFace

from ..support.scene import picture
from ..support.wire import started
from .test_i_processes import back, poison

targets_encode = importlib.import_module("sam_mask_service.targets.encode")


def disc(side: int) -> Bits:
    y, x = np.mgrid[:side, :side] - side / 2
    return np.asarray(np.hypot(y, x) < side * 0.4)


class Late:
    """A deadline's question that raises at the ``after``-th time."""

    def __init__(self, after: int = 10**9) -> None:
        self.after, self.asked = after, 0

    def __call__(self) -> None:
        self.asked += 1
        if self.asked > self.after:
            raise DeadlinePassed


@pytest.mark.parametrize("passes", [10, 100])
def test_n01_smoothing_costs_the_same_however_much_is_smoothed(monkeypatch: pytest.MonkeyPatch, passes: int) -> None:
    """Default parameters blurred 50 megapixels with hundreds of taps: 10 s, and 100 passes over 80 s."""
    seen: list[tuple[int, float]] = []
    real = cv2.GaussianBlur

    def blur(array: Any, size: Any, sigma: float, **options: Any) -> Any:
        seen.append((array.size, sigma))
        return real(array, size, sigma, **options)

    monkeypatch.setattr(cv2, "GaussianBlur", blur)
    bits = disc(2048)
    smoothed = mask.smooth(bits, passes)
    [(pixels, sigma)] = seen
    assert sigma < 2 * mask._GRID_SIGMA
    assert pixels * sigma < bits.size * mask._GRID_SIGMA / 2
    assert mask.iou(smoothed, bits) > 0.99


def test_n01_the_grid_gives_the_outline_of_the_exact_filter() -> None:
    y, x = np.mgrid[:900, :900] - 450.0
    bits = np.asarray(np.hypot(y, x) < 300 * (1 + 0.1 * np.sin(7 * np.arctan2(y, x))))
    white = bits.view(np.uint8) * np.uint8(255)
    exact = np.asarray(cv2.GaussianBlur(white.astype(np.float32), (0, 0), 20.0) >= 127.5)
    grid = mask._gaussian_on_grid(white, 20.0, 5) >= 127.5
    outline = np.count_nonzero(exact ^ cv2.erode(exact.view(np.uint8), np.ones((3, 3), np.uint8)).astype(bool))
    assert np.count_nonzero(exact ^ grid) < 0.1 * outline


@pytest.mark.parametrize("work", [lambda b, c: mask.expand(b, 200, c), lambda b, c: mask.expand(b, -200, c),
                                  lambda b, c: mask.feather(b, 200, c)])  # fmt: skip
def test_n01_large_masks_are_looked_at_in_tiles_that_change_nothing(
    monkeypatch: pytest.MonkeyPatch, work: Callable[[Bits, Any], Any]
) -> None:
    bits, check = disc(2200), Late()
    bits[:40, 50:60] = True
    tiled = work(bits, check)
    assert check.asked >= 4
    monkeypatch.setattr(mask, "_TILE", 10**6)
    whole = work(bits, Late())
    assert np.abs(tiled.astype(int) - whole.astype(int)).max() <= 1  # a wide feather's grid begins elsewhere


def test_n01_growing_ends_at_the_deadline() -> None:
    late = Late(2)
    with pytest.raises(DeadlinePassed):
        Patch(0, 0, disc(2200)).finished(Finish(50, 10, 50), 2200, 2200, late)
    assert late.asked == 3


def test_n01_sizes_are_estimated_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A noisy picture for a consumer of few bytes was packed at level 1, at level 9, a fifth smaller, and so on: over
    80 s.
    """
    packed: list[int] = []

    def counted(pixels: Any, *args: Any, **options: Any) -> bytes:
        packed.append(pixels.shape[0] * pixels.shape[1])
        return encode_image(pixels, *args, **options)

    def never(_: Any) -> bytes:
        raise AssertionError("level 9 on a large mask")

    monkeypatch.setattr(targets_encode, "encode_image", counted)
    monkeypatch.setattr(targets_encode, "_smallest_png", never)
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (1500, 1500, 3)).astype(np.uint8)
    alpha = rng.integers(0, 256, (1500, 1500)).astype(np.uint8)
    row = TARGETS["comfyui"]
    small = replace(row, max_mask_bytes=200_000)
    made = encode(alpha, rgb, small)
    assert len(made.mask) <= 200_000
    assert len(made.mask) > 100_000, "much smaller than it had to be"
    assert sum(packed) < 4 * 1500 * 1500


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_n01_packing_asks_its_deadline(kind: Any) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (900, 900, 3)).astype(np.uint8)
    late = Late(1)
    with pytest.raises(DeadlinePassed):
        encode_image(noise, kind, check=late if kind == "png" else Late(0))
    assert encode_image(noise, kind, check=Late())


def test_n01_each_of_many_faces_asks_the_deadline() -> None:
    """``mode=separate`` packed 64 pictures of 50 megapixels in one step."""
    steps = {step.name: step.do for step in MASK.steps}
    for mode in ("separate", "crop"):
        assert _asked_per_face(steps["encode"], mode) >= 3


def _asked_per_face(encode_step: Callable[[Any], None], mode: str) -> int:
    work, late = Work.__new__(Work), Late()
    face, box = Face(Box(5, 5, 9, 9), 0.9), PixelBox(2, 2, 20, 20)
    one = FaceMask(Patch(5, 5, disc(9)), 0.9, 0.9)
    finished = SoftPatch(5, 5, np.full((9, 9), 255, np.uint8))
    work.masked = tuple(MaskedFace(n, face, box, one, finished, ()) for n in range(3))
    work.crops = tuple((box, np.zeros((20, 20, 3), np.uint8)) for _ in range(3))
    work.wanted, work.seen = MaskParams(mode=mode), Detection(64, 64, (face,) * 3)  # type: ignore[arg-type]
    work.deadline = type("D", (), {"check": late})()
    encode_step(work)
    return late.asked


# --- the rule that ends a process -------------------------------------------------------------------------------------


def held(work: Callable[[threading.Event], object], seconds: float) -> bool:
    """Whether a gate whose one slot is held by ``work`` for longer than ``seconds`` counts as hanging."""

    async def scene() -> bool:
        gate, go = Gate(1, 0), threading.Event()
        task = asyncio.create_task(gate.run(lambda: work(go), Deadline.after(60)))
        seen = False
        for _ in range(8):
            await asyncio.sleep(seconds / 4)
            seen = gate.hanging(seconds)
        go.set()
        await task
        await gate.idle()
        gate.close()
        return seen

    return asyncio.run(scene())


def compute(go: threading.Event) -> None:
    while not go.is_set():
        sum(range(1000))


def test_n01_work_that_computes_does_not_hang() -> None:
    """Two long steps of two legal requests ended the process, and everybody else's work with it."""
    assert not held(compute, 0.4)


def wait(go: threading.Event) -> None:
    go.wait(30)


def test_n01_work_that_waits_for_ever_hangs() -> None:
    assert held(wait, 0.4)


def test_n01_what_computes_for_ever_hangs_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = [0.0]
    monkeypatch.setattr(Pulse, "_cpu", lambda _: cpu[0])
    pulse, now = Pulse(), time.monotonic()
    pulse.begin()
    monkeypatch.setattr(time, "monotonic", lambda: now + cpu[0])
    for _ in range(9):
        cpu[0] += 1.0
        assert not pulse.still(1.0)
    cpu[0] += 2.0
    assert pulse.still(1.0)


# --- a crash ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 3])
def test_n01_serve_has_a_supervisor(monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    """A worker that ended took ``sam-mask serve`` along."""
    seen: list[list[str]] = []

    def execute(_: Any, command: list[str]) -> None:
        seen.append(command)
        raise SystemExit

    monkeypatch.setattr(os, "execv", execute)
    with pytest.raises(SystemExit):
        server_module.serve("::1", 8740, workers)
    [command] = seen
    assert command[1:3] == ["-m", "gunicorn"]
    assert command[command.index("--workers") + 1] == str(workers)
    assert command[command.index("--bind") + 1] == "[::1]:8740"


@pytest.mark.server
def test_n01_what_a_crash_loses_is_said(tmp_path: Path) -> None:
    with started("gunicorn", tmp_path, FAKE_POISON="abort") as server:
        poison(server)
        back(server)
        assert "pictures uploaded to /images are lost" in server.logged()
        assert server.post(content=picture(), headers={"Content-Type": "image/png"}).status_code == 200
