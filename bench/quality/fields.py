"""Every tuned number by its dotted name (``face.far_yaw``), with its unit and what it says: read off the tuning
classes.
"""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, get_args, get_type_hints

from sam_mask_service.actions import tuning as actions
from sam_mask_service.faces import tuning as faces
from sam_mask_service.sam import tuning as sam
from sam_mask_service.segment import tuning as segment


@dataclass(frozen=True, slots=True)
class Tunings:
    """All trees. Their parts have different names, so that a part alone says which tree it hangs on."""

    find: faces.Tuning = faces.TUNED
    draw: segment.Tuning = segment.TUNED
    act: actions.Tuning = actions.TUNED
    run: sam.Tuning = sam.TUNED

    @property
    def trees(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def root(self, part: str) -> str:
        """``find``, ``draw``, ``act`` or ``run``. Raises KeyError for a part that none of them has."""
        for name, tree in self.trees.items():
            if any(field.name == part for field in fields(tree)):
                return name
        raise KeyError(part)


@dataclass(frozen=True, slots=True)
class Field:
    """``name``: dotted; ``value``: as it is now; ``says``: one sentence."""

    name: str
    value: Any
    unit: str
    says: str

    @property
    def part(self) -> str:
        return self.name.split(".")[0]


def every(tunings: Tunings = Tunings()) -> Iterator[Field]:
    """All fields, in the order they stand in."""
    for tree in tunings.trees.values():
        for part in fields(tree):
            yield from _of(part.name, getattr(tree, part.name))


def _of(path: str, tuning: Any) -> Iterator[Field]:
    kind: type = type(tuning)
    said, units = sentences(kind), _hints(kind)
    for field in fields(tuning):
        value, name = getattr(tuning, field.name), f"{path}.{field.name}"
        if is_dataclass(value):
            yield from _of(name, value)
        elif not isinstance(value, str):
            yield Field(name, value, unit(units[field.name]), said.get(field.name, ""))


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


@functools.cache
def sentences(kind: type) -> dict[str, str]:
    """The text below each field of a class."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)
    out = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        is_text = isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and is_text:
            out[field.target.id] = " ".join(str(text.value.value).split())  # type: ignore[attr-defined]
    return out


def unit(hint: Any) -> str:
    """The word of ``sam_mask_service.units`` in a type, also in that of a tuple."""
    if hint is bool:
        return "yes or no"
    return next(iter(getattr(hint, "__metadata__", ())), "") or next((unit(part) for part in get_args(hint)), "")


def found(tunings: Tunings, name: str) -> Any:
    """The value under a dotted name. Raises KeyError for an unknown one."""
    part, *rest = name.split(".")
    value: Any = getattr(getattr(tunings, tunings.root(part)), part)
    for word in rest:
        if not is_dataclass(value) or word not in {field.name for field in fields(value)}:
            raise KeyError(name)
        value = getattr(value, word)
    return value


def changed(tunings: Tunings, name: str, value: Any) -> Tunings:
    """All trees with another value under a dotted name."""
    path = [tunings.root(name.split(".")[0]), *name.split(".")]
    out: Tunings = _changed(tunings, path, value)
    return out


def _changed(tuning: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    return replace(tuning, **{path[0]: _changed(getattr(tuning, path[0]), path[1:], value)})


def scaled(value: Any, factor: float) -> Any:
    """The value times a factor: whole numbers stay whole and move by one at least; True and False change places."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, tuple):
        return tuple(scaled(one, factor) for one in value)
    if isinstance(value, int):
        return max(0, round(value * factor), value + 1) if factor > 1 else max(0, min(round(value * factor), value - 1))
    return value * factor


def read(text: str, like: Any) -> Any:
    """``0.2``, ``3``, ``true`` or, for a tuple, ``0.1:0.35``. Raises ValueError for what is no such value."""
    if isinstance(like, tuple):
        parts = text.split(":")
        if len(parts) != len(like):
            raise ValueError(f"{text}: {len(like)} numbers with colons between")
        return tuple(read(one, kind) for one, kind in zip(parts, like, strict=True))
    if isinstance(like, bool):
        return {"true": True, "false": False}[text.lower()]
    return type(like)(text)
