"""A tuned number is a field with a unit and a sentence: none stands in a function, none at the top of a module.

Allowed where they stand: 0, ½, 1, 2, powers of ten below one as guards, and what is no tuning but a definition
(``FIXED``).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from bench.quality import tune
from bench.quality.fields import Field, Tunings, changed, every, found, read, scaled

SOURCE = Path(__file__).resolve().parent.parent / "src" / "sam_mask_service"
FILES = [
    path
    for folder in ("segment", "faces")
    for path in sorted((SOURCE / folder).rglob("*.py"))
    if "tuning" not in path.parts and path.name not in ("fake.py", "ensemble.py")
]
"""But for the ensemble's rows, which hold a network's own numbers, each a field with its meaning."""
FREE = {0.0, 0.5, 1.0, 2.0}
GUARD = re.compile(r"1e-\d+")
FIXED: dict[str, dict[str, str]] = {
    "faces/blaze.py": {"0.3": "NMS as mediapipe has it", "100.0": "clipped as mediapipe", "127.5": "pixels to −1…1"},
    "faces/yunet.py": {"0.3": "NMS as OpenCV has it", "8.0": "e⁸ cells are more than any window"},
    "faces/landmarker.py": {"1.5": "the window as mediapipe has it"},
    "segment/crop.py": {"0.2": "no interpolation reaches ½ below it"},
    "segment/mincut.py": {"1e7": "a channel that is not to be seen"},
    "segment/nets.py": {"127.5": "pixels to −1…1"},
    "segment/prompts.py": {"32.0": "logits as Meta's code bounds them"},
    "segment/regions.py": {"0.7": "how near a misspelt word is"},
}
"""File → numbers that a definition or another's code gives, and whose."""


def floats(path: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of every number with a point or an exponent that is not free."""
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            written = ast.get_source_segment(text, node) or ""
            if node.value not in FREE and not GUARD.fullmatch(written):
                yield node.lineno, written


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_number_is_welded_in(path: Path) -> None:
    known = FIXED.get(str(path.relative_to(SOURCE)), {})
    wrong = [f"line {line}: {text}" for line, text in floats(path) if text not in known]
    assert not wrong, f"{', '.join(wrong)}: make it a field of the folder's tuning/, or name in FIXED whose it is"


def test_every_fixed_number_is_there() -> None:
    for name, numbers in FIXED.items():
        assert set(numbers) <= {text for _, text in floats(SOURCE / name)}, name


@pytest.mark.parametrize("text", ["X = 0.35", "def f(x):\n    return x * 1.7", "def f(x=0.1): ...", "Y = 2e-5"])
def test_a_new_number_is_seen(text: str, tmp_path: Path) -> None:
    path = tmp_path / "new.py"
    path.write_text(f"{text}\nZ = 0.5 + 1e-6 + 2.0\n")
    assert len(list(floats(path))) == 1


ALL = list(every())


@pytest.mark.parametrize("field", ALL, ids=lambda field: field.name)
def test_a_field_says_what_it_is(field: Field) -> None:
    assert field.unit, "its type is a unit of sam_mask_service.units"
    assert field.says.endswith(".") and ". " not in field.says, "one sentence below it"


def _classes(tuning: Any) -> Iterator[type]:
    yield type(tuning)
    for field in fields(tuning):
        if is_dataclass(getattr(tuning, field.name)):
            yield from _classes(getattr(tuning, field.name))


@pytest.mark.parametrize("tree", [Tunings().find, Tunings().draw], ids=["find", "draw"])
def test_the_objects_are_frozen_and_name_their_measure(tree: Any) -> None:
    for kind in list(_classes(tree))[1:]:
        assert kind.__dataclass_params__.frozen and hasattr(kind, "__slots__"), kind  # type: ignore[attr-defined]
        assert re.search(r"Measured by ``python -m bench\.", kind.__doc__ or ""), kind


def test_parts_have_names_of_their_own() -> None:
    names = [field.name for tree in (Tunings().find, Tunings().draw) for field in fields(tree)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("field", ALL, ids=lambda field: field.name)
def test_any_field_can_be_changed_by_its_name(field: Field) -> None:
    other = scaled(field.value, 1.3) if field.value not in (0, 0.0) else 0.1
    tunings = changed(Tunings(), field.name, other)
    assert found(tunings, field.name) == other != field.value
    assert [f.name for f in every(tunings) if f.value != found(Tunings(), f.name)] == [field.name]


def test_values_are_read_as_the_field_has_them() -> None:
    assert read("0.2", 0.5) == 0.2 and read("3", 2) == 3 and read("true", False) is True
    assert read("0.1:0.35", (0.0, 1.0)) == (0.1, 0.35)
    with pytest.raises(ValueError, match="2 numbers"):
        read("0.1", (0.0, 1.0))
    with pytest.raises(KeyError):
        found(Tunings(), "face.nothing")
    with pytest.raises(KeyError):
        found(Tunings(), "nobody.far")


class _Likes:
    """A judge to whom 0.4 is best, and who counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def score(self, tunings: Tunings) -> dict[str, float]:
        self.asked += 1
        return {"IoU": 1 - abs(tunings.draw.face.far_yaw - 0.4) - abs(tunings.draw.head.top - 2)}

    def value(self, figures: dict[str, float]) -> float:
        return figures["IoU"]


def test_a_sweep_keeps_what_is_better_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    likes = _Likes()
    values = tune.wanted(["face.far_yaw=0.35,0.4,0.5", "head.top=1.9,2.1"])
    best = tune.swept(values, lambda part, half: likes, "dev", tune.Best(Tunings(), {}))
    assert best.changes == {"face.far_yaw": 0.4} and best.tunings == changed(Tunings(), "face.far_yaw", 0.4)
    assert likes.asked == 1 + 3 + 2
    tune.compared(best, ["face", "head"], lambda part, half: likes, "held")
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in printed if line.startswith("face.far_yaw")] == ["*", "*", "0.9000"]
    assert printed[-3:][1].endswith("IoU 0.9000") and printed[-1].endswith("IoU 1.0000")


def test_an_unknown_name_or_value_is_refused() -> None:
    for spec in ("face.nothing=1", "face.far_yaw=wide", "face.jaw=0.2", "high.always=perhaps"):
        with pytest.raises(SystemExit, match=re.escape(spec)):
            tune.wanted([spec])
