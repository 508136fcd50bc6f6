"""What the endpoints do themselves: which form of answer is wanted, what fits a header, what the log says."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sam_mask_service.http import logs
from sam_mask_service.http.negotiate import prefers_picture
from sam_mask_service.tasks.headers import stats_header

from ..support.scene import picture, service, settings
from ..support.wire import Client


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    made = Client(service(tmp_path))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("accept", "png"),
    [
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("image/png", True),
        ("IMAGE/PNG", True),
        ("image/*", True),
        ("image/png, */*;q=0.8", True),
        ("image/png;q=0.5, application/json", False),
        ("application/json;q=0.5, image/png", True),
        ("application/json, image/png", False),
        ("text/html, image/avif, image/webp, */*;q=0.8", False),
        ("image/png;q=0", False),
        ("image/png;q=nonsense", True),
        ("image/jpeg", False),
        ("," * 5000 + "image/png", False),
    ],
    ids=lambda value: str(value)[:40],
)
def test_accept(accept: str, png: bool) -> None:
    assert prefers_picture(accept) is png


def test_stats_fit_a_header() -> None:
    small = {"mode": "first", "faces": [{"face_id": 0}], "note": "é\r\nX: y"}
    assert json.loads(stats_header(small)) == small
    assert "\r" not in stats_header(small) and stats_header(small).isascii()
    large = {"mode": "combined", "faces": [{"face_id": i, "bbox": [1, 2, 3, 4]} for i in range(500)]}
    assert json.loads(stats_header(large)) == {"mode": "combined", "faces_left_out": True}


def test_png_itself_with_its_stats(client: Client) -> None:
    for options in ({"headers": {"Accept": "image/png"}}, {"data": {"output": "png"}}):
        answer = client.post("/create_mask", files={"image": picture()}, **options)
        mask = np.asarray(Image.open(io.BytesIO(answer.content)))
        stats = json.loads(answer.headers["x-mask-stats"])
        assert answer.headers["content-type"] == "image/png"
        assert mask.shape == (150, 200)
        assert int((mask == 0).sum()) == stats["face_pixels"]
    text = client.post(
        "/create_mask", files={"image": picture()}, data={"output": "base64"}, headers={"Accept": "image/png"}
    )
    assert text.json()["parameters"]["output"] == "base64"


def test_png_of_several_pictures_is_refused(client: Client) -> None:
    answer = client.post("/create_mask", files={"image": picture()}, data={"mode": "separate", "output": "png"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameter")


def test_metrics_count_what_happened(client: Client) -> None:
    client.post("/create_mask", files={"image": picture()})
    client.post("/create_mask", json={})
    client.post("/create_mask", json={"image_url": "http://127.0.0.1/"})
    text = client.get("/metrics").text
    for line in (
        'sam_mask_requests_total{code="200",endpoint="/create_mask"} 1.0',
        'sam_mask_requests_total{code="422",endpoint="/create_mask"} 2.0',
        'sam_mask_fetch_failures_total{reason="address"} 1.0',
        "sam_mask_faces_total 2.0",
        'sam_mask_engine{engine="mesh"} 1.0',
        "sam_mask_queue_depth 0.0",
        "sam_mask_ready 1.0",
    ):
        assert line in text
    assert 'sam_mask_step_seconds_count{step="decode"} 1.0' in text


def test_docs_describe_every_endpoint_without_anything_to_load(client: Client) -> None:
    html = client.get("/docs").text
    for path in client.get("/openapi.json").json()["paths"]:
        assert f"<code>{path}</code>" in html
    assert "expand_pixels" in html and "-256…256" in html and "curl -X POST" in html
    assert "<script" not in html
    assert client.get("/docs/style.css").headers["content-type"].startswith("text/css")


def test_head_has_the_headers_alone(client: Client) -> None:
    assert client.request("HEAD", "/health").status_code == 200
    answer = client.request("PUT", "/create_mask")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def record(message: str, **fields: Any) -> logging.LogRecord:
    made = logging.LogRecord("x", logging.INFO, "f", 1, message, None, None)
    made.fields = fields
    return made


def test_json_log_is_one_object_a_line_whatever_stands_in_it() -> None:
    line = logs.JsonFormatter().format(record('a\n{"level": "error"}', path="/x\r\ny", ms=1.5))
    assert "\n" not in line
    assert json.loads(line)["path"] == "/x\r\ny"


def test_text_log_shows_control_characters_escaped() -> None:
    line = logs.TextFormatter().format(record("a\x1b[31m\nb", path="/\u202e", nothing=None))
    assert line.endswith("INFO    a\\x1b[31m\\nb path=/\\u202e")


def test_log_has_the_traceback() -> None:
    try:
        raise RuntimeError("inside")
    except RuntimeError:
        made = record("broken")
        made.exc_info = sys.exc_info()
    assert "RuntimeError: inside" in json.loads(logs.JsonFormatter().format(made))["traceback"]
    assert "RuntimeError: inside" in logs.TextFormatter().format(made)


@pytest.fixture
def untouched_logging() -> Iterator[None]:
    names = ("sam_mask_service", "uvicorn.error", "uvicorn.access")
    before = {name: (list(logging.getLogger(name).handlers), logging.getLogger(name).propagate) for name in names}
    level, raising = logging.getLogger("sam_mask_service").level, logging.raiseExceptions
    yield
    for name, (handlers, propagate) in before.items():
        logging.getLogger(name).handlers, logging.getLogger(name).propagate = handlers, propagate
        logging.getLogger(name).setLevel(level)
    logging.raiseExceptions = raising


@pytest.mark.parametrize(("kind", "formatter"), [("text", logs.TextFormatter), ("json", logs.JsonFormatter)])
def test_configuration(tmp_path: Path, kind: str, formatter: type[logging.Formatter], untouched_logging: None) -> None:
    logs.configure(settings(tmp_path, log_format=kind, log_level="error"))
    logger = logging.getLogger("sam_mask_service")
    assert isinstance(logger.handlers[0].formatter, formatter)
    assert logger.level == logging.ERROR


def test_a_file_under_a_wrong_name_and_a_name_without_a_file_say_what_to_do(client: Client) -> None:
    wrong = client.post("/create_mask", files={"picture": picture()})
    assert (wrong.status_code, wrong.json()["detail"]) == (422, '"picture" takes no file here; files go into image.')
    bare = client.post("/create_mask", files={"image": (None, "portrait.jpg")})
    assert (bare.status_code, bare.json()["detail"]) == (422, "image: must be a file (curl: image=@FILE).")


def test_the_docs_list_every_error_and_lead_to_every_endpoint(client: Client) -> None:
    html = client.get("/docs").text
    for code, status in (
        ("no_face", 422),
        ("key_wrong", 403),
        ("busy", 503),
        ("internal", 500),
        ("headers_too_large", 431),
    ):
        assert f"<tr><td><code>{code}</code><td>{status}<td>" in html
    assert "client_left" not in html
    assert html.count("<code>no_face</code>") == 1
    for target in re.findall("href='#([^']+)'", html):
        assert f"id='{target}'" in html or f"id={target}>" in html
    assert html.count("href='#") > 10
