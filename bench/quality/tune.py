"""Sweeps tuned numbers on one half of the labelled pictures, and reports the other half beside the numbers as they are.

    python -m bench.quality.tune --list [--part face]                      every number, its unit and what it says
    python -m bench.quality.tune face.far_yaw=0.2,0.3,0.4 --half a         some values of some fields, in turn
    python -m bench.quality.tune face.jaw=0.1:0.3,0.1:0.4 high.weak=0.15   pairs with a colon between
    python -m bench.quality.tune --part face_trust [--field gain] [--rounds 1]   each field × 0.5, 0.75, 1.5, 2

What is better by more than noise is kept for the fields that follow. The half is by the MD5 of a picture's name (a:
``dev``, b: ``held``). What is maximised and on which pictures stands with each judge (``bench/quality/judges.py``). The
real MobileSAM encodes each picture once. ``--sensitivity`` moves every field of drawing by a third and lists in
docs/quality.md those that change nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2

from bench.quality.fields import Tunings, changed, every, found, read, scaled
from bench.quality.judges import OnceEncoded, judge_of, real_sam, without_sam
from bench.quality.setup import Figures, Judge, Setup

FACTORS: Final = (0.5, 0.75, 1.5, 2.0)
GAIN: Final = 2e-4
"""A smaller step up is noise."""
HALVES: Final = {"a": "dev", "b": "held", "dev": "dev", "held": "held"}
Values = dict[str, list[Any]]
"""Dotted name → the values to try."""
Judges = Callable[[str, str], Judge]
"""Who judges a part on a half."""


def wanted(specs: Sequence[str]) -> Values:
    """``part.field=1,2``, each value as the field's own is. Raises SystemExit, naming what is wrong."""
    out: Values = {}
    for spec in specs:
        name, _, texts = spec.partition("=")
        try:
            like = found(Tunings(), name)
            out[name] = [read(text, like) for text in texts.split(",")]
        except (KeyError, ValueError) as e:
            raise SystemExit(f"{spec}: no such number or value ({e}); --list shows all.") from e
    return out


def of_part(part: str, only: str | None) -> Values:
    """Each field of a part times FACTORS."""
    fields = [field for field in every() if field.part == part and only in (None, field.name.partition(".")[2])]
    if not fields:
        raise SystemExit(f"{part}{'.' + only if only else ''}: no such number; --list shows all.")
    return {field.name: _tries(field.value) for field in fields}


def _tries(value: Any) -> list[Any]:
    return [not value] if isinstance(value, bool) else [scaled(value, factor) for factor in FACTORS]


@dataclass(frozen=True, slots=True)
class Best:
    """The numbers kept so far, and what changed in them."""

    tunings: Tunings
    changes: dict[str, Any]


def swept(values: Values, judges: Judges, half: str, best: Best) -> Best:
    """Each field in turn on one half, from the ``best`` numbers so far; what is better is kept."""
    tops: dict[int, float] = {}
    for name, tries in values.items():
        judge = judges(name.split(".")[0], half)
        if id(judge) not in tops:
            figures = judge.score(best.tunings)
            tops[id(judge)] = judge.value(figures)
            print(f"{'as it is':34} {said(figures)}", flush=True)
        for value in tries:
            one = changed(best.tunings, name, value)
            figures = judge.score(one)
            better = judge.value(figures) > tops[id(judge)] + GAIN
            print(f"{f'{name} = {shown(value)}':34} {said(figures)}{'  *' if better else ''}", flush=True)
            if better:
                best, tops[id(judge)] = Best(one, {**best.changes, name: value}), judge.value(figures)
    return best


def compared(best: Best, parts: Sequence[str], judges: Judges, half: str) -> None:
    """The numbers as they are beside the best ones, on pictures that chose nothing."""
    print(f"kept: {', '.join(f'{k} = {shown(v)}' for k, v in best.changes.items()) or 'nothing'}\nthe other half:")
    for judge in dict.fromkeys(judges(part, half) for part in parts):
        print(f"{'as it is':34} {said(judge.score(Tunings()))}")
        print(f"{'kept':34} {said(judge.score(best.tunings))}", flush=True)


def shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ":".join(shown(one) for one in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def said(figures: Figures) -> str:
    return "  ".join(f"{name} {value:.4f}" for name, value in figures.items())


def listed(part: str | None) -> Iterator[str]:
    for field in every():
        if part in (None, field.part):
            yield f"{field.name:28} {shown(field.value):22} {field.unit:18} {field.says}"


class Bench:
    """The judges of a run: SAM is loaded when the first of them wants it, and parts that look at the same share one."""

    def __init__(self, most: int, nets: bool, engine: str, yunet: Path | None) -> None:
        self._most, self._nets, self._engine, self._yunet = most, nets, engine, yunet
        self._backend: OnceEncoded | None = None
        self._judges: dict[tuple[str, str], Judge] = {}

    def __call__(self, part: str, half: str) -> Judge:
        if (part, half) not in self._judges:
            setup = Setup(half, self._most, self._nets)
            backend = None if without_sam(part) or self._engine == "mesh" else self._sam()
            self._judges[part, half] = judge_of(part, setup, backend, self._yunet)
        return self._judges[part, half]

    def _sam(self) -> OnceEncoded:
        self._backend = self._backend or OnceEncoded(real_sam())
        return self._backend


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = list(dict.fromkeys(field.part for field in every()))
    parser.add_argument("specs", nargs="*", metavar="part.field=value,value")
    parser.add_argument("--list", action="store_true", help="every number, its unit and what it says")
    parser.add_argument("--part", choices=parts)
    parser.add_argument("--field", help="of the part; default: all")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--half", choices=list(HALVES), default="a", help="the half that chooses")
    parser.add_argument("--pictures", type=int, default=0, help="at most so many of a set; 0: all")
    parser.add_argument("--engine", choices=("sam", "mesh"), default="sam")
    parser.add_argument("--nets", action="store_true", help="with the hair and the face-parsing network")
    parser.add_argument("--yunet", type=Path, help="YuNet's file, for the parts that find faces")
    parser.add_argument("--sensitivity", nargs="*", metavar="part", help="which fields change nothing; default: all")
    return parser.parse_args()


def main() -> None:
    asked = options()
    if asked.list:
        print("\n".join(listed(asked.part)))
        return
    cv2.setNumThreads(1)
    if asked.sensitivity is not None:
        from bench.quality.sensitivity import measured

        measured(asked.sensitivity, asked.pictures or 2)
        return
    if not asked.specs and not asked.part:
        raise SystemExit("Name fields (part.field=1,2), or --part, or --list.")
    values = wanted(asked.specs) | (of_part(asked.part, asked.field) if asked.part else {})
    half = HALVES[asked.half]
    judges, parts = (
        Bench(asked.pictures, asked.nets, asked.engine, asked.yunet),
        {name.split(".")[0] for name in values},
    )
    best = Best(Tunings(), {})
    for _ in range(asked.rounds):
        best = swept(values, judges, half, best)
    compared(best, sorted(parts), judges, "held" if half == "dev" else "dev")


if __name__ == "__main__":
    main()
