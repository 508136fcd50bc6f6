"""O: jobs and the end of processes: a started server, killed between two pictures and in the middle of one."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from ..support.redis_server import PROGRAM, redis_server
from ..support.scene import picture
from ..support.wire import Server, started

pytestmark = pytest.mark.server


def until(server: Server, url: str, what: Any) -> Any:
    end = time.monotonic() + 60
    while not what(told := server.get(url).json()):
        assert time.monotonic() < end, told
        time.sleep(0.02)
    return told


def test_o01_killed_between_and_started_again_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    text = base64.b64encode(picture()).decode()
    images = [{"image_base64": text, "id": number} for number in range(12)]
    jobs: dict[str, Any] = {"jobs_dir": tmp_path / "jobs", "FAKE_SECONDS": 0.1}
    with started("serve", tmp_path, **jobs) as server:
        asked = server.post("/jobs", json={"endpoint": "create_mask", "images": images})
        url = asked.json()["status_url"]
        first = until(server, url, lambda told: told["pictures"]["answered"] >= 3)
        server.process.kill()
        server.process.wait()
    with started("serve", tmp_path, **jobs) as server:
        again = server.get(url).json()
        assert again["pictures"]["answered"] >= first["pictures"]["answered"]
        told = until(server, url, lambda told: told["state"] == "done")
        lines = [json.loads(line) for line in server.get(f"{url}/results").text.splitlines()]
    assert told["pictures"] == {"total": 12, "waiting": 0, "answered": 12, "failed": 0}
    assert [(line["index"], line["id"]) for line in lines] == [(number, number) for number in range(12)]
    assert all(line["success"] for line in lines)


def test_o02_a_picture_that_kills_the_process_is_given_up_and_the_others_are_done(tmp_path: Path) -> None:
    images = [{"image_base64": base64.b64encode(picture(size, size)).decode()} for size in (66, 100)]
    jobs: dict[str, Any] = {"jobs_dir": tmp_path / "jobs", "FAKE_POISON": "abort", "workers": 1}
    with started("gunicorn", tmp_path, **jobs) as server:
        asked = server.post("/jobs", json={"endpoint": "create_mask", "images": images})
        url = asked.json()["status_url"]
        told = None
        end = time.monotonic() + 90
        while told is None or told["state"] != "done":
            assert time.monotonic() < end, told
            time.sleep(0.2)
            told = _asked(server, url) or told
        lines = [json.loads(line) for line in server.get(f"{url}/results").text.splitlines()]
    assert [line.get("code") for line in lines] == ["internal", None]


@pytest.mark.skipif(not PROGRAM, reason="there is no redis-server here")
def test_o03_one_of_two_replicas_is_killed_and_the_other_ends_the_job_once(tmp_path: Path) -> None:
    """The one that took it in dies with pictures at work; nothing is told but what the survivor answers."""
    texts = [base64.b64encode(picture(200 + number)).decode() for number in range(24)]
    images = [{"image_base64": text, "id": number} for number, text in enumerate(texts)]
    for name in ("redis", "a", "b"):
        (tmp_path / name).mkdir()
    with redis_server(tmp_path / "redis") as redis:
        shared: dict[str, Any] = {"jobs_url": redis.url, "FAKE_SECONDS": 0.3, "FAKE_LEASE": 2}
        with started("serve", tmp_path / "a", **shared) as dying, started("serve", tmp_path / "b", **shared) as left:
            url = dying.post("/jobs", json={"endpoint": "create_mask", "images": images}).json()["status_url"]
            first = until(left, url, lambda told: told["pictures"]["answered"] >= 6)
            dying.process.kill()
            dying.process.wait()
            told = until(left, url, lambda told: told["state"] == "done")
            lines = [json.loads(line) for line in left.get(f"{url}/results").text.splitlines()]
    assert first["state"] == "running"
    assert told["pictures"] == {"total": 24, "waiting": 0, "answered": 24, "failed": 0}
    assert [(line["index"], line["id"]) for line in lines] == [(number, number) for number in range(24)]
    assert all(line["success"] for line in lines)
    assert "wait again" in left.logged()


def _asked(server: Server, url: str) -> Any:
    """The status; None while the process is being renewed."""
    try:
        return server.get(url).json()
    except httpx.TransportError:
        return None
