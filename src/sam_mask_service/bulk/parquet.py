"""The only file that reads and writes Parquet: lists of pictures, and the manifest as a table. Wants pyarrow (the extra
``parquet``), which is loaded when it is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..wire import Json
from .errors import BadInput, BadTable

ROWS = 10_000
"""Rows that are in memory at once."""
_TEXTS = ("input", "id", "status", "code", "error", "sha256", "question", "action", "engine", "model", "kind", "stamp")
_AS_JSON = ("stats", "params")
"""What differs from row to row in its fields, as JSON in a text."""


def check() -> None:
    """Raises BadTable where the library is missing."""
    try:
        _arrow()
    except BadInput as error:
        raise BadTable(error.detail) from None


def names(path: Path) -> list[str]:
    """The columns. Raises BadInput."""
    with _read(path) as file:
        return [str(name) for name in file.schema_arrow.names]


def column(path: Path, name: str) -> Iterator[str]:
    """The texts of a column. Raises BadInput."""
    with _read(path) as file:
        for batch in file.iter_batches(batch_size=ROWS, columns=[name]):
            for value in batch.column(0).to_pylist():
                if value is not None:
                    yield str(value)


def write(rows: Iterator[Json], path: Path) -> None:
    """Raises OSError."""
    arrow, table = _arrow()
    schema = _schema(arrow)
    with table.ParquetWriter(path, schema, compression="zstd") as writer:
        for part in _parts(rows):
            writer.write_table(arrow.Table.from_pylist([_cells(row) for row in part], schema=schema))


def _parts(rows: Iterator[Json]) -> Iterator[list[Json]]:
    part: list[Json] = []
    for row in rows:
        part.append(row)
        if len(part) == ROWS:
            yield part
            part = []
    yield part


def _cells(row: Json) -> Json:
    stats = row.get("stats") or {}
    return {
        **{name: row.get(name) for name in _TEXTS},
        **{name: None if row.get(name) is None else json.dumps(row[name], ensure_ascii=True) for name in _AS_JSON},
        "output": row.get("output") or [],
        "faces": row.get("faces"),
        "seconds": row.get("seconds"),
        "residual_faces": stats.get("residual_faces"),
        "warnings": [warning["code"] for warning in stats.get("warnings", ())],
    }


def _schema(arrow: Any) -> Any:
    return arrow.schema(
        [
            *((name, arrow.string()) for name in (*_TEXTS, *_AS_JSON)),
            ("output", arrow.list_(arrow.string())),
            ("faces", arrow.int32()),
            ("seconds", arrow.float64()),
            ("residual_faces", arrow.int32()),
            ("warnings", arrow.list_(arrow.string())),
        ]
    )


def _read(path: Path) -> Any:
    arrow, table = _arrow()
    try:
        return table.ParquetFile(path)
    except (OSError, arrow.ArrowException):
        raise BadInput(f"{path} is no Parquet file that can be read.") from None


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise BadInput("Parquet needs a library that is not installed: pip install 'sam-mask-api[parquet]'") from None
    return pyarrow, pyarrow.parquet
