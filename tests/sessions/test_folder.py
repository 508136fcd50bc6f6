"""Uploads in a folder: what is on the disk, what a full one and other processes do."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from sam_mask_service.errors import ImageGone, ImagesUnreachable, StorageFull
from sam_mask_service.sessions import FolderStore, folder


def pictures(path: Path) -> list[Path]:
    return sorted(each for each in path.iterdir() if not each.name.startswith("."))


def test_the_disk_tells_neither_id_nor_owner_and_nobody_else_reads_it(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "kept", 10_000, 60)
    image_id = store.put(b"picture", b"me")
    [path] = pictures(tmp_path / "kept")
    assert image_id not in path.name and len(path.name) == 64
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_time_runs_from_the_last_use(tmp_path: Path) -> None:
    now = [1e9]
    store = FolderStore(tmp_path, 10_000, 60, lambda: now[0])
    image_id = store.put(b"x", b"")
    for now[0] in (1e9 + 59, 1e9 + 118):
        assert store.get(image_id, b"") == b"x"
    now[0] = 1e9 + 178.5
    with pytest.raises(ImageGone):
        store.get(image_id, b"")
    assert pictures(tmp_path) == []


def test_what_a_dead_process_left_half_written_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".part").write_bytes(b"half")
    store = FolderStore(tmp_path, 10_000, 60)
    assert store.get(store.put(b"x", b""), b"") == b"x"
    assert len(pictures(tmp_path)) == 1 and not (tmp_path / ".part").exists()


def full_until(held: int, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes no further file while it holds more than ``held`` pictures."""
    real = os.open

    def limited(name: Any, *options: Any) -> int:
        if str(name).endswith(".part") and len(pictures(path)) > held:
            raise OSError(errno.ENOSPC, "full")
        return real(name, *options)

    monkeypatch.setattr(os, "open", limited)


def test_a_disk_smaller_than_what_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FolderStore(tmp_path, 10**6, 60)
    ids = [store.put(b"x", b"") for _ in range(3)]
    full_until(1, tmp_path, monkeypatch)
    newest = store.put(b"y", b"")
    assert store.get(newest, b"") == b"y" and len(pictures(tmp_path)) == 2
    full_until(-1, tmp_path, monkeypatch)
    with pytest.raises(StorageFull):
        store.put(b"z", b"")
    for image_id in ids:
        with pytest.raises(ImageGone):
            store.get(image_id, b"")


def test_a_folder_that_cannot_be_had(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ImagesUnreachable) as caught:
        FolderStore(tmp_path / "file" / "kept", 10_000, 60).put(b"x", b"")
    assert str(tmp_path) not in caught.value.detail and "NotADirectoryError" in caplog.text


def test_a_lock_that_is_never_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "LOCK_S", 0.05)
    with FileLock(tmp_path / ".lock"), pytest.raises(ImagesUnreachable):
        FolderStore(tmp_path, 10_000, 60).put(b"x", b"")


def put_many(path: Path) -> int:
    store = FolderStore(path, 20 * 1512, 60)
    return sum(store.get(store.put(bytes([n]) * 1000, b""), b"") == bytes([n]) * 1000 for n in range(50))


def test_two_processes_at_once_stay_within_the_bound(tmp_path: Path) -> None:
    with ProcessPoolExecutor(2) as pool:
        assert list(pool.map(put_many, [tmp_path] * 2)) == [50, 50]
    assert len(pictures(tmp_path)) == 20
