"""The tables of README.md that say what the code says: settings, parameters, targets, models.

    .venv/bin/python scripts/readme_tables.py         writes them anew between their markers
A test compares, so that README.md cannot fall behind.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from sam_mask_service.models.registry import ROWS
from sam_mask_service.params import DetectParams, MaskFileParams, MaskParams
from sam_mask_service.settings import Settings
from sam_mask_service.targets import TARGETS

README = Path(__file__).resolve().parent.parent / "README.md"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    lines = [list(head), ["---"] * len(list(head)), *(list(row) for row in rows)]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def settings_table() -> str:
    """Every setting by the name of its environment variable."""
    rows = [(f"`{_variable(n, f)}`", _default(f), f.description or "") for n, f in Settings.model_fields.items()]
    return table(("Variable", "Default", "Meaning"), rows)


def parameters_table() -> str:
    """Every parameter of /create_mask, and the two more of /create_mask_file."""
    later = set(DetectParams.model_fields)
    names = sorted(MaskParams.model_fields, key=lambda name: name in later)
    rows = [_parameter(name, MaskParams.model_fields[name]) for name in names]
    own = MaskFileParams.model_fields.keys() - MaskParams.model_fields.keys()
    more = [_parameter(name, MaskFileParams.model_fields[name], " (`/create_mask_file`)") for name in sorted(own)]
    return table(("Parameter", "Type", "Default", "Meaning"), [*rows, *more])


def targets_table() -> str:
    """Every consumer that ``target`` knows."""
    rows = [(f"`{name}`", row.consumer, row.endpoint, row.change, row.carrier) for name, row in TARGETS.items()]
    return table(("`target`", "Consumer", "Endpoint", "What it repaints is", "Mask is in"), rows)


def models_table() -> str:
    """Every model file that may be fetched."""
    rows = [(f"`{r.name}`", r.what, f"{r.bytes / 1e6:.1f} MB", r.licence) for r in ROWS]
    return table(("Name", "What", "Size", "Licence"), rows)


TABLES: dict[str, Callable[[], str]] = {
    "settings": settings_table,
    "parameters": parameters_table,
    "targets": targets_table,
    "models": models_table,
}


def _variable(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    return str(alias.choices[-1]) if isinstance(alias, AliasChoices) else f"SAM_{name.upper()}"


def _parameter(name: str, field: FieldInfo, more: str = "") -> tuple[str, str, str, str]:
    return f"`{name}`", _type(field), _default(field), (field.description or "") + more


def _default(field: FieldInfo) -> str:
    value: Any = field.get_default(call_default_factory=False)
    if value is None or value is PydanticUndefined or value == () or value == "":
        return "–"
    text = str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
    size = f" ({value >> 20} MiB)" if isinstance(value, int) and value and value % (1 << 20) == 0 else ""
    return f"`{text}`{size}"


def _type(field: FieldInfo) -> str:
    words = [f"`{word}`" for word in _words(field.annotation)]
    low = _limit(field, "ge")
    high = _limit(field, "le")
    if words:
        return " ".join(words)
    kind = _kind(field.annotation)
    return kind if low is None or high is None or kind == "list" else f"{kind} {low:.10g}…{high:.10g}"


def _limit(field: FieldInfo, name: str) -> float | None:
    return next(
        (float(getattr(item, name)) for item in _metadata(field) if getattr(item, name, None) is not None), None
    )


def _metadata(field: FieldInfo) -> Iterable[Any]:
    yield from field.metadata
    for part in _parts(field.annotation):
        if typing.get_origin(part) is typing.Annotated:
            for item in part.__metadata__:
                yield from item.metadata if isinstance(item, FieldInfo) else [item]


def _parts(annotation: Any) -> Iterable[Any]:
    yield annotation
    for part in typing.get_args(annotation):
        yield from _parts(part)


def _words(annotation: Any) -> list[str]:
    if typing.get_origin(annotation) is Literal:
        return [str(word) for word in typing.get_args(annotation)]
    return [word for part in typing.get_args(annotation) for word in _words(part)]


def _kind(annotation: Any) -> str:
    names = {list: "list", int: "int", float: "float", bool: "bool", str: "text"}
    parts = [*_parts(annotation), *(typing.get_origin(part) for part in _parts(annotation))]
    return next((word for kind, word in names.items() if kind in parts), "text")


def filled(text: str) -> str:
    """``text`` with every marked table written anew. Raises KeyError for a marker that names no table."""
    pattern = re.compile(r"(<!-- table: (\w+) -->\n).*?(\n<!-- end -->)", re.DOTALL)
    return pattern.sub(lambda m: m[1] + TABLES[m[2]]() + m[3], text)


if __name__ == "__main__":
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")
