"""Everything below a folder is told of, and no loop, pipe or locked folder stops the walk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from sam_mask_service.doors.tree import everything_in, head_of, is_readable


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root" / "sub").mkdir(parents=True)
    for name in "Z.PNG", "a", "sub/b.png":
        (tmp_path / "root" / name).write_bytes(b"0123456789")
    return tmp_path / "root"


def told(root: Path, without: Path | None = None) -> list[tuple[str, str]]:
    return [(str(entry.path.relative_to(root)), entry.what) for entry in everything_in(root, without)]


def test_everything_without_loops(root: Path) -> None:
    (root / "sub" / "again").symlink_to(root)
    (root / "link.png").symlink_to("sub/b.png")
    (root / "broken.png").symlink_to("nowhere")
    (root / "self").symlink_to("self")
    os.mkfifo(root / "pipe.png")
    assert told(root) == [
        ("Z.PNG", "file"),
        ("a", "file"),
        ("broken.png", "missing"),
        ("link.png", "file"),
        ("pipe.png", "special"),
        ("self", "missing"),
        ("sub/again", "link"),
        ("sub/b.png", "file"),
    ]


def test_a_folder_is_left_out_by_whatever_name(root: Path, tmp_path: Path) -> None:
    (tmp_path / "other").symlink_to(root / "sub")
    assert told(root, tmp_path / "other") == [("Z.PNG", "file"), ("a", "file")]


def test_a_folder_that_cannot_be_listed_is_told_of(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = os.scandir

    def locked(path: Any) -> Any:
        if str(path).endswith("sub"):
            raise PermissionError(13, "locked", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", locked)
    assert told(root) == [("Z.PNG", "file"), ("a", "file"), ("sub", "unreadable")]


def test_the_first_bytes(root: Path) -> None:
    os.mkfifo(root / "pipe")
    (root / "self").symlink_to("self")
    assert head_of(root / "a", 4) == b"0123" and head_of(root / "a", 40) == b"0123456789"
    assert [head_of(root / name, 4) for name in ("none", "sub", "pipe", "self")] == [b""] * 4
    assert is_readable(root / "a") and not is_readable(root / "none")
