"""Lists and manifests as Parquet. Wants pyarrow (``make test-ray``)."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from ..cli.conftest import Call
from ..support.scene import picture

pytestmark = pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="pyarrow is not installed")


@pytest.fixture
def table(pictures: Path, tmp_path: Path) -> Path:
    """Two pictures of ``in``, and one that is not there."""
    import pyarrow
    from pyarrow import parquet

    names = ["in/a.png", None, "in/deeper/b.jpg", "in/gone.png"]
    parquet.write_table(pyarrow.table({"who": [1, 2, 3, 4], "where": names}), tmp_path / "list.parquet")
    return tmp_path / "list.parquet"


def test_a_list_and_the_manifest(call: Call, table: Path, tmp_path: Path) -> None:
    from pyarrow import parquet

    assert call("batch", "list.parquet", "out", "--column", "where", "--parquet").exit_code == 1
    rows = [json.loads(line) for line in (tmp_path / "out/manifest.jsonl").read_text().splitlines()]
    found = parquet.read_table(tmp_path / "out/manifest.parquet").to_pylist()
    for name in "input", "id", "status", "code", "error", "faces", "engine", "model", "output", "seconds", "sha256":
        assert [row[name] for row in found] == [row[name] for row in rows], name
    assert [row["input"] for row in found] == ["in/a.png", "in/deeper/b.jpg", "in/gone.png"]
    assert json.loads(found[0]["stats"]) == rows[0]["stats"] and found[0]["warnings"] == []


@pytest.mark.parametrize(("name", "word"), [("list.parquet", "who, where"), ("bad.parquet", "no Parquet file")])
def test_what_is_no_list(call: Call, table: Path, tmp_path: Path, name: str, word: str) -> None:
    (tmp_path / "bad.parquet").write_bytes(picture())
    result = call("batch", name, "out")
    assert result.exit_code == 2 and word in " ".join(result.stderr.split())
