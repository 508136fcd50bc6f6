"""How callers write values: the same number or truth value as JSON, as text in a form, as a whole float of a script."""

from __future__ import annotations

import json
import re
import types
import typing
from typing import Annotated, Any, Union

_WHOLE = re.compile(r"[+-]?\d{1,18}(\.0{0,18})?", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d{1,18}(\.\d{0,18})?|\.\d{1,18})([eE][+-]?\d{1,3})?", re.ASCII)
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


def read(annotation: Any, value: Any) -> Any:
    """``value`` as the plain type of a field's ``annotation`` where it is written in another way; else unchanged, for
    the model to refuse.

    >>> read(int, "5"), read(int, 5.0), read(bool, "true"), read(list[int], "0,2"), read(list[int], ["0", 2.0])
    (5, 5, True, [0, 2], [0, 2])
    """
    kinds = kinds_of(annotation)
    if isinstance(value, str) and kinds & {list, dict}:
        value = _structure(value)
    if isinstance(value, list) and list in kinds:
        return [read(_item(annotation), each) for each in value]
    if isinstance(value, str):
        return _from_text(value, kinds)
    return _from_number(value, kinds)


def kinds_of(annotation: Any) -> set[Any]:
    """The plain types in a field's annotation: {int}, {bool}, {list}, {int, NoneType}, …"""
    origin = typing.get_origin(annotation)
    if origin in (Union, types.UnionType):
        return set().union(*(kinds_of(arg) for arg in typing.get_args(annotation)))
    if origin is Annotated:
        return kinds_of(typing.get_args(annotation)[0])
    return {origin or annotation}


def _item(annotation: Any) -> Any:
    """What a list's annotation says of its items."""
    if typing.get_origin(annotation) is list:
        return typing.get_args(annotation)[0]
    return next((_item(part) for part in typing.get_args(annotation) if list in kinds_of(part)), Any)


def _from_text(text: str, kinds: set[Any]) -> Any:
    bare = text.strip()
    if bool in kinds:
        return _BOOLEANS.get(bare.lower(), text)
    if int in kinds and _WHOLE.fullmatch(bare):
        return int(bare.partition(".")[0])
    if float in kinds and _DECIMAL.fullmatch(bare):
        return float(bare)
    return text


def _from_number(value: Any, kinds: set[Any]) -> Any:
    """A truth value is no number here, though Python takes it for one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    if bool in kinds:
        return bool(value) if value in (0, 1) else value
    if int in kinds and isinstance(value, float) and value.is_integer():
        return int(value)
    if float in kinds and isinstance(value, int) and abs(value) < 1 << 53:
        return float(value)
    return value


def _structure(text: str) -> Any:
    """``0,2`` or ``[0, 2]`` or JSON of a list of lists or of an object."""
    bare = text.strip()
    if bare.startswith(("[", "{")):
        try:
            return json.loads(bare)
        except (ValueError, RecursionError):
            return text
    return bare.split(",") if bare else text
