"""Which pictures a command line names, and where each result goes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import typer

from sam_mask_service.cli.inputs import Job, gather, read
from sam_mask_service.errors import FileMissing, TooLarge

from ..support.scene import picture


def test_one_picture_to_one_file(tmp_path: Path) -> None:
    assert gather([str(tmp_path / "a.jpg")], str(tmp_path / "m.png")) == [
        Job(str(tmp_path / "a.jpg"), tmp_path / "a.jpg", tmp_path / "m.png", named=True)
    ]


def test_one_picture_into_a_folder_that_is_there_or_asked_for(tmp_path: Path) -> None:
    assert gather(["a.jpg"], str(tmp_path))[0].target == tmp_path / "a.png"
    assert gather(["a.jpg"], f"{tmp_path}/new/")[0].target == tmp_path / "new" / "a.png"


def test_a_folder_keeps_its_tree(pictures: Path, tmp_path: Path) -> None:
    targets = [job.target for job in gather([str(pictures)], str(tmp_path / "out")) if job.kind.work]
    assert targets == [tmp_path / "out" / "a.png", tmp_path / "out" / "deeper" / "b.png"]


@pytest.mark.parametrize(
    ("inputs", "out", "word"),
    [(["a.jpg", "b.jpg"], "-", "stdout"), (["a.jpg"], "mask.jpg", "PNG"), (["EMPTY"], "out", "no picture")],
)
def test_command_lines_that_make_no_sense(inputs: list[str], out: str, word: str, tmp_path: Path) -> None:
    words = [str(tmp_path) if name == "EMPTY" else name for name in inputs]
    with pytest.raises(typer.BadParameter, match=word):
        gather(words, out)


def test_reading(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture())
    assert read(Job("a", tmp_path / "a.png", None), 10**6) == picture()
    with pytest.raises(TooLarge):
        read(Job("a", tmp_path / "a.png", None), 10)
    with pytest.raises(FileMissing):
        read(Job("b", tmp_path / "b.png", None), 10)


def test_a_file_in_a_folder_that_may_not_be_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    look = os.stat

    def stat(path: Any, *rest: Any, **named: Any) -> os.stat_result:
        if str(path).endswith("closed/p.png"):
            raise PermissionError(13, "Permission denied", str(path))
        return look(path, *rest, **named)

    monkeypatch.setattr(os, "stat", stat)
    [job] = gather(["closed/p.png"], "m.png")
    with pytest.raises(FileMissing, match=r"closed/p\.png"):
        read(job, 100)
