"""Bulk work against an object store: moto's server, started here. Wants the extra ``remote`` (``make test-ray``)."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ..cli.conftest import Call
from ..support.scene import Fixed, picture

WANTED = ("moto", "s3fs", "flask")
pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in WANTED), reason="the extra remote, or moto, is not installed"
)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A store on a free port of this machine, with a bucket; its address is what the tools of AWS look for."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    address = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    httpx.post(f"{address}/moto-api/reset")
    system = fresh()
    system.mkdir("bucket")
    yield system
    server.stop()


def fresh() -> Any:
    """A file system that remembers no other test's address."""
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    return s3fs.S3FileSystem()


def rows(system: Any) -> dict[str, dict[str, Any]]:
    system.invalidate_cache()
    return {row["input"]: row for row in map(json.loads, system.cat("bucket/out/manifest.jsonl").splitlines())}


def test_from_the_store_to_the_store(call: Call, store: Any) -> None:
    data = {
        "a.png": picture(),
        "x/b.jpg": picture(210, kind="jpeg"),
        "x/same.png": picture(),
        "bad.jpg": b"",
        "n.txt": b"n",
    }
    for name, content in data.items():
        store.pipe(f"bucket/in/{name}", content)
    for status, asked in ("ok", 2), ("skipped", 0):
        detector = Fixed()
        result = call("batch", "s3://bucket/in", "s3://bucket/out", detector=detector)
        assert result.exit_code == 1 and "s3://bucket/in/bad.jpg" in result.stderr
        assert {name: row["code"] or row["status"] for name, row in rows(store).items()} == {
            **dict.fromkeys(("a.png", "x/b.jpg", "x/same.png"), status),
            "bad.jpg": "image_unreadable",
            "n.txt": "not_a_picture",
        }
        assert store.cat("bucket/out/x/same.png") == store.cat("bucket/out/a.png") and len(detector.asked) == asked
        assert not store.exists("bucket/out/manifest-shards")


def test_a_list_of_objects_to_a_folder(call: Call, store: Any, tmp_path: Path) -> None:
    store.pipe("bucket/in/a.png", picture())
    (tmp_path / "list.txt").write_text("s3://bucket/in/a.png\ns3://bucket/in/gone.png\n")
    assert call("batch", "list.txt", "out").exit_code == 1
    found = [json.loads(line) for line in (tmp_path / "out/manifest.jsonl").read_text().splitlines()]
    assert [row["code"] or row["status"] for row in found] == ["ok", "file_not_found"]
    assert (tmp_path / "out/bucket/in/a.png").exists()


def test_a_store_that_is_not_there(call: Call, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    fresh()
    result = call("batch", "s3://bucket/in", "out")
    assert getattr(result.exception, "code", None) == "store_unreachable", result.exception


def test_a_bucket_or_a_folder_that_is_not_there(call: Call, store: Any) -> None:
    for address in "s3://bucket/none", "s3://none/x":
        result = call("batch", address, "out")
        assert result.exit_code == 2 and f"nothing at {address}" in result.stderr


def test_credentials_that_are_not_accepted(call: Call, store: Any) -> None:
    store.pipe("bucket/in/a.png", picture())
    httpx.post(f"{os.environ['AWS_ENDPOINT_URL']}/moto-api/reset-auth", content=b"0")
    fresh()
    result = call("batch", "s3://bucket/in", "out")
    assert getattr(result.exception, "code", None) == "store_refused", result.exception
    assert "secret" not in str(result.exception)
