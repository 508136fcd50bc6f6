"""Which tuned numbers of drawing a measurement can tell from others: each moved by ±30 %, ``bench.quality.tune
--sensitivity``.

Two engines draw the same pictures: SAM without small networks, and with both of them the mesh engine, or SAM for its
own numbers. What a field changes is the largest change of the mean IoU in either of them. Parts that were measured stay
in ``out/quality/sensitivity.json``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from bench.quality import OUT
from bench.quality.action_judges import ACTING
from bench.quality.fields import Field, Tunings, changed, every, scaled
from bench.quality.judges import FINDING, OWN, MaskJudge, OnceEncoded, real_sam
from bench.quality.report import table, write
from bench.quality.score_masks_local import together
from bench.quality.setup import Judge, Setup
from sam_mask_service.geometry import RGB, Bits
from sam_mask_service.segment.segmenter import FaceMask

KEPT: Final = OUT / "sensitivity.json"
LEAST: Final = 5e-4
"""A smaller change of the mean IoU is none."""
MOVES: Final = (0.7, 1.3)
ELSEWHERE: Final = frozenset(
    {*FINDING, *ACTING, "advice", "score", "matte", "line", "hairline", "part", "correction", "view"}
)
"""Parts that other figures than the IoU of outlines tell, or that cost an encoder's run for each value."""
SCORED: Final = frozenset({"face.clear_band", "face.clear_least", "face.clear"})
"""Fields that tell a mask's score and leave the mask as it is."""
MESH_ALONE: Final = frozenset({"face", "head", "colour", "cut", "mesh", "prior", "window", "refine"})
"""Parts that count without SAM too."""


def measured(parts: Sequence[str], most: int) -> None:
    """Measures the parts, and writes what all that were measured say into docs/quality.md."""
    backend = OnceEncoded(real_sam())
    OUT.mkdir(parents=True, exist_ok=True)
    for part in parts or dict.fromkeys(f.part for f in every() if f.part not in ELSEWHERE):
        regions, second = OWN.get(part, ("face", "head")), None if part in MESH_ALONE else backend
        judges = [Quick(Setup("all", most), backend, regions), Quick(Setup("all", most, nets=True), second, regions)]
        for field in every():
            if field.part == part and field.name not in SCORED:
                moved = effect(field, judges)
                print(f"{field.name:28} {moved:.5f}", flush=True)
                KEPT.write_text(json.dumps({**_kept(), field.name: moved}, indent=1))
    write("sensitivity", page(_kept()))


def _kept() -> dict[str, float]:
    kept: dict[str, float] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    return kept


class Quick(MaskJudge):
    """IoU alone, on a few pictures; each small network looks once at each window."""

    def __init__(self, setup: Setup, backend: OnceEncoded | None, regions: Sequence[str]) -> None:
        super().__init__(setup, backend, regions)
        nets = self.mesh._nets
        once = {name: Once(getattr(nets, name)) for name in ("person", "hair", "parsing") if getattr(nets, name)}
        self.mesh._nets = replace(nets, **once)  # type: ignore[arg-type]

    def compared(self, masks: Sequence[FaceMask], truth: Bits, valid: Bits, diagonal: float) -> tuple[float, ...]:  # noqa: ARG002
        got = together(list(masks), truth.shape)
        either = int(np.count_nonzero((got | truth) & valid))
        return int(np.count_nonzero(got & truth & valid)) / max(1, either), 0.0, float("nan"), float("nan")


class Once:
    """A network that answers each window once."""

    def __init__(self, net: Any) -> None:
        self._net, self.size = net, net.size
        self._answers: dict[bytes, Any] = {}

    def __call__(self, rgb: RGB) -> Any:
        key = hashlib.sha256(rgb.tobytes()).digest()
        if key not in self._answers:
            self._answers[key] = self._net(rgb)
        return self._answers[key]


def effect(field: Field, judges: Sequence[Judge]) -> float:
    """The largest change of the mean IoU."""
    out = 0.0
    for judge in judges:
        before = _iou(judge, Tunings())
        tries = [0.1] if field.value == 0 else [scaled(field.value, factor) for factor in MOVES]
        moved = [changed(Tunings(), field.name, value) for value in tries]
        out = max([out, *(abs(_iou(judge, one) - before) for one in moved)])
    return out


_BEFORE: dict[int, float] = {}


def _iou(judge: Judge, tunings: Tunings) -> float:
    if tunings == Tunings():
        if id(judge) not in _BEFORE:
            _BEFORE[id(judge)] = _mean(judge, tunings)
        return _BEFORE[id(judge)]
    return _mean(judge, tunings)


def _mean(judge: Judge, tunings: Tunings) -> float:
    figures = judge.score(tunings)
    return (figures["IoU"] + figures["CelebA"]) / 2


def page(kept: dict[str, float]) -> str:
    """The table of those that change nothing, and of which parts."""
    known = [field for field in every() if field.name in kept and field.name not in SCORED]
    still = [field for field in known if kept[field.name] < LEAST]
    rows = [[f"`{f.name}`", str(f.value), f.unit, f"{kept[f.name]:.5f}"] for f in still]
    parts = ", ".join(
        f"{sum(field.part == part for field in known)} of `{part}`" for part in dict.fromkeys(f.part for f in known)
    )
    text = (
        f"Of {len(known)} fields ({parts}) {len(rows)} change the mean IoU by less than {LEAST:.4f} when moved by 30 %:"
    )
    return f"{text}\n\n{table(['field', 'value', 'unit', 'change'], rows)}"
