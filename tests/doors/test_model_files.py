"""Model files on the disk: which is used, whether it is whole, and what is never opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sam_mask_service.doors import model_files
from sam_mask_service.doors.model_files import (
    check,
    find,
    listing,
    model,
    open_checkpoint,
    open_unverified,
    path,
    required,
    sound,
    verify,
)
from sam_mask_service.doors.weights import pull, remove
from sam_mask_service.doors.weights_errors import ModelMissing, ModelUnknown, UnsafeFile, WrongBytes
from sam_mask_service.models.row import Archive, Member

from ..support.model_host import DATA, ROW, row_of

ARCHIVE = Archive("toy-package", "toy_package-1.0.tar.gz", 1, "0" * 64)


def test_only_the_published_bytes_pass(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="sam-mask models pull toy"):
        open_unverified(ROW, tmp_path)
    path(ROW, tmp_path).write_bytes(DATA)
    with open_unverified(ROW, tmp_path) as file:
        assert file.read(1000) == DATA[:1000]
        check(ROW, file)  # beside whoever reads it
        assert file.read() == DATA[1000:]
    path(ROW, tmp_path).write_bytes(DATA[:-1] + b"x")
    with open_unverified(ROW, tmp_path) as file, pytest.raises(WrongBytes, match="models pull toy"):
        check(ROW, file)
    path(ROW, tmp_path).write_bytes(DATA[:-1])
    with pytest.raises(WrongBytes):
        open_unverified(ROW, tmp_path)


def test_what_anybody_may_overwrite_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "own.pth"
    own.write_bytes(b"x")
    own.chmod(0o666)
    with pytest.raises(UnsafeFile, match="chmod"):
        open_checkpoint(own)
    own.chmod(0o644)
    open_checkpoint(own).close()
    tmp_path.chmod(0o777)
    with pytest.raises(UnsafeFile, match="folder"):
        open_checkpoint(own)
    tmp_path.chmod(0o1777)
    open_checkpoint(own).close()
    tmp_path.chmod(0o700)


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for odd in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(UnsafeFile):
            open_checkpoint(odd)
    with pytest.raises(ModelMissing, match="SAM_CHECKPOINT"):
        open_checkpoint(tmp_path / "absent")


# Other places than the models folder.


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of models that came with the environment; it has the toy."""
    folder = tmp_path / "share"
    folder.mkdir()
    monkeypatch.setattr(model_files, "BESIDE", folder)
    (folder / ROW.file).write_bytes(DATA)
    return folder / ROW.file


def test_what_lies_beside_the_service_is_used_where_it_is(tmp_path: Path, beside: Path) -> None:
    assert find(ROW, tmp_path) == sound(ROW, tmp_path) == beside and verify(ROW, tmp_path) == "ok"
    open_unverified(ROW, tmp_path).close()
    assert not path(ROW, tmp_path).exists()


def test_the_models_folder_comes_first_and_a_damaged_file_there_is_told(tmp_path: Path, beside: Path) -> None:
    path(ROW, tmp_path).write_bytes(b"x" * len(DATA))
    assert find(ROW, tmp_path) == path(ROW, tmp_path) and verify(ROW, tmp_path) == "damaged"
    assert sound(ROW, tmp_path) == beside


def test_what_is_required_is_verified_and_its_absence_says_what_to_do(
    tmp_path: Path, beside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_files, "BY_NAME", {"toy": ROW})
    assert required("toy") == required("toy", tmp_path) == beside
    path(ROW, tmp_path).write_bytes(DATA)
    assert required("toy", tmp_path) == path(ROW, tmp_path)
    for damaged in (beside, path(ROW, tmp_path)):
        damaged.write_bytes(b"x" * len(DATA))
    with pytest.raises(ModelMissing, match=r"toy\.pth is not installed; .*sam-mask models pull toy"):
        required("toy", tmp_path)


@pytest.fixture
def carried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A distribution that carries the toy is installed; importing its package would end the test."""
    site = tmp_path / "site"
    (site / "toy_package-1.0.dist-info").mkdir(parents=True)
    (site / "toy_package-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: toy-package\nVersion: 1.0\n"
    )
    (site / "toy_package").mkdir()
    (site / "toy_package" / "__init__.py").write_text("raise SystemExit('imported')")
    (site / "toy_package" / "toy.pth").write_bytes(DATA)
    monkeypatch.syspath_prepend(str(site))
    return site / "toy_package" / "toy.pth"


def test_a_file_that_an_installed_package_carries_is_used_without_importing_it(tmp_path: Path, carried: Path) -> None:
    row = row_of(sources=(Member(ARCHIVE, "toy_package-1.0/toy.pth", "toy_package/toy.pth"),))
    assert find(row, tmp_path) == carried and pull(row, tmp_path, offline=True) == carried
    carried.write_bytes(DATA[:-1])
    assert sound(row, tmp_path) is None
    with pytest.raises(WrongBytes):
        open_unverified(row, tmp_path)


# The table.


def test_list_verify_remove(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_files, "ROWS", (ROW,))
    assert [i.status for i in listing(tmp_path)] == ["absent"] and verify(ROW, tmp_path) == "absent"
    path(ROW, tmp_path).write_bytes(DATA)
    assert [i.status for i in listing(tmp_path)] == ["ok"] and verify(ROW, tmp_path) == "ok"
    path(ROW, tmp_path).write_bytes(b"x" * len(DATA))
    assert [i.status for i in listing(tmp_path)] == ["ok"] and verify(ROW, tmp_path) == "damaged"
    path(ROW, tmp_path).write_bytes(b"x")
    assert [i.status for i in listing(tmp_path)] == ["damaged"] and verify(ROW, tmp_path) == "damaged"
    (tmp_path / ".toy.pth.part").write_bytes(b"x")
    assert remove(ROW, tmp_path) and not remove(ROW, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_unknown_models_are_told_the_known_ones() -> None:
    with pytest.raises(ModelUnknown, match=r"vit_b.*mobile_sam"):
        model("vit_x")
