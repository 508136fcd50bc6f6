"""Reading and writing where a caller said: inside a root over HTTP, anywhere but carefully on the command line."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam_mask_service.doors import files, folder
from sam_mask_service.doors.files import (
    check_name,
    read_file,
    read_inside,
    write_all,
    write_file,
    write_inside,
)
from sam_mask_service.errors import (
    FileExists,
    FileMissing,
    InvalidParameter,
    PathOutsideRoot,
    ServiceError,
    StorageFull,
    TooLarge,
)

BODY = b"picture"


@pytest.fixture(autouse=True, params=[True, False], ids=["descriptors", "paths"])
def kind_of_folder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every promise holds as well where the system has no descriptors of folders."""
    monkeypatch.setattr(folder, "DESCRIPTORS", request.param)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with files, folders, links of every kind, a pipe, and a secret beside it."""
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "root-beside").mkdir()
    (tmp_path / "root-beside" / "x").write_bytes(b"secret")
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "a.png").write_bytes(BODY)
    (root / "sub" / "b.png").write_bytes(BODY)
    (root / "empty").write_bytes(b"")
    (root / "inner").symlink_to("sub/b.png")
    (root / "inner-folder").symlink_to("sub")
    (root / "out").symlink_to("../secret")
    (root / "out-folder").symlink_to("..")
    (root / "out-absolute").symlink_to("/etc/passwd")
    (root / "loop").symlink_to("loop")
    (root / "dangling").symlink_to("nowhere")
    os.mkfifo(root / "pipe")
    return root


@pytest.mark.parametrize("name", ["a.png", "sub/b.png", "./sub/../a.png", "inner", "inner-folder/b.png", "sub//b.png"])
def test_file_inside_the_root(root: Path, name: str) -> None:
    assert read_inside(root, name, 100) == BODY
    assert read_inside(root, str(root / name), 100) == BODY


def test_empty_file_is_no_bytes_and_the_limit_is_exact(root: Path) -> None:
    assert read_inside(root, "empty", 100) == b""
    assert read_inside(root, "a.png", len(BODY)) == BODY
    with pytest.raises(TooLarge):
        read_inside(root, "a.png", len(BODY) - 1)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("../secret", PathOutsideRoot),
        ("../root-beside/x", PathOutsideRoot),
        ("sub/../../secret", PathOutsideRoot),
        ("out", PathOutsideRoot),
        ("out-folder/secret", PathOutsideRoot),
        ("out-absolute", PathOutsideRoot),
        ("/etc/passwd", PathOutsideRoot),
        ("/dev/zero", PathOutsideRoot),
        ("/proc/self/environ", PathOutsideRoot),
        ("//etc/passwd", PathOutsideRoot),
        ("..", PathOutsideRoot),
        ("/", PathOutsideRoot),
        ("nowhere/../../secret", PathOutsideRoot),
        (".", FileMissing),
        ("sub", FileMissing),
        ("nothing.png", FileMissing),
        ("a.png/x", FileMissing),
        ("loop", FileMissing),
        ("dangling", FileMissing),
        ("pipe", FileMissing),
        ("%2e%2e/secret", FileMissing),
        ("..\\secret", FileMissing),
        ("n" * 300, FileMissing),
        ("", InvalidParameter),
        ("a.png\0", InvalidParameter),
        ("\ud800", InvalidParameter),
        ("d/" * 3000, InvalidParameter),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_path_that_is_refused(root: Path, name: str, error: type[ServiceError]) -> None:
    with pytest.raises(error) as caught:
        read_inside(root, name, 100)
    assert type(caught.value) is error
    assert str(root) not in caught.value.detail


def test_root_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(FileMissing):
        read_inside(tmp_path / "none", "a.png", 100)


def test_root_that_is_a_link_itself(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert read_inside(tmp_path / "link", "a.png", 100) == BODY


@pytest.mark.parametrize("swapped", ["a.png", "sub/b.png"])
def test_link_put_in_place_after_the_look_is_not_followed(
    root: Path, swapped: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race: judged as a plain file, then replaced by a link to the outside before it is opened."""
    resolve = files._resolve

    def look_then_swap(*args: Any) -> Any:
        found = resolve(*args)
        first = root / swapped.split("/")[0]
        first.rename(root / "aside")
        first.symlink_to("../secret" if first.name == "a.png" else "../root-beside")
        return found

    monkeypatch.setattr(files, "_resolve", look_then_swap)
    with pytest.raises(FileMissing):
        read_inside(root, swapped, 100)


def test_file_that_grows_while_it_is_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fstat = os.fstat

    def small(descriptor: int) -> os.stat_result:
        real = list(fstat(descriptor))
        real[6] = 1
        return os.stat_result(real)

    monkeypatch.setattr(os, "fstat", small)
    with pytest.raises(TooLarge):
        read_inside(root, "a.png", 3)


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.endswith(".part")]


def test_result_appears_whole_under_its_name(tmp_path: Path) -> None:
    root = tmp_path / "new" / "output"
    assert write_inside(root, "mask.png", BODY) == root.resolve() / "mask.png"
    assert (root / "mask.png").read_bytes() == BODY
    assert (root / "mask.png").stat().st_mode & 0o111 == 0
    assert leftovers(root) == []


def test_existing_file_stays_unless_asked(tmp_path: Path) -> None:
    write_inside(tmp_path, "mask.png", BODY)
    with pytest.raises(FileExists):
        write_inside(tmp_path, "mask.png", b"other")
    assert (tmp_path / "mask.png").read_bytes() == BODY
    write_inside(tmp_path, "mask.png", b"other", overwrite=True)
    assert (tmp_path / "mask.png").read_bytes() == b"other"
    assert leftovers(tmp_path) == []


def test_files_that_belong_together_come_together_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_all(tmp_path, {"a-0.png": b"0", "a-1.png": b"1"})
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"a-0.png": b"0", "a-1.png": b"1"}
    for bad, error in [({"b": b"", "a-1.png": b""}, FileExists), ({"b": b"", "../c": b""}, PathOutsideRoot)]:
        with pytest.raises(error):
            write_all(tmp_path, bad)
    calls: list[int] = []
    link = os.link

    def second_fails(*args: Any, **named: Any) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "full")
        link(*args, **named)

    monkeypatch.setattr(os, "link", second_fails)
    with pytest.raises(StorageFull):
        write_all(tmp_path, {"c-0.png": b"0", "c-1.png": b"1"})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a-0.png", "a-1.png"]


def test_name_that_appears_while_the_result_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (folder.ByDescriptor, folder.ByPath):
        monkeypatch.setattr(kind, "present", lambda *_: False)
    (tmp_path / "mask.png").write_bytes(BODY)
    with pytest.raises(FileExists):
        write_inside(tmp_path, "mask.png", b"other")
    assert (tmp_path / "mask.png").read_bytes() == BODY
    assert leftovers(tmp_path) == []


def test_output_link_is_replaced_not_followed(root: Path) -> None:
    with pytest.raises(FileExists):
        write_inside(root, "out", b"x")
    write_inside(root, "out", b"x", overwrite=True)
    assert (root / "out").read_bytes() == b"x" and not (root / "out").is_symlink()
    assert (root.parent / "secret").read_bytes() == b"secret"


def test_folder_of_that_name_stays(root: Path) -> None:
    for overwrite in (False, True):
        with pytest.raises(FileExists):
            write_inside(root, "sub", b"x", overwrite=overwrite)
    assert leftovers(root) == []


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "a/b", "..", ".", "..\\x", "a\\b", "//x", "out-folder/x"])  # noqa: S108
def test_output_name_that_leads_elsewhere(root: Path, name: str) -> None:
    with pytest.raises(PathOutsideRoot):
        write_inside(root, name, BODY)


@pytest.mark.parametrize(
    "name", ["", ".hidden", "-rf", " a", "a ", "a.", "a\0b", "a\nb", "a\u202eb", "\ud800", "ä" * 101]
)
def test_output_name_that_is_odd(root: Path, name: str) -> None:
    with pytest.raises(InvalidParameter, match="output_name"):
        write_inside(root, name, BODY)


@pytest.mark.parametrize("name", ["a:b", "NUL", "con.png", "Com1.tar.gz", "aux .png"])
def test_output_name_that_windows_takes_for_something_else(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_name(name)
    monkeypatch.setattr(files, "os", SimpleNamespace(name="nt"))
    with pytest.raises(InvalidParameter, match="output_name"):
        check_name(name)
    check_name("console.png")


def test_a_file_that_is_swapped_between_look_and_opening_is_not_read(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By paths, the opened file must be the one that was looked at."""
    look = folder._no_link

    def look_then_swap(path: Path) -> os.stat_result:
        status = look(path)
        if path.name == "a.png":
            path.unlink()
            (root.parent / "secret").rename(path)
        return status

    monkeypatch.setattr(folder, "DESCRIPTORS", False)
    monkeypatch.setattr(folder, "_no_link", look_then_swap)
    with pytest.raises(FileMissing):
        read_inside(root, "a.png", 100)


@given(st.text(max_size=20))
def test_a_name_that_passes_stays_in_its_folder(name: str) -> None:
    try:
        check_name(name)
    except (InvalidParameter, PathOutsideRoot):
        return
    assert Path("/root", name).parent == Path("/root")
    assert Path("/root", name).resolve() == Path("/root", name)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO])
@pytest.mark.parametrize("call", ["write", "fsync", "open"])
def test_disk_that_fails_leaves_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, call: str
) -> None:
    real: Callable[..., Any] = getattr(os, call)

    def fail(first: Any, *rest: Any, **named: Any) -> Any:
        if call == "open" and not str(first).endswith(".part"):
            return real(first, *rest, **named)
        raise OSError(number, "broken")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(StorageFull) as caught:
        write_inside(tmp_path, "mask.png", BODY)
    assert caught.value.retry_after
    assert list(tmp_path.iterdir()) == []


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    assert write_inside(tmp_path, "mask.png", BODY).read_bytes() == BODY


@pytest.mark.parametrize("replace_fails", [False, True])
def test_file_system_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replace_fails: bool) -> None:
    def no_link(*_: Any, **__: Any) -> None:
        raise OSError(errno.EPERM, "no links here")

    def no_replace(*_: Any, **__: Any) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "link", no_link)
    if replace_fails:
        monkeypatch.setattr(os, "replace", no_replace)
        with pytest.raises(StorageFull):
            write_inside(tmp_path, "mask.png", BODY)
        assert list(tmp_path.iterdir()) == []
        return
    write_inside(tmp_path, "mask.png", BODY)
    with pytest.raises(FileExists):
        write_inside(tmp_path, "mask.png", b"other")
    assert (tmp_path / "mask.png").read_bytes() == BODY


def test_command_line_reads_any_regular_file_of_its_user(root: Path) -> None:
    assert read_file(root / "a.png", 100) == BODY
    assert read_file(root / "out", 100) == b"secret"
    with pytest.raises(TooLarge):
        read_file(root / "a.png", 3)
    for bad in (root / "pipe", root / "sub", root / "loop", root / "none", Path("/dev/zero"), Path("a\0b")):
        with pytest.raises(FileMissing):
            read_file(bad, 100)


def test_a_file_of_the_users_own_that_may_not_be_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(FileMissing, match=r"a\.png cannot be read \(Permission denied\)"):
        read_file(root / "a.png", 100)


def test_command_line_writes_with_the_same_care(root: Path) -> None:
    write_file(root / "sub" / "mask.png", BODY)
    with pytest.raises(FileExists):
        write_file(root / "sub" / "mask.png", b"other")
    with pytest.raises(FileExists):
        write_file(root / "out", b"x")
    write_file(root / "out", b"x", overwrite=True)
    assert (root.parent / "secret").read_bytes() == b"secret"
    with pytest.raises(FileMissing):
        write_file(root / "none" / "x.png", BODY)
    write_file(root / "out-folder" / "mine.png", BODY)
    assert (root.parent / "mine.png").read_bytes() == BODY, "a folder behind a link is the user's own choice"
