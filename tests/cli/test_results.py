"""Where the results of a picture are written, and what is there already."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import pytest

from sam_mask_service.bulk.action import Product
from sam_mask_service.bulk.contents import fitted, outputs
from sam_mask_service.cli.inputs import Job
from sam_mask_service.cli.results import existing, write
from sam_mask_service.errors import FileExists, InvalidParameter, StorageFull


def made(*pictures: bytes, faces: tuple[str, ...] | None = None) -> Product:
    return Product(pictures, "png", {}, len(pictures), faces)


@pytest.mark.parametrize(
    ("target", "kind", "expected"),
    [("a.jpeg", "jpeg", "a.jpeg"), ("a.gif", "png", "a.png"), ("a.JPG", "jpeg", "a.JPG"), ("a.png", "webp", "a.webp")],
)
def test_a_suffix_fits_the_format(target: str, kind: str, expected: str) -> None:
    assert fitted(Path(target), kind) == Path(expected)


def test_a_name_of_the_users_own_is_not_changed() -> None:
    with pytest.raises(InvalidParameter, match=r"\.jpg"):
        fitted(Path("mine.png"), "jpeg", named=True)


def test_results_of_several_faces_are_numbered(tmp_path: Path) -> None:
    assert outputs(Path("m.png"), None) == [Path("m.png")]
    assert outputs(Path("m.png"), ["0", "3"]) == [Path("m-0.png"), Path("m-3.png")]


def test_nothing_is_overwritten_unless_asked(tmp_path: Path) -> None:
    job = Job("a", None, tmp_path / "new" / "m.png")
    assert write(job, made(b"1", b"2", faces=("0", "1")), overwrite=False) == [
        tmp_path / "new" / "m-0.png",
        tmp_path / "new" / "m-1.png",
    ]
    (tmp_path / "new" / "m-0.png").unlink()
    with pytest.raises(FileExists, match=r"m-1\.png"):
        write(job, made(b"3", b"4", faces=("0", "1")), overwrite=False)
    assert not (tmp_path / "new" / "m-0.png").exists(), "half of the results were written"
    write(job, made(b"3", b"4", faces=("0", "1")), overwrite=True)
    assert (tmp_path / "new" / "m-1.png").read_bytes() == b"4"


def test_stdout_takes_one_picture() -> None:
    with pytest.raises(InvalidParameter, match="2 pictures"):
        write(Job("a", None, Path("-")), made(b"1", b"2", faces=("0", "1")), overwrite=False)
    assert write(Job("a", None, None), made(b"1"), overwrite=False) == []


class Refusing:
    """A stdout on a full disk, or one whose reader has left."""

    def __init__(self, error: OSError) -> None:
        self.error = error

    @property
    def buffer(self) -> Refusing:
        return self

    def write(self, data: bytes) -> int:
        raise self.error


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), BrokenPipeError(32, "Broken pipe")]
)
def test_a_stdout_that_takes_nothing_is_no_fault_of_ours(error: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Refusing(error))
    with pytest.raises(StorageFull, match=f"stdout .*{error.strerror}"):
        write(Job("a", None, Path("-")), made(b"1"), overwrite=False)


@pytest.mark.parametrize(("name", "per_face", "found"), [
    ("m.png", False, True), ("m.png", True, False), ("m-0.png", True, True), ("m-0.png", False, False),
    ("m-x.png", True, False),
    ("m-2-0.png", True, False),
])  # fmt: skip
def test_what_is_there_already(name: str, per_face: bool, found: bool, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    assert (existing(Job("a", None, tmp_path / "m.png"), per_face=per_face) is not None) == found
