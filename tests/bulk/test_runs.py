"""Whole runs on fakes: whatever INPUT is, each picture once, each row once."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sam_mask_service.doors import files, stores
from sam_mask_service.errors import StorageFull, StoreUnreachable

from ..cli.conftest import Call
from ..support.scene import Fixed, picture

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def memory() -> Iterator[Any]:
    """An empty store."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    yield system
    system.store.clear()


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    found = {row["input"]: row for row in map(json.loads, lines)}
    assert len(found) == len(lines), "a row twice"
    return found


def stored(memory: Any, at: str = "/b/out/manifest.jsonl") -> dict[str, dict[str, Any]]:
    return {row["input"]: row for row in map(json.loads, memory.cat(at).splitlines())}


def zipped(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", picture())
        archive.writestr("deeper/b.jpg", picture(kind="jpeg"))
        archive.writestr("../../c.png", picture(210, 160))
        archive.writestr("notes.txt", "no picture")
    return folder / "all.zip"


def tarred(folder: Path, mode: Any = "w") -> Path:
    path = folder / f"all.tar{mode[1:].replace(':', '.')}"
    members = {"a.png": picture(), "deeper/b.jpg": picture(kind="jpeg"), "../../c.png": picture(210, 160)}
    with tarfile.open(path, mode) as archive:
        for name, data in {**members, "notes.txt": b"no picture"}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize("kind", ["zip", "w", "w:gz", "w:bz2", "w:xz"])
def test_an_archive_is_read_where_it_lies(call: Call, tmp_path: Path, kind: str) -> None:
    path = zipped(tmp_path) if kind == "zip" else tarred(tmp_path, kind)
    for status in "ok", "skipped":
        detector = Fixed()
        result = call("batch", path.name, "out", detector=detector)
        assert result.exit_code == 0, result.stderr
        found = rows(tmp_path / "out")
        assert {name: row["status"] for name, row in found.items()} == {
            **dict.fromkeys(("a.png", "deeper/b.jpg", "../../c.png"), status),
            "notes.txt": "not_a_picture",
        }
        assert found["../../c.png"]["output"] == ["c.png"] and (tmp_path / "out/c.png").exists()
        assert len(detector.asked) == (3 if status == "ok" else 0)


def test_a_damaged_archive_is_said(call: Call, tmp_path: Path) -> None:
    data = zipped(tmp_path).read_bytes()
    (tmp_path / "half.zip").write_bytes(data[: len(data) // 2])
    result = call("batch", "half.zip", "out")
    assert result.exit_code == 2 and "half.zip" in result.stderr


def test_a_damaged_member_is_a_row(call: Call, tmp_path: Path) -> None:
    path = zipped(tmp_path)
    data = bytearray(path.read_bytes())
    data[60:70] = bytes(10)
    path.write_bytes(data)
    assert call("batch", "all.zip", "out").exit_code == 1
    found = rows(tmp_path / "out")
    assert found["a.png"]["code"] == "image_unreadable" and found["deeper/b.jpg"]["status"] == "ok"


@pytest.mark.parametrize(
    ("name", "text", "more"),
    [
        ("list.txt", "in/a.png\n\nin/deeper/b.jpg\nin/gone.png\n", []),
        ("list.csv", "who,path\nx,in/a.png\ny,in/deeper/b.jpg\nz,in/gone.png\n", []),
        ("list.csv", "who,where\nx,in/a.png\ny,in/deeper/b.jpg\nz,in/gone.png\n", ["--column", "where"]),
        ("list.csv", "in/a.png\nin/deeper/b.jpg\nin/gone.png\n", []),
    ],
)
def test_a_list(call: Call, pictures: Path, tmp_path: Path, name: str, text: str, more: list[str]) -> None:
    (tmp_path / name).write_text(text)
    for status in "ok", "skipped":
        assert call("batch", name, "out", *more).exit_code == 1
        found = rows(tmp_path / "out")
        assert {key: row["code"] or row["status"] for key, row in found.items()} == {
            **dict.fromkeys(("in/a.png", "in/deeper/b.jpg"), status),
            "in/gone.png": "file_not_found",
        }
        assert found["in/a.png"]["output"] == ["in/a.png"]


def test_a_table_without_a_column_of_pictures_names_those_there_are(call: Call, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("who,where\nx,a.png\n")
    result = call("batch", "list.csv", "out")
    assert result.exit_code == 2 and "who, where" in result.stderr and "--column" in result.stderr


def test_a_pattern(call: Call, pictures: Path, tmp_path: Path) -> None:
    assert call("batch", "in/**/*.jpg", "out").exit_code == 0
    assert {name: row["output"] for name, row in rows(tmp_path / "out").items()} == {"deeper/b.jpg": ["deeper/b.png"]}
    result = call("batch", "in/*.webp", "out2")
    assert result.exit_code == 2 and "nothing fits" in result.stderr


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["empty", "out"], "there is no picture in empty"),
        (["gone", "out"], "not a folder"),
        (["in", "in"], "folder of their own"),
        (["in", "in/a.png"], "is a file"),
        (["in/a.png", "out"], "not a folder"),
        (["strange://x/y", "out"], "strange"),
        (["memory://gone", "out"], "nothing at memory://gone"),
        (["list.txt", "out", "--watch", "1"], "--watch"),
        (["list.txt", "out", "--parquet"], "pip install 'sam-mask-api[parquet]'"),
    ],
)
def test_a_command_line_that_makes_no_sense(
    call: Call, pictures: Path, tmp_path: Path, memory: Any, arguments: list[str], word: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "list.txt").write_text("in/a.png\n")
    if "--parquet" in arguments and _has_arrow():
        pytest.skip("pyarrow is installed")
    result = call("batch", *arguments)
    words = result.stderr + str(getattr(result.exception, "detail", ""))
    assert result.exit_code != 0 and word in words.replace("\n", " ")


def _has_arrow() -> bool:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        return False
    return True


# --- doubles ----------------------------------------------------------------------------------------------------------


def test_equal_pictures_are_made_once(call: Call, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(9):
        (tmp_path / "in" / f"{number}.png").write_bytes(picture())
    detector = Fixed()
    assert call("batch", "in", "out", "--action", "crop", detector=detector).exit_code == 0
    found = rows(tmp_path / "out")
    assert len(detector.asked) == 1 and {row["status"] for row in found.values()} == {"ok"}
    assert len({row["id"] for row in found.values()}) == 1
    assert found["8.png"]["output"] == ["8-0.png", "8-1.png"]
    assert sum("double_of" in row for row in found.values()) == 8
    assert (tmp_path / "out/8-1.png").read_bytes() == (tmp_path / "out/0-1.png").read_bytes()


def test_a_result_that_was_changed_is_no_double(call: Call, pictures: Path, tmp_path: Path) -> None:
    call("batch", "in", "out")
    (tmp_path / "out/a.png").write_bytes(b"changed")
    (pictures / "c.png").write_bytes(picture())
    assert call("batch", "in", "out").exit_code == 0
    assert (tmp_path / "out/c.png").read_bytes().startswith(b"\x89PNG") and "double_of" not in rows(tmp_path / "out")[
        "c.png"
    ]


def test_a_touched_picture_is_read_again_and_an_untouched_one_is_not(
    call: Call, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("batch", "in", "out")
    os.utime(pictures / "a.png")
    read: list[str] = []
    whole = files.read_file

    def spied(path: Path, most: int) -> bytes:
        read.append(path.name)
        return whole(path, most)

    monkeypatch.setattr(files, "read_file", spied)
    assert call("batch", "in", "out").exit_code == 0
    assert read == ["a.png"] and {row["status"] for row in rows(tmp_path / "out").values()} == {
        "skipped",
        "not_a_picture",
    }


# --- stores -----------------------------------------------------------------------------------------------------------


def test_from_a_store_to_a_store(call: Call, memory: Any) -> None:
    for name, data in {"a.png": picture(), "x/b.jpg": picture(kind="jpeg"), "bad.jpg": b"none", "n.txt": b"n"}.items():
        memory.pipe(f"/b/in/{name}", data)
    for status, asked in ("ok", 2), ("skipped", 0):
        detector = Fixed()
        result = call("batch", "memory://b/in", "memory://b/out", detector=detector)
        assert result.exit_code == 1 and "memory://b/in/bad.jpg" in result.stderr
        found = stored(memory)
        assert {name: row["code"] or row["status"] for name, row in found.items()} == {
            "a.png": status,
            "x/b.jpg": status,
            "bad.jpg": "unsupported_media",
            "n.txt": "not_a_picture",
        }
        assert memory.cat("/b/out/x/b.png").startswith(b"\x89PNG") and len(detector.asked) == asked
        assert not memory.exists("/b/out/manifest-shards") or not memory.ls("/b/out/manifest-shards")


def test_rows_of_a_run_that_was_cut_off_wait_in_the_store(
    call: Call, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        memory.pipe(f"/b/in/{number}.png", picture(200 + number))
    monkeypatch.setattr("sam_mask_service.bulk.ledger.SHARD", 1)
    put = stores.Store.write

    def failing(self: Any, name: str, data: bytes, *, overwrite: bool = False) -> None:
        if name == "2.png":
            raise StoreUnreachable("The store does not answer.")
        put(self, name, data, overwrite=overwrite)

    monkeypatch.setattr(stores.Store, "write", failing)
    assert call("batch", "memory://b/in", "memory://b/out").exit_code == 1
    assert len(memory.ls("/b/out/manifest-shards")) == 2 and not memory.exists("/b/out/manifest.jsonl")
    monkeypatch.setattr(stores.Store, "write", put)
    result = call("batch", "memory://b/in", "memory://b/out")
    assert result.exit_code == 0, result.stderr
    *statuses, last = (row["status"] for row in stored(memory).values())
    assert statuses == ["skipped", "skipped", "ok"]
    assert last in ("ok", "skipped"), "it was at work when the run ended"
    assert not memory.ls("/b/out/manifest-shards")


def test_only_fetches_are_tried_again(
    call: Call, pictures: Path, memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.pipe("/b/in/a.png", picture())
    monkeypatch.setattr("sam_mask_service.bulk.reading.WAITS", (0.0, 0.0))
    fails = iter([True, True, False])
    whole = type(memory).cat_file

    def shaky(self: Any, *arguments: Any, **more: Any) -> bytes:
        if next(fails, False):
            raise ConnectionResetError("gone")
        return bytes(whole(self, *arguments, **more))

    monkeypatch.setattr(type(memory), "cat_file", shaky)
    assert call("batch", "memory://b/in", "out").exit_code == 0
    assert next(fails, None) is None


# --- what ends a run --------------------------------------------------------------------------------------------------


def test_a_full_disk_ends_the_run_and_the_next_one_goes_on(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    for number in range(30):
        (tmp_path / "in" / f"{number:02}.png").write_bytes(picture(200 + number))
    write, room = files.write_file, iter(range(5))

    def full(path: Path, data: bytes, *, overwrite: bool = False) -> None:
        if next(room, None) is None:
            raise StorageFull from OSError(errno.ENOSPC, "No space left on device")
        write(path, data, overwrite=overwrite)

    monkeypatch.setattr(files, "write_file", full)
    result = call("batch", "in", "out")
    assert result.exit_code == 1 and isinstance(result.exception, StorageFull)
    assert 0 < len(rows(tmp_path / "out")) <= 5 and len(list((tmp_path / "out").glob("*.png"))) == 5
    monkeypatch.setattr(files, "write_file", write)
    assert call("batch", "in", "out").exit_code == 0
    assert len(rows(tmp_path / "out")) == len(list((tmp_path / "out").glob("*.png"))) == 30


def test_a_folder_that_cannot_be_written_is_a_row_each(call: Call, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/deeper").write_bytes(b"a file where a folder should be")
    assert call("batch", "in", "out").exit_code == 1
    found = rows(tmp_path / "out")
    assert (found["a.png"]["status"], found["deeper/b.jpg"]["code"]) == ("ok", "storage_full")


def test_two_runs_at_once_do_not_mix_their_rows(call: Call, pictures: Path, tmp_path: Path) -> None:
    call("batch", "in", "out")
    with (tmp_path / "out/manifest.jsonl").open("rb") as held:
        fcntl = pytest.importorskip("fcntl")
        fcntl.flock(held, fcntl.LOCK_EX)
        result = call("batch", "in", "out")
        assert result.exit_code == 2 and "another run" in result.stderr
    assert call("batch", "in", "out").exit_code == 0


# --- a drop folder ----------------------------------------------------------------------------------------------------


def test_a_drop_folder_is_watched_until_told_to_stop(call: Call, pictures: Path, tmp_path: Path) -> None:
    done: list[bool] = []

    def drop() -> None:
        done.append(until(lambda: (tmp_path / "out/deeper/b.png").exists()))
        (pictures / "late.png").write_bytes(picture(220, 160))
        done.append(until(lambda: (tmp_path / "out/late.png").exists()))
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=drop)
    thread.start()
    result = call("batch", "in", "out", "--watch", "0.1")
    thread.join()
    assert all(done) and result.exit_code == 0, result.stderr
    assert {name for name, row in rows(tmp_path / "out").items() if row["status"] == "ok"} == {
        *("a.png", "deeper/b.jpg", "late.png")
    }


def until(told: Any) -> bool:
    for _ in range(1000):
        if told():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    ("given", "place"), [(("in", "out", "--parquet"), "--parquet"), (("l.parquet", "out"), "INPUT")]
)
def test_without_its_library_parquet_is_refused_where_it_was_asked_for(
    call: Call, pictures: Path, monkeypatch: pytest.MonkeyPatch, given: tuple[str, ...], place: str
) -> None:
    (pictures.parent / "l.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = call("batch", *given)
    said = " ".join(result.stderr.replace("│", " ").split())
    assert result.exit_code == 2 and f"Invalid value for {place}: Parquet needs a library" in said
    assert not (pictures.parent / "out" / "manifest.jsonl").exists()
