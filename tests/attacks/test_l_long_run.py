"""L: what a long run must not leave behind, in small; ``make soak`` does thousands against a started server."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from ..support.scene import picture
from ..support.wire import Client

PNG = picture()
TYPE = {"Content-Type": "image/png"}


def good(client: Client, i: int) -> httpx.Response:
    return client.post("/create_mask", content=PNG, headers=TYPE, params={"expand_pixels": i % 50})


def bad_picture(client: Client, i: int) -> httpx.Response:
    return client.post("/create_mask", content=PNG[: 20 + i], headers=TYPE)


def too_long(client: Client, i: int) -> httpx.Response:
    return client.post("/create_mask", content=b"x", headers={**TYPE, "Content-Length": "999999999"})


def unknown_path(client: Client, i: int) -> httpx.Response:
    return client.get(f"/{i}/secret-{i}?token=hidden-{i}")


def odd_parameter(client: Client, i: int) -> httpx.Response:
    return client.post("/create_mask", json={f"name-{i}": i, "image_url": f"http://host-{i}.example/?q=hidden-{i}"})


KINDS: list[tuple[Callable[[Client, int], httpx.Response], int]] = [
    (good, 200),
    (bad_picture, 422),
    (too_long, 413),
    (unknown_path, 404),
    (odd_parameter, 422),
]


@pytest.mark.parametrize(("kind", "status"), KINDS, ids=[kind.__name__ for kind, _ in KINDS])
def test_l01_l02_threads_descriptors_and_files_stay(
    client: Client, tmp_path: Path, kind: Callable[[Client, int], httpx.Response], status: int
) -> None:
    for i in range(10):
        kind(client, i)
    before = (threading.active_count(), len(os.listdir("/proc/self/fd")), sorted(tmp_path.rglob("*")))  # noqa: PTH208
    assert {kind(client, i).status_code for i in range(60)} == {status}
    after = (threading.active_count(), len(os.listdir("/proc/self/fd")), sorted(tmp_path.rglob("*")))  # noqa: PTH208
    assert after[1:] == before[1:]
    assert after[0] < before[0] + client.service.settings.workers, "only the pool's own threads come, and they stay"
    assert client.app.state.routes.reserve.used == 0


def series(client: Client) -> set[str]:
    """Names and labels of everything counted, without the values."""
    lines = client.get("/metrics").text.splitlines()
    return {line.rsplit(" ", 1)[0] for line in lines if not line.startswith("#")}


def test_l04_labels_do_not_grow_with_what_callers_send(client: Client) -> None:
    for kind, _ in KINDS:
        kind(client, 0)
    series(client)  # counts itself
    before = series(client)
    for i in range(1, 30):
        for kind, _ in KINDS:
            kind(client, i)
    grown = series(client) - before
    assert not grown
    assert not [name for name in before if "secret" in name or "host" in name or "token" in name]


def test_l05_log_lines_are_short_and_hold_no_query_and_no_picture(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "sam_mask_service")
    for kind, _ in KINDS:
        for i in range(10):
            kind(client, i)
    client.get("/" + "a" * 5000)
    lines = [str(record.getMessage()) + str(getattr(record, "fields", "")) for record in caplog.records]
    assert len(lines) == 51, "one line a request"
    assert max(map(len, lines)) < 700
    text = "\n".join(lines)
    assert "hidden" not in text and "iVBOR" not in text and "PNG" not in text
    assert all("request_id" in line for line in lines)
