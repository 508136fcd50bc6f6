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
    for folder in ("segment", "faces", "actions", "sam")
    for path in sorted((SOURCE / folder).rglob("*.py"))
    if "tuning" not in path.parts and path.name not in ("tuning.py", "fake.py", "ensemble.py")
]
"""But for the ensemble's rows, which hold a network's own numbers, each a field with its meaning."""
FREE = {0.0, 0.5, 1.0, 2.0}
GUARD = re.compile(r"1e-\d+")
FIXED: dict[str, dict[str, str]] = {
    "actions/composite.py": {"0.01": "by how much the aspect of a picture that is sent may be off"},
    "actions/cutout.py": dict.fromkeys(
        ["0.9", "0.7", "0.4", "0.75", "0.45", "25.4"], "the table of shapes, on paper; ICAO Doc 9303"
    ),
    "actions/hide.py": {"0.02": "room in the window around a hull; none of it is hidden"},
    "actions/params.py": {"1e6": "a limit of the wire", "3.0": "the feather that the API promises"},
    "faces/blaze.py": {"0.3": "NMS as mediapipe has it", "100.0": "clipped as mediapipe", "127.5": "pixels to −1…1"},
    "faces/yunet.py": {"0.3": "NMS as OpenCV has it", "8.0": "e⁸ cells are more than any window"},
    "faces/landmarker.py": {"1.5": "the window as mediapipe has it"},
    "sam/advice.py": {"0.758": "share of a ViT's GFLOP in fully connected layers"},
    "sam/batching.py": {"0.003": "in WHOLE"},
    "sam/decoder.py": {"1e9": "a token that no attention is to see"},
    "sam/frame.py": dict.fromkeys(
        ["123.675", "116.28", "103.53", "58.395", "57.12", "57.375"],
        "ImageNet's means and deviations, as Meta has them",
    ),
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


WHOLE: dict[str, dict[str, str]] = {
    "actions/anonymise.py": {
        "DEFAULT_STRENGTH": "the API promises it",
        "_BAND": "rows that are blended at a time: memory",
        "_SAMPLES": "memory",
        "_BORDERS": "time: what is larger is enlarged",
        "_DRAWN": "time: what is larger is enlarged",
    },
    "actions/composite.py": {"_ASPECT_TOLERANCE": "in FIXED"},
    "actions/cutout.py": {"MAX_FRAME": "a limit", "_TILE": "memory"},
    "actions/hide.py": {"_SEES_A_FACE": "the threshold of the mesh's own graph"},
    "actions/params.py": {
        "MAX_POINTS": "a limit of the wire",
        "MAX_BOXES": "a limit of the wire",
        "FARTHEST": "a limit of the wire",
    },
    "sam/advice.py": {"LINEAR": "in FIXED"},
    "sam/architectures/efficientvit.py": {"IMAGE_SIZE": "the model's", "_NO_CELL": "a guard"},
    "sam/architectures/tinyvit.py": {"IMAGE_SIZE": "the model's", "EPSILON": "the model's"},
    "sam/architectures/vit.py": {"EPSILON": "the model's"},
    "sam/batching.py": {"WINDOW_S": "seconds that a batch waits; no mask depends on them"},
    "sam/archive.py": dict.fromkeys(["MAX_ENTRIES", "MAX_TABLE_BYTES", "MAX_NAME"], "a limit"),
    "sam/checkpoint.py": dict.fromkeys(["MAX_BYTES", "MAX_PICKLE_BYTES", "MAX_TENSORS", "MAX_DIMS"], "a limit"),
    "sam/config.py": {"EMBEDDING_STRIDE": "the model's", "DECODER_HEADS": "the model's"},
    "sam/pickle_machine.py": dict.fromkeys(["MAX_STEPS", "MAX_INT_BYTES", "_MAX_LINE"], "a limit"),
}
"""File → the single numbers at its top that are no tuning, and what they are."""


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if path.is_relative_to(SOURCE / "actions") or path.is_relative_to(SOURCE / "sam")],
    ids=lambda path: str(path.relative_to(SOURCE)),
)
def test_single_numbers_at_the_top_are_known(path: Path) -> None:
    """Whole ones too."""
    known = WHOLE.get(str(path.relative_to(SOURCE)), {})
    assert set(_numbers(path)) == set(known), "make it a field of the folder's tuning.py, or say in WHOLE what it is"


def _numbers(path: Path) -> Iterator[str]:
    """Names that the module gives to one number each."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and _is_number(node.value):
            yield node.targets[0].id


def _is_number(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return _is_number(node.left) and _is_number(node.right)
    return isinstance(node, ast.Constant) and isinstance(node.value, (int, float))


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


@pytest.mark.parametrize("tree", Tunings().trees.values(), ids=Tunings().trees)
def test_the_objects_are_frozen_and_name_their_measure(tree: Any) -> None:
    for kind in list(_classes(tree))[1:]:
        assert kind.__dataclass_params__.frozen and hasattr(kind, "__slots__"), kind  # type: ignore[attr-defined]
        assert re.search(r"Measured by ``python -m bench\.", kind.__doc__ or ""), kind


def test_parts_have_names_of_their_own() -> None:
    names = [field.name for tree in Tunings().trees.values() for field in fields(tree)]
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


SIZES = ("pixels", "pixel count", "levels")
"""Whole by nature, and some given by a network's input or its windows' overlap."""
FINER = {
    "tile.overlap": "an eighth: windows then meet at whole cells",
    "head.reach": "a band and a quarter",
    "again.grey": "the middle of what a pixel can be",
}


@pytest.mark.parametrize("field", [f for f in ALL if f.unit not in SIZES and f.name not in FINER], ids=lambda f: f.name)
def test_a_number_is_as_round_as_two_digits(field: Field) -> None:
    """No set of pictures here tells a third digit from none (docs/quality.md, sensitivity)."""
    values = field.value if isinstance(field.value, tuple) else (field.value,)
    for value in values:
        if value is not None and not isinstance(value, bool):
            assert float(f"{value:.2g}") == value
