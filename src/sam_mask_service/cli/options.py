"""The API's parameters as command-line options: one per field, with dashes, read by the same rules."""

from __future__ import annotations

import functools
import inspect
import keyword
import types
import typing
from collections.abc import Callable, Collection, Iterable
from typing import Any, Literal

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typer.core import TyperCommand

PANEL = "Parameters (as in the API)"
_WORDS = {"true", "false", "1", "0"}
_METAVARS: dict[Any, str] = {int: "N", float: "X", bool: "[true|false]", str: "TEXT", list: "N,N"}


def with_options(
    *models: type[BaseModel], without: Collection[str] = ()
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Gives a command one option per field of ``models`` and hands it what was given, as text, in its keyword
    ``given``.

    A field that bears the name of one of the command's own options takes its place.
    The command then asks ``params.parse(…, textual=True)``, so that the command line says the same as the API.
    """
    fields = {name: field for name, field in fields_of(*models).items() if name not in without}

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def wrapper(**values: Any) -> Any:
            given = {name: _one_text(values.pop(_python_name(name), None)) for name in fields}
            return command(**values, given={name: value for name, value in given.items() if value is not None})

        own = [
            p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name not in {"given", *fields}
        ]
        signature = inspect.Signature([*own, *(_option(name, field) for name, field in fields.items())])
        wrapper.__signature__ = signature  # type: ignore[attr-defined]
        wrapper.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
        return wrapper

    return decorate


def fields_of(*models: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of all ``models``; where several have one, the first one's words are shown."""
    found: dict[str, FieldInfo] = {}
    for model in models:
        found = {**model.model_fields, **found}
    return found


def boolean_names(*models: type[BaseModel]) -> frozenset[str]:
    """The options of the boolean fields, without dashes in front: ``invert``, …"""
    return frozenset(
        name.replace("_", "-") for name, field in fields_of(*models).items() if bool in kinds(field.annotation)
    )


def plain_booleans(arguments: Iterable[str], names: frozenset[str]) -> list[str]:
    """``--invert`` and ``--no-invert`` beside ``--invert false``: written out as ``--invert=…`` before the parser sees
    them.

    >>> plain_booleans(["a.jpg", "--no-invert", "--invert", "0", "--invert"], frozenset({"invert"}))
    ['a.jpg', '--invert=false', '--invert=0', '--invert=true']
    """
    out: list[str] = []
    waiting = list(arguments)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            return [*out, word, *waiting]
        bare = word.removeprefix("--")
        if bare == word or bare.removeprefix("no-") not in names:
            out.append(word)
        elif bare not in names:
            out.append(f"--{bare.removeprefix('no-')}=false")
        else:
            value = waiting.pop(0) if waiting and waiting[0].lower() in _WORDS else "true"
            out.append(f"{word}={value}")
    return out


def command_class(*models: type[BaseModel]) -> type[TyperCommand]:
    """A command that takes the booleans of ``models`` with and without a value."""
    names = boolean_names(*models)

    class Command(TyperCommand):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            return super().parse_args(ctx, plain_booleans(args, names))

    return Command


def kinds(annotation: Any) -> set[Any]:
    """The plain types of a field: {int}, {bool}, {list}, {Literal}, …, without None."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return set().union(*(kinds(part) for part in typing.get_args(annotation))) - {type(None)}
    if origin is typing.Annotated:
        return kinds(typing.get_args(annotation)[0])
    return {origin or annotation}


def _python_name(name: str) -> str:
    return f"{name}_" if keyword.iskeyword(name) else name


def _one_text(value: Any) -> str | None:
    """What was given of an option, as one text; of a repeatable one all items together."""
    if not isinstance(value, (list, tuple)):
        return None if value is None else str(value)
    if len(value) < 2:
        return value[0] if value else None
    return (
        "["
        + ",".join(item if item.strip().startswith("[[") else f"[{item.strip().strip('[]')}]" for item in value)
        + "]"
    )


def _flags(name: str, repeatable: bool, switch: bool) -> list[str]:
    """``--boxes`` and, of a list of lists, ``--box`` for each of its items; ``--matte`` and ``--no-matte``, which is
    there to be read: ``plain_booleans`` has written it out before."""
    flag = f"--{name.replace('_', '-')}"
    if switch:
        return [flag, f"--no-{flag[2:]}"]
    return [flag, flag.removesuffix("es" if flag.endswith("xes") else "s")] if repeatable else [flag]


def _is_nested(annotation: Any) -> bool:
    """Whether a field is a list of lists."""
    if typing.get_origin(annotation) is list:
        return list in kinds(typing.get_args(annotation)[0])
    return any(_is_nested(part) for part in typing.get_args(annotation))


def _option(name: str, field: FieldInfo) -> inspect.Parameter:
    repeatable = _is_nested(field.annotation)
    option = typer.Option(
        None,
        *_flags(name, repeatable, bool in kinds(field.annotation)),
        help=_help(field),
        metavar="N,N,…" if repeatable else _metavar(field.annotation),
        show_default=False,
        rich_help_panel=PANEL,
    )
    kind: Any = list[str] | None if repeatable else str | None
    return inspect.Parameter(_python_name(name), inspect.Parameter.KEYWORD_ONLY, default=option, annotation=kind)


def _help(field: FieldInfo) -> str:
    default = field.get_default()
    shown = "" if default is None else f" [default: {str(default).lower() if isinstance(default, bool) else default}]"
    return (field.description or "") + shown


def _metavar(annotation: Any) -> str:
    words = _choices(annotation)
    if words:
        return "|".join(words)
    return next((_METAVARS[kind] for kind in kinds(annotation) if kind in _METAVARS), "TEXT")


def _choices(annotation: Any) -> list[str]:
    if typing.get_origin(annotation) is Literal:
        return [str(word) for word in typing.get_args(annotation)]
    return [word for part in typing.get_args(annotation) for word in _choices(part)]
