"""The sources of a model, asked in order: the first that has the published bytes gives them, and all that failed are
named.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from random import Random
from typing import Any

import pytest

from sam_mask_service.doors import archives, model_files, weights
from sam_mask_service.doors.weights import path, pull, pull_needed, verify
from sam_mask_service.doors.weights_errors import (
    DiskFull,
    DownloadFailed,
    FolderNotWritable,
    Offline,
    WeightsError,
    WrongBytes,
)
from sam_mask_service.models.row import Archive, Download, Member, ModelRow

from ..support.model_host import DATA, Host, cut_off, html, row_of, status, wrong

OTHER = bytes(reversed(DATA[:500_000]))
REST = Random(7).randbytes(2 << 20)  # noqa: S311 - no secret
"""So that the packages take several chunks."""
NOWHERE = Download("http://127.0.0.1:9/toy.pth")
MODELS = {"toy_package-1.0/rest": REST, "toy_package-1.0/deep/toy.pth": DATA, "toy_package-1.0/other.pth": OTHER}


def tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def wheel(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@dataclass
class Shelf:
    """A package index at ``host`` with one project whose archive carries two models."""

    host: Host
    row: ModelRow
    other: ModelRow
    archive: Archive
    packed: bytes

    @property
    def environment(self) -> dict[str, str]:
        return {"PIP_INDEX_URL": f"{self.host.base}/simple/"}

    def pull(self, folder: Path, **options: Any) -> Path:
        return pull(self.row, folder, environment=self.environment, attempts=2, allow_http=True, **options)


Pack = Callable[[dict[str, bytes]], bytes]


def shelf_of(host: Host, monkeypatch: pytest.MonkeyPatch, pack: Pack, files: dict[str, bytes] = MODELS) -> Shelf:
    packed = pack(files)
    file = "toy_package-1.0-py3-none-any.whl" if pack is wheel else "toy_package-1.0.tar.gz"
    archive = Archive("toy-package", file, len(packed), hashlib.sha256(packed).hexdigest())
    row = row_of(sources=(Member(archive, "toy_package-1.0/deep/toy.pth", "deep/toy.pth"), NOWHERE))
    member = Member(archive, "toy_package-1.0/other.pth", "other.pth")
    other = row_of(OTHER, name="other", file="other.pth", sources=(member, NOWHERE))
    monkeypatch.setattr(weights, "ROWS", (row, other))
    host.files |= {
        "/simple/toy-package/": json.dumps({"files": [{"filename": file, "url": f"../../files/{file}"}]}).encode(),
        f"/files/{file}": packed,
    }
    return Shelf(host, row, other, archive, packed)


@pytest.fixture(params=[tar, wheel], ids=["tar", "wheel"])
def shelf(request: pytest.FixtureRequest, host: Host, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    return shelf_of(host, monkeypatch, request.param)


def visible(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if not p.name.endswith(".lock"))


def test_a_package_gives_the_model_and_what_else_it_carries(shelf: Shelf, tmp_path: Path) -> None:
    assert shelf.pull(tmp_path).read_bytes() == DATA
    assert visible(tmp_path) == ["other.pth", "toy.pth"] and verify(shelf.other, tmp_path) == "ok"
    asked = [p for p, _ in shelf.host.asked]
    assert asked == ["/simple/toy-package/", f"/files/{shelf.archive.file}"]
    pull(shelf.other, tmp_path, offline=True)


def test_a_half_fetched_package_is_taken_up_again(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / f".{shelf.archive.file}.part").write_bytes(shelf.packed[:1000])
    shelf.pull(tmp_path)
    assert shelf.host.asked[-1][1] == "bytes=1000-" and visible(tmp_path) == ["other.pth", "toy.pth"]


def test_a_models_only_mirror_comes_before_the_index(shelf: Shelf, tmp_path: Path) -> None:
    shelf.pull(tmp_path, mirror=f"{shelf.host.base}/mirror")
    assert [p for p, _ in shelf.host.asked] == ["/mirror/toy.pth"]


def spoilt(shelf: Shelf, body: bytes) -> None:
    """The index's archive is another one."""
    shelf.host.files[f"/files/{shelf.archive.file}"] = body


@pytest.mark.parametrize("body", [b"x" * 5000, b""])
def test_another_archive_is_never_opened_and_the_publisher_is_asked(
    shelf: Shelf, tmp_path: Path, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "take", lambda *_: pytest.fail("opened"))
    spoilt(shelf, body)
    row = replace(shelf.row, sources=(*shelf.row.members, Download(f"{shelf.host.base}/publisher/toy.pth")))
    found = pull(row, tmp_path, environment=shelf.environment, allow_http=True)
    assert found.read_bytes() == DATA and visible(tmp_path) == ["toy.pth"]


def same_size(packed: bytes) -> bytes:
    return bytes(len(packed))


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (b"{not json", "its page cannot be read"),
        (b'{"files": [{"filename": "toy_package-2.0.tar.gz", "url": "x"}]}', "it does not have toy_package-1.0"),
        (b"<html>please log in</html>", "it does not have toy_package-1.0"),
        (b'{"files": [{"filename": "%s", "url": "ftp://127.0.0.1/x"}]}', "its address must begin with https"),
        (None, "it answers 404"),
    ],
)
def test_bad_pages_are_named_with_all_other_sources(
    shelf: Shelf, tmp_path: Path, page: bytes | None, said: str
) -> None:
    if page is None:
        del shelf.host.files["/simple/toy-package/"]
    else:
        file = shelf.archive.file.encode()
        shelf.host.files["/simple/toy-package/"] = page.replace(b"%s", file)
    with pytest.raises(DownloadFailed) as e:
        shelf.pull(tmp_path, mirror=f"{shelf.host.base}/none")
    text = str(e.value)
    assert text.startswith("toy.pth could not be fetched. ") and f"the package index: {said}" in text
    assert "its publisher: no connection" in text and "127.0.0.1" not in text
    assert visible(tmp_path) == []


def test_an_index_in_html_is_read_too(shelf: Shelf, tmp_path: Path) -> None:
    file = shelf.archive.file
    page = f'<!DOCTYPE html><a href="../../files/{file}#sha256=00" data-yanked="">{file}</a>'
    shelf.host.files["/simple/toy-package/"] = page.encode()
    assert shelf.pull(tmp_path).read_bytes() == DATA


@pytest.mark.parametrize("pack", [tar, wheel])
@pytest.mark.parametrize(
    "files", [{}, {"toy_package-1.0/deep/toy.pth": DATA + b"x"}, {"toy_package-1.0/deep/toy.pth": same_size(DATA)}]
)
def test_a_package_without_the_published_file_leaves_nothing(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: Pack, files: dict[str, bytes]
) -> None:
    with pytest.raises(DownloadFailed, match=r"the package index: its package does not carry toy\.pth as published"):
        shelf_of(host, monkeypatch, pack, files).pull(tmp_path)
    assert visible(tmp_path) == []


def test_a_cut_off_package_is_kept_for_the_next_try(shelf: Shelf, tmp_path: Path) -> None:
    page = shelf.host.files["/simple/toy-package/"]

    def cut(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(shelf.packed)))
        handler.end_headers()
        handler.wfile.write(shelf.packed[: 3 << 19])
        handler.close_connection = True

    def listed(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.end_headers()
        handler.wfile.write(page)

    shelf.host.answers = [listed, cut, cut]
    with pytest.raises(DownloadFailed, match="the package index: no connection, or it was cut off"):
        shelf.pull(tmp_path)
    assert visible(tmp_path) == [f".{shelf.archive.file}.part"]
    shelf.pull(tmp_path)
    assert visible(tmp_path) == ["other.pth", "toy.pth"]


@pytest.mark.parametrize("answers", [[wrong], [html], [status(404)] * 2, [cut_off] * 2])
def test_a_bad_mirror_is_passed_over(
    shelf: Shelf, tmp_path: Path, answers: list[Callable[[BaseHTTPRequestHandler], None]]
) -> None:
    shelf.host.answers = answers * 2 if len(answers) == 1 else answers
    assert shelf.pull(tmp_path, mirror=shelf.host.base).read_bytes() == DATA


@pytest.mark.parametrize(("number", "error"), [(28, DiskFull), (30, FolderNotWritable)])
def test_no_other_source_is_asked_when_the_disk_says_no(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: type[WeightsError]
) -> None:
    def full(*_: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(archives, "_copied", full)
    with pytest.raises(error, match=r"toy\.pth"):
        shelf.pull(tmp_path)
    assert not any(".pth" in name for name in visible(tmp_path))
    assert len(shelf.host.asked) == 2


def test_one_kind_of_error_keeps_its_kind(host: Host, tmp_path: Path) -> None:
    host.answers = [wrong] * 9
    row = row_of(sources=(Download(f"{host.base}/toy.pth"),))
    with pytest.raises(WrongBytes, match=r"the mirror: .*hash differs.*; its publisher: .*hash differs"):
        pull(row, tmp_path, mirror=host.base, allow_http=True, attempts=1)


def test_a_damaged_file_gives_way_to_a_sound_one_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_files, "BESIDE", tmp_path / "share")
    (tmp_path / "share").mkdir()
    row = row_of()
    (tmp_path / "share" / row.file).write_bytes(DATA)
    path(row, tmp_path).write_bytes(b"half")
    assert pull(row, tmp_path, offline=True) == tmp_path / "share" / row.file
    assert verify(row, tmp_path) == "ok"


def needing(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both toys are what nothing works without."""
    monkeypatch.setattr(weights, "NEEDED", (shelf.row, shelf.other))


def test_what_nothing_works_without_comes_out_of_one_fetched_archive(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needing(shelf, monkeypatch)
    for _ in range(2):
        pull_needed(tmp_path, environment=shelf.environment, allow_http=True)
        assert visible(tmp_path) == ["other.pth", "toy.pth"]
    assert [p for p, _ in shelf.host.asked] == ["/simple/toy-package/", f"/files/{shelf.archive.file}"]
    pull_needed(tmp_path, offline=True)


def test_offline_all_that_is_missing_is_named_at_once(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needing(shelf, monkeypatch)
    with pytest.raises(Offline, match=r"without toy\.pth, other\.pth, .*SAM_OFFLINE.*models pull toy other") as caught:
        pull_needed(tmp_path, offline=True)
    assert not shelf.host.asked and "\n" not in str(caught.value)


def test_a_second_source_is_asked_after_the_first_and_both_are_named(host: Host, tmp_path: Path) -> None:
    row = row_of(sources=(Download(f"{host.base}/none/toy.pth"), Download(f"{host.base}/here/toy.pth")))
    assert pull(row, tmp_path, allow_http=True, attempts=1).read_bytes() == DATA
    assert [p for p, _ in host.asked] == ["/none/toy.pth", "/here/toy.pth"]
    (tmp_path / "toy.pth").unlink()
    host.answers = [status(404), status(500)]
    with pytest.raises(DownloadFailed, match=r"publisher: it answers 404; its publisher: it answers 500"):
        pull(row, tmp_path, allow_http=True, attempts=1)
