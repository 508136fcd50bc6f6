"""The folder that workers share: private, in memory where there is room, gone in the end, also after a kill."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sam_mask_service.sessions.shared_folder import SharedFolder


def old(path: Path) -> None:
    os.utime(path, (1e9, 1e9))


def test_private_and_gone_in_the_end(tmp_path: Path) -> None:
    made = SharedFolder(1, [tmp_path])
    assert made.path.parent == tmp_path and made.path.stat().st_mode & 0o777 == 0o700 and made.free > 0
    made.remove()
    assert list(tmp_path.iterdir()) == []


def test_the_first_place_with_room_else_the_roomiest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    free = {small: 10, large: 100}
    for place in free:
        place.mkdir()
    usage = shutil._ntuple_diskusage
    monkeypatch.setattr(shutil, "disk_usage", lambda p: usage(0, 0, free.get(p) or free[p.parent]))
    for wanted, expected in ((5, small), (50, large), (500, large)):
        made = SharedFolder(wanted, [tmp_path / "missing", small, large])
        assert made.path.parent == expected and made.free == free[expected]
        made.remove()


def test_what_a_killed_start_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    text = (
        f"from sam_mask_service.sessions.shared_folder import *; import os; SharedFolder(1, [Path({str(tmp_path)!r})])"
    )
    subprocess.run([sys.executable, "-c", f"{text}; os._exit(9)"], check=False)
    [left] = tmp_path.iterdir()
    living, other = SharedFolder(1, [tmp_path]), tmp_path / "other"
    other.mkdir()
    assert left.exists(), "it is younger than a minute: it could be of a start that is under way"
    for each in (left, living.path, other):
        old(each)
    SharedFolder(1, [tmp_path]).remove()
    assert sorted(tmp_path.iterdir()) == sorted([living.path, other])
    living.remove()
