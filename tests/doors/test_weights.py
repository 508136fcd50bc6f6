"""Model files from a local server: the right bytes or nothing, whatever the network does."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sam_mask_service.doors import weights
from sam_mask_service.doors.model_table import ROWS, ModelRow
from sam_mask_service.doors.weights import (
    check,
    listing,
    model,
    open_checkpoint,
    open_unverified,
    path,
    pull,
    remove,
    verify,
)
from sam_mask_service.doors.weights_errors import (
    DiskFull,
    DownloadFailed,
    FolderNotWritable,
    LicenceNotAccepted,
    ModelMissing,
    ModelUnknown,
    Offline,
    UnsafeFile,
    WeightsError,
    WrongBytes,
)

DATA = bytes(range(256)) * 12_000  # 3 MB, so that a transfer takes several chunks


def row_of(data: bytes = DATA, **changes: Any) -> ModelRow:
    values: dict[str, Any] = {
        "name": "toy",
        "file": "toy.pth",
        "url": "https://publisher.invalid/toy.pth",
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "licence": "Apache-2.0",
        "kind": "sam",
        "what": "a toy",
    }
    return ModelRow(**{**values, **changes})


ROW = row_of()


@dataclass
class Host:
    """A server on the loopback. ``answers``: one behaviour per request in turn, then ``serve``."""

    base: str = ""
    answers: list[Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=list)
    asked: list[tuple[str, str | None]] = field(default_factory=list)


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content_Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def serve(handler: BaseHTTPRequestHandler) -> None:
    """The file, or the part of it that is asked for."""
    wanted = handler.headers.get("Range")
    if wanted is None:
        return send(handler, 200, DATA)
    start = int(wanted.removeprefix("bytes=").rstrip("-"))
    return send(handler, 206, DATA[start:], Content_Range=f"bytes {start}-{len(DATA) - 1}/{len(DATA)}")


def whole_again(handler: BaseHTTPRequestHandler) -> None:
    """Ranges are not known here."""
    send(handler, 200, DATA)


def cut_off(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, DATA[: 2 << 20], Content_Length=str(len(DATA)))
    handler.close_connection = True


def html(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, b"<html>please log in</html>", Content_Type="text/html")


def wrong(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, b"x" * len(DATA))


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        for _ in range(100):
            handler.wfile.write(bytes(1 << 20))
    except OSError:
        pass


def status(code: int) -> Callable[[BaseHTTPRequestHandler], None]:
    return lambda handler: send(handler, code, b"no")


def redirect(to: str) -> Callable[[BaseHTTPRequestHandler], None]:
    return lambda handler: send(handler, 302, b"", Location=to)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    state = Host()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append((self.path, self.headers.get("Range")))
            (state.answers.pop(0) if state.answers else serve)(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    state.base = f"http://127.0.0.1:{server.server_address[1]}"
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


def fetch(host: Host, folder: Path, row: ModelRow = ROW, **options: Any) -> Path:
    return pull(row, folder, mirror=host.base, allow_http=True, **options)


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
        pull(row_of(url=f"{host.base}/toy.pth"), tmp_path)
    assert not host.asked


def test_a_redirect_to_plain_http_is_not_followed(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first address passes as https here; the one that it redirects to does not."""
    allowed = weights._allowed
    monkeypatch.setattr(
        weights, "_allowed", lambda url, **_: url.endswith("/start/toy.pth") or allowed(url, allow_http=False)
    )
    host.answers = [redirect(f"{host.base}/toy.pth")]
    with pytest.raises(DownloadFailed, match="redirects"):
        pull(ROW, tmp_path, mirror=f"{host.base}/start")
    assert [p for p, _ in host.asked] == ["/start/toy.pth"]


def test_nobody_there(tmp_path: Path, host: Host) -> None:
    with pytest.raises(DownloadFailed, match="no connection"):
        pull(ROW, tmp_path, mirror="http://127.0.0.1:9", allow_http=True, attempts=1)


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

    monkeypatch.setattr(weights._Transfer, "update", full)
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
        "from sam_mask_service.doors.model_table import ModelRow\n"
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


# Opening.


def test_only_the_published_bytes_pass(host: Host, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="sam-mask models pull toy"):
        open_unverified(ROW, tmp_path)
    with open_unverified(ROW, fetch(host, tmp_path).parent) as file:
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


# The table.


def test_list_verify_remove(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "ROWS", (ROW,))
    assert [i.status for i in listing(tmp_path)] == ["absent"] and verify(ROW, tmp_path) == "absent"
    fetch(host, tmp_path)
    assert [i.status for i in listing(tmp_path)] == ["ok"] and verify(ROW, tmp_path) == "ok"
    path(ROW, tmp_path).write_bytes(b"x" * len(DATA))
    assert [i.status for i in listing(tmp_path)] == ["ok"] and verify(ROW, tmp_path) == "damaged"
    path(ROW, tmp_path).write_bytes(b"x")
    assert [i.status for i in listing(tmp_path)] == ["damaged"] and verify(ROW, tmp_path) == "damaged"
    (tmp_path / ".toy.pth.part").write_bytes(b"x")
    assert remove(ROW, tmp_path) and not remove(ROW, tmp_path)
    assert leftovers(tmp_path) == []


def test_unknown_models_are_told_the_known_ones() -> None:
    with pytest.raises(ModelUnknown, match=r"vit_b.*mobile_sam"):
        model("vit_x")


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.name)
def test_rows_are_complete(row: ModelRow) -> None:
    assert row.url.startswith("https://") and row.url.endswith(f"/{row.file}")
    assert len(row.sha256) == 64 and set(row.sha256) <= set("0123456789abcdef")
    assert row.bytes > 100_000 and row.licence and row.what
    assert Path(row.file).name == row.file and model(row.name) is row


def test_rows_do_not_repeat_each_other() -> None:
    for values in ([r.name for r in ROWS], [r.file for r in ROWS], [r.sha256 for r in ROWS]):
        assert len(set(values)) == len(ROWS)
    assert [r.name for r in ROWS if r.caution] == ["face-parsing"]
