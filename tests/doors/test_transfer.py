"""Downloads from a local server: the right bytes or nothing, whatever the network does."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from sam_mask_service.doors import transfer
from sam_mask_service.doors.weights import path, pull
from sam_mask_service.doors.weights_errors import (
    DiskFull,
    DownloadFailed,
    FolderNotWritable,
    LicenceNotAccepted,
    Offline,
    WeightsError,
    WrongBytes,
)
from sam_mask_service.models.row import Download, ModelRow

from ..support.model_host import (
    DATA,
    ROW,
    Host,
    cut_off,
    endless,
    html,
    redirect,
    row_of,
    status,
    whole_again,
    wrong,
)


def fetch(host: Host, folder: Path, row: ModelRow = ROW, **options: Any) -> Path:
    return pull(replace(row, sources=(Download(f"{host.base}/{row.file}"),)), folder, allow_http=True, **options)


def leftovers(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if not p.name.endswith(".lock"))


def test_a_download_has_the_right_bytes_and_shows_its_way(host: Host, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    found = fetch(host, tmp_path / "models", progress=lambda done, total: seen.append((done, total)))
    assert found.read_bytes() == DATA and found == path(ROW, tmp_path / "models")
    assert leftovers(tmp_path / "models") == ["toy.pth"]
    assert [d for d, _ in seen] == sorted(d for d, _ in seen) and seen[-1] == (len(DATA), len(DATA))
    assert host.asked == [("/toy.pth", None)]


def test_what_is_there_is_not_fetched_again(host: Host, tmp_path: Path) -> None:
    fetch(host, tmp_path)
    fetch(host, tmp_path)
    assert pull(ROW, tmp_path, offline=True) == path(ROW, tmp_path)
    assert len(host.asked) == 1


def test_a_damaged_file_is_replaced(host: Host, tmp_path: Path) -> None:
    path(ROW, tmp_path).write_bytes(b"x" * len(DATA))
    assert fetch(host, tmp_path).read_bytes() == DATA


def test_a_cut_off_download_is_taken_up_again(host: Host, tmp_path: Path) -> None:
    host.answers = [cut_off]
    assert fetch(host, tmp_path).read_bytes() == DATA
    assert host.asked[0][1] is None and host.asked[1][1] is not None and host.asked[1][1].startswith("bytes=")


def test_half_a_file_of_a_killed_process_is_taken_up(host: Host, tmp_path: Path) -> None:
    (tmp_path / ".toy.pth.part").write_bytes(DATA[:1_000_000])
    assert fetch(host, tmp_path).read_bytes() == DATA
    assert host.asked == [("/toy.pth", "bytes=1000000-")]
    assert leftovers(tmp_path) == ["toy.pth"]


@pytest.mark.parametrize("rest", [b"y" * 1_000_000, b"y" * len(DATA), b"y" * (len(DATA) + 5)])
def test_a_wrong_half_is_thrown_away(host: Host, tmp_path: Path, rest: bytes) -> None:
    (tmp_path / ".toy.pth.part").write_bytes(rest)
    assert fetch(host, tmp_path).read_bytes() == DATA


@pytest.mark.parametrize("first", [whole_again, status(416), status(503), cut_off])
def test_hosts_that_do_not_resume(host: Host, tmp_path: Path, first: Callable[[BaseHTTPRequestHandler], None]) -> None:
    (tmp_path / ".toy.pth.part").write_bytes(DATA[:1_000_000])
    host.answers = [first]
    assert fetch(host, tmp_path).read_bytes() == DATA


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (html, WrongBytes),
        (wrong, WrongBytes),
        (endless, WrongBytes),
        (status(404), DownloadFailed),
        (status(500), DownloadFailed),
        (cut_off, DownloadFailed),
        (status(416), DownloadFailed),
        (redirect("ftp://127.0.0.1/x"), DownloadFailed),
        (redirect("/toy.pth"), DownloadFailed),
    ],
)
def test_bad_hosts(
    host: Host, tmp_path: Path, answer: Callable[[BaseHTTPRequestHandler], None], error: type[WeightsError]
) -> None:
    host.answers = [answer] * 100
    with pytest.raises(error, match=r"toy\.pth") as caught:
        fetch(host, tmp_path)
    assert not path(ROW, tmp_path).exists()
    assert "127.0.0.1" not in str(caught.value) and str(tmp_path) not in str(caught.value)
    host.answers = []
    assert fetch(host, tmp_path).read_bytes() == DATA


def test_plain_http_is_refused_everywhere(host: Host, tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match="https"):
        pull(ROW, tmp_path, mirror=host.base)
    with pytest.raises(DownloadFailed, match="https"):
        pull(row_of(sources=(Download(f"{host.base}/toy.pth"),)), tmp_path)
    assert not host.asked


def test_a_redirect_to_plain_http_is_not_followed(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first address passes as https here; the one that it redirects to does not."""
    monkeypatch.setattr(transfer.Manner, "allows", lambda _, url: url.endswith("/start/toy.pth"))
    host.answers = [redirect(f"{host.base}/toy.pth")]
    with pytest.raises(DownloadFailed, match="redirects"):
        pull(row_of(sources=(Download(f"{host.base}/start/toy.pth"),)), tmp_path)
    assert [p for p, _ in host.asked] == ["/start/toy.pth"]


def test_nobody_there(tmp_path: Path, host: Host) -> None:
    with pytest.raises(DownloadFailed, match="no connection"):
        pull(ROW, tmp_path, allow_http=True, attempts=1)


def test_offline_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(Offline, match=r"toy\.pth"):
        pull(ROW, tmp_path, offline=True)


def test_a_licence_must_be_accepted(host: Host, tmp_path: Path) -> None:
    careful = row_of(caution="Not for commerce.")
    with pytest.raises(LicenceNotAccepted, match="Not for commerce"):
        fetch(host, tmp_path, careful)
    assert not host.asked
    assert fetch(host, tmp_path, careful, accept_licence=True).exists()


@pytest.mark.parametrize(
    ("number", "error"), [(errno.ENOSPC, DiskFull), (errno.EDQUOT, DiskFull), (errno.EROFS, FolderNotWritable)]
)
def test_no_space_left(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: type[WeightsError]
) -> None:
    def full(*_: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(transfer._Transfer, "update", full)
    with pytest.raises(error, match=r"toy\.pth"):
        fetch(host, tmp_path)
    assert not path(ROW, tmp_path).exists() and len(host.asked) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(host: Host, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(FolderNotWritable):
            fetch(host, tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_a_folder_that_is_a_file(host: Host, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("")
    with pytest.raises(WeightsError):
        fetch(host, tmp_path / "models")


def test_two_processes_fetch_once(host: Host, tmp_path: Path) -> None:
    """Both get the file; the second one waits and finds it there."""
    script = (
        "import sys; from pathlib import Path\n"
        "from sam_mask_service.models.row import Download, ModelRow\n"
        "from sam_mask_service.doors.weights import pull\n"
        f"row = ModelRow(**{ {f: getattr(ROW, f) for f in ROW.__slots__}!r})\n"
        f"print(pull(row, Path(sys.argv[1]), mirror={host.base!r}, allow_http=True).stat().st_size)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    both = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, env=environment)
        for _ in range(2)
    ]
    assert [p.communicate(timeout=60)[0].strip() for p in both] == [str(len(DATA)).encode()] * 2
    assert len(host.asked) == 1 and path(ROW, tmp_path).read_bytes() == DATA


def test_proxies_come_from_the_environment(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", host.base)
    monkeypatch.setenv("no_proxy", "")
    found = pull(ROW, tmp_path, mirror="http://models.invalid/sam", allow_http=True)
    assert found.read_bytes() == DATA and host.asked == [("http://models.invalid/sam/toy.pth", None)]
