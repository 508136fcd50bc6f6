"""``sam-mask models`` on a table of one small model that lies on a mirror's shelf."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sam_mask_service.cli import main, models
from sam_mask_service.doors import model_files, transfer
from sam_mask_service.doors.model_files import Published
from sam_mask_service.doors.transfer import Manner
from sam_mask_service.models import registry

CONTENT = b"weights " * 100
ROW = replace(
    registry.BY_NAME["vit_b"], bytes=len(CONTENT), sha256=hashlib.sha256(CONTENT).hexdigest(), file="small.bin"
)
CAUTIOUS = replace(ROW, name="face-parsing", file="careful.bin", caution="For research only.")
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """``call("models", …)`` → exit code, stdout, stderr; a fetch writes CONTENT instead of asking a host."""
    rows = (ROW, CAUTIOUS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAM_MODELS_DIR", "models")
    monkeypatch.delenv("SAM_OFFLINE")
    monkeypatch.setattr(model_files, "ROWS", rows)
    monkeypatch.setattr(models, "NEEDED", ())
    monkeypatch.setattr(model_files, "BY_NAME", {row.name: row for row in rows})

    def fetch(row: Published, part: Path, url: str, manner: Manner) -> None:
        part.write_bytes(CONTENT)
        assert manner.progress is not None
        manner.progress(len(CONTENT), row.bytes)

    monkeypatch.setattr(transfer, "fetch", fetch)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main.call(["models", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_pull_verify_remove(call: Call, tmp_path: Path) -> None:
    assert call("pull") == (0, "vit_b: models/small.bin\n", "")
    assert (tmp_path / "models" / "small.bin").read_bytes() == CONTENT
    assert call("verify") == (0, "vit_b: ok\n", "")
    (tmp_path / "models" / "small.bin").write_bytes(CONTENT[:-1] + b"X")
    assert call("verify", "vit_b")[:2] == (1, "vit_b: damaged\n")
    assert call("remove", "vit_b")[1] == "vit_b: removed\n"
    assert call("remove", "vit_b")[1] == "vit_b: was not here\n"
    assert call("verify", "vit_b")[:2] == (1, "vit_b: absent\n")


def test_the_list_has_columns(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_files, "ROWS", (ROW, replace(ROW, name="face-detector-near")))
    lines = call("list")[1].splitlines()
    assert [line.lstrip("* ").split()[:2] for line in lines] == [["vit_b", "absent"], ["face-detector-near", "absent"]]
    assert len({line.index("absent") for line in lines}) == 1


def test_what_nothing_works_without_comes_along(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = replace(ROW, name="face-mesh", file="mesh.bin")
    monkeypatch.setattr(models, "NEEDED", (needed,))
    assert call("pull", "--needed")[1].splitlines() == ["face-mesh: models/mesh.bin"]
    assert call("pull")[1].splitlines() == ["face-mesh: models/mesh.bin", "vit_b: models/small.bin"]
    assert call("pull", "vit_b")[1].splitlines() == ["vit_b: models/small.bin"]


def test_list_marks_the_chosen_one_and_what_is_here(call: Call) -> None:
    lines = call("list")[1].splitlines()
    assert lines[0].split()[:3] == ["*", "vit_b", "absent"] and lines[1].split()[:2] == ["face-parsing", "absent"]
    call("pull", "vit_b")
    rows = [json.loads(line) for line in call("list", "--json")[1].splitlines()]
    assert [(row["name"], row["status"]) for row in rows] == [("vit_b", "ok"), ("face-parsing", "absent")]
    assert rows[0]["sha256"] == ROW.sha256


def test_a_licence_with_a_caution_must_be_accepted(call: Call, tmp_path: Path) -> None:
    code, out, error = call("pull", "face-parsing")
    assert (code, out) == (1, "") and "For research only." in error and "accepted" in error
    assert not (tmp_path / "models" / "careful.bin").exists()
    code, _, error = call("pull", "face-parsing", "--accept-licence")
    assert code == 0 and "For research only." in error


def test_offline_and_unknown_names_are_one_line(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, error = call("pull", "vit_z")
    assert code == 1 and error.startswith("sam-mask: There is no model 'vit_z'") and error.count("\n") == 1
    monkeypatch.setenv("SAM_OFFLINE", "true")
    code, _, error = call("pull", "vit_b")
    assert code == 1 and "SAM_OFFLINE" in error and error.count("\n") == 1
