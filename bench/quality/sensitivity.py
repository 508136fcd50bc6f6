"""Which tuned numbers of drawing a measurement can tell from others: each moved by ±30 %, ``bench.quality.tune --sensitivity``.

Two engines draw the same pictures: SAM without small networks, and the mesh engine with both. What a field changes is the largest
change of the mean IoU in either of them. Parts that were measured stay in ``out/quality/sensitivity.json``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from bench.quality import OUT
from bench.quality.fields import Field, Tunings, changed, every, scaled
from bench.quality.judges import FINDING, Judge, OnceEncoded, Setup, judge_of, real_sam
from bench.quality_report import table, write

KEPT: Final = OUT / "sensitivity.json"
LEAST: Final = 5e-4
"""A smaller change of the mean IoU is none."""
MOVES: Final = (0.7, 1.3)
ELSEWHERE: Final = frozenset({*FINDING, "score", "matte", "line", "hairline", "part", "correction", "view"})
"""Parts that other figures than the IoU of outlines tell, or that cost an encoder's run for each value."""
MESH_ALONE: Final = frozenset({"face", "head", "colour", "cut", "mesh", "prior", "window", "refine"})
"""Parts that count without SAM too."""


def measured(parts: Sequence[str], most: int) -> None:
    """Measures the parts, and writes what all that were measured say into docs/quality.md."""
    kept: dict[str, float] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    backend = OnceEncoded(real_sam())
    for part in parts or dict.fromkeys(f.part for f in every() if f.part not in ELSEWHERE):
        judges = [judge_of(part, Setup("all", most), backend)]
        if part in MESH_ALONE:
            judges.append(judge_of(part, Setup("all", most, nets=True), None))
        for field in every():
            if field.part == part:
                kept[field.name] = effect(field, judges)
                print(f"{field.name:28} {kept[field.name]:.5f}", flush=True)
        OUT.mkdir(parents=True, exist_ok=True)
        KEPT.write_text(json.dumps(kept, indent=1))
    write("sensitivity", page(kept))


def effect(field: Field, judges: Sequence[Judge]) -> float:
    """The largest change of the mean IoU."""
    out = 0.0
    for judge in judges:
        before = _iou(judge, Tunings())
        moved = [changed(Tunings(), field.name, scaled(field.value, factor)) for factor in MOVES]
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
    """The table of those that change nothing, and how many do."""
    still = [field for field in every() if kept.get(field.name, 1.0) < LEAST]
    rows = [[f"`{f.name}`", str(f.value), f.unit, f"{kept[f.name]:.5f}"] for f in still]
    text = (
        f"Of {len(kept)} fields measured {len(rows)} change the mean IoU by less than {LEAST:.4f} when moved by 30 %:"
    )
    return f"{text}\n\n{table(['field', 'value', 'unit', 'change'], rows)}"
