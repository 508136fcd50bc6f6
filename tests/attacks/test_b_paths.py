"""B: paths, names and static files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sam_mask_service import page

from ..support.scene import picture, service
from ..support.wire import Client


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """With the web page, and a root full of traps."""
    made = Client(service(tmp_path), pages=page.files())
    root = tmp_path / "images"
    (tmp_path / "secret.png").write_bytes(picture())
    (root / "good.png").write_bytes(picture())
    (root / "sub").mkdir()
    (root / "sub" / "inner.png").write_bytes(picture())
    (root / "link.png").symlink_to("../secret.png")
    (root / "empty.png").write_bytes(b"")
    os.mkfifo(root / "pipe.png")
    yield made
    made.close()


@pytest.mark.parametrize(
    "path",
    [
        "/static/../../etc/passwd", "/static/%2e%2e/%2e%2e/etc/passwd", "/static/%252e%252e%252fetc/passwd",
        "/static/..%5c..%5cetc/passwd", "/static/....//....//etc/passwd", "/static/app.js%00.png", "//etc/passwd",
        "/static/", "/static", "/static/__init__.py", "/static//app.js", "/static/APP.JS", "/static/./app.js",
        "/page/app.js",
        "/.env", "/.git/config",
    ],
)  # fmt: skip
def test_b01_b02_nothing_but_the_named_files(client: Client, path: str) -> None:
    async def ask() -> int:
        """By hand: an HTTP client would tidy the path up first."""
        got: list[int] = []
        raw = path.encode()
        scope = {
            "type": "http", "method": "GET", "path": path, "raw_path": raw, "query_string": b"", "http_version": "1.1",
            "headers": [(b"host", b"localhost")], "client": ("127.0.0.1", 1), "scheme": "http", "root_path": "",
        }  # fmt: skip

        async def send(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                got.append(int(str(message["status"])))

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": b"", "more_body": False}

        await client.app(scope, receive, send)  # type: ignore[arg-type]
        return got[0]

    assert client.run(ask()) == 404


def test_b01_the_named_files_are_there(client: Client) -> None:
    for path in page.files():
        answer = client.get(path)
        assert answer.status_code == 200, path
        again = client.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "value", ["bytes=-", "bytes=0-0," * 10_000, "bytes=0-5,1-6,2-7", "bytes=-99999999", "bytes=5-1", "pages=1"]
)
def test_b06_ranges_are_not_taken_up(client: Client, value: str) -> None:
    answer = client.get("/static/app.js", headers={"Range": value})
    assert (answer.status_code, answer.content) == (200, page.files()["/static/app.js"].body)


@pytest.mark.parametrize(
    "name",
    ["../../x", "/etc/passwd", "x" * 3000, "a\\b", "con", "\u202egnp.exe", "a\u0000b", 'a"b', "a%0d%0aX-Evil: 1", ""],
    ids=ascii,
)
def test_b03_name_of_an_upload_is_used_for_nothing(client: Client, name: str) -> None:
    quoted = name.replace('"', "%22").encode()
    head = b'--b\r\nContent-Disposition: form-data; name="image"; filename="' + quoted + b'"\r\n\r\n'
    body = head + picture() + b"\r\n--b--\r\n"
    answer = client.post("/create_mask", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert answer.status_code == 200, answer.text
    assert not any("evil" in header for header in answer.headers)
    if len(name) > 3:
        assert name not in answer.text


@pytest.mark.parametrize("field", ["mode", "region", "engine", "detail", "order", "detector", "target"])
@pytest.mark.parametrize("value", ["../../x", "/etc/passwd", "http://example.com/model.bin", "FIRST", "first\0"])
def test_b04_names_are_enumerated(client: Client, field: str, value: str) -> None:
    answer = client.post("/create_mask", files={"image": picture()}, data={field: value})
    assert answer.status_code == 422
    assert answer.json()["code"] in ("invalid_parameter", "region_unavailable")


@pytest.mark.parametrize(
    "field", ["model_path", "providers", "__class__", "kwargs", "device", "checkpoint", "constructor"]
)
def test_b05_no_further_arguments_get_through(client: Client, field: str) -> None:
    for answer in (
        client.post("/create_mask", files={"image": picture()}, data={field: "x"}),
        client.post("/create_mask", json={"image_path": "good.png", field: {"a": 1}}),
    ):
        assert answer.status_code == 422
        assert field in answer.json()["detail"]


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("good.png", 200, None),
        ("sub/inner.png", 200, None),
        ("sub/../good.png", 200, None),
        ("../secret.png", 403, "path_outside_root"),
        ("link.png", 403, "path_outside_root"),
        ("/etc/passwd", 403, "path_outside_root"),
        ("/dev/zero", 403, "path_outside_root"),
        ("/proc/self/environ", 403, "path_outside_root"),
        ("sub/../../secret.png", 403, "path_outside_root"),
        ("sub", 404, "file_not_found"),
        ("pipe.png", 404, "file_not_found"),
        ("missing.png", 404, "file_not_found"),
        (".", 404, "file_not_found"),
        ("good.png\0", 422, "invalid_parameter"),
        ("", 422, "invalid_parameter"),
        ("   ", 422, "invalid_parameter"),
        ("empty.png", 422, "image_unreadable"),
    ],
)
def test_b07_image_path_stays_in_its_root(client: Client, name: str, status: int, code: str | None) -> None:
    answer = client.post("/create_mask", json={"image_path": name})
    assert answer.status_code == status, answer.text
    if code:
        assert answer.json()["code"] == code
        assert "/tmp" not in answer.text and "images" not in answer.json()["detail"]  # noqa: S108


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("mask.png", 200, None),
        ("old.png", 409, "file_exists"),
        ("../x.png", 403, "path_outside_root"),
        ("/tmp/x.png", 403, "path_outside_root"),  # noqa: S108
        ("a/b.png", 403, "path_outside_root"),
        ("..\\x.png", 403, "path_outside_root"),
        ("trap.png", 409, "file_exists"),
        (".hidden.png", 422, "invalid_parameter"),
        ("x.sh", 422, "invalid_parameter"),
        ("a\nb.png", 422, "invalid_parameter"),
        ("a\0.png", 422, "invalid_parameter"),
        ("n" * 250 + ".png", 422, "invalid_parameter"),
    ],
    ids=ascii,
)
def test_b07_output_stays_in_its_root(client: Client, tmp_path: Path, name: str, status: int, code: str | None) -> None:
    output = tmp_path / "output"
    (output / "old.png").write_bytes(b"old")
    (output / "trap.png").symlink_to(tmp_path / "victim")
    answer = client.post("/create_mask_file", json={"image_path": "good.png", "output_name": name})
    assert answer.status_code == status, answer.text
    assert (answer.json().get("code"), (output / "old.png").read_bytes()) == (code, b"old")
    assert not (tmp_path / "victim").exists() and not (tmp_path / "x.png").exists()
    assert not [path for path in output.iterdir() if path.name.endswith(".part")]


def test_b07_overwrite_replaces_the_link_and_not_its_target(client: Client, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    (tmp_path / "output" / "trap.png").symlink_to(victim)
    body = {"image_path": "good.png", "output_name": "trap.png", "overwrite": True}
    assert client.post("/create_mask_file", json=body).status_code == 200
    assert victim.read_bytes() == b"mine"
