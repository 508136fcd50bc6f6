"""A full service turns work away by its head: no routing, no body, and nothing else is touched by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from ..support.scene import picture, service
from ..support.wire import Client

KEY = "a-long-and-strong-key"
SHOWN = {"X-API-Key": KEY}
WORK = {
    "/create_mask": "/create_mask",
    "/create_mask_file": "/create_mask_file",
    "/create_masks": "/create_masks",
    "/detect_faces": "/detect_faces",
    "/anonymize": "/anonymize",
    "/cutout": "/cutout",
    "/composite": "/composite",
    "/images": "/images",
    "/images/abc/masks": "/images/{image_id}/masks",
}


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Client]:
    """A service whose places are all taken."""
    client = Client(service(tmp_path, workers=1, queue=0, api_key=KEY))
    client.service.gate.busy = 1
    yield client
    client.service.gate.busy = 0
    client.close()


@pytest.mark.parametrize("path", WORK)
def test_work_is_turned_away_and_counted_by_its_template(full: Client, path: str) -> None:
    answer = full.post(path, content=picture(), headers=SHOWN)
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")
    assert int(answer.headers["retry-after"]) >= 1
    text = full.get("/metrics", headers=SHOWN).text
    assert f'sam_mask_requests_total{{code="503",endpoint="{WORK[path]}"}} 1.0' in text


def test_every_working_route_is_among_them(full: Client) -> None:
    paths = {path for path, item in full.get("/openapi.json", headers=SHOWN).json()["paths"].items() if "post" in item}
    assert paths == {*WORK.values(), "/jobs"}, "jobs are taken in by a full service too"


def test_no_route_is_looked_for(full: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> None:
        raise AssertionError("the router was asked")

    monkeypatch.setattr(FastAPI, "router", property(lambda _: never), raising=False)
    assert full.post("/create_mask", content=picture(), headers=SHOWN).status_code == 503


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/health", {}, 200),
        ("GET", "/metrics", SHOWN, 200),
        ("GET", "/create_mask", SHOWN, 405),
        ("POST", "/create_mask", {}, 401),
        ("POST", "/create_mask", {"X-API-Key": "wrong"}, 403),
        ("POST", "/unknown", SHOWN, 404),
        ("POST", "/images/a/b/masks", SHOWN, 404),
        ("DELETE", "/images/unknown", SHOWN, 404),
    ],
)
def test_everything_else_is_as_ever(full: Client, method: str, path: str, headers: dict[str, str], status: int) -> None:
    assert full.request(method, path, headers=headers).status_code == status


def test_draining_is_said_as_such(full: Client) -> None:
    full.service.gate.draining = True
    answer: httpx.Response = full.post("/create_mask", content=picture(), headers=SHOWN)
    assert (answer.status_code, answer.json()["code"]) == (503, "draining")
