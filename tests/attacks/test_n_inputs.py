"""N06: no input gives 5xx: what callers may send, drawn from every parameter model, and the cases that did."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sam_mask_service.geometry import Box, Face
from sam_mask_service.image import encode
from sam_mask_service.tasks import TASKS, Task

from ..support.scene import Fixed, picture, service
from ..support.wire import Client

HUGE = "9" * 390
GREY = encode(np.full((150, 200), 255, np.uint8))
BASE64 = base64.b64encode(picture()).decode()
TRANSFORM = {
    "source_width": 200,
    "source_height": 150,
    "width": 200,
    "height": 150,
    "offset_x": 0,
    "offset_y": 0,
    "content_width": 200,
    "content_height": 150,
}


def composite(client: Client, files: dict[str, bytes] | None = None, **fields: str) -> httpx.Response:
    parts = files or dict.fromkeys(("original", "edited", "mask"), picture())
    return client.post("/composite", files={n: ("f", d, "image/png") for n, d in parts.items()}, data=fields)


def upload(client: Client) -> str:
    answer = client.post("/images", files={"image": picture()})
    image_id: str = answer.json()["image_id"]
    return image_id


@pytest.mark.parametrize("field", [f'"points": [[{HUGE}, 1, 1]]', f'"box": [0, 0, {HUGE}, 5]', f'"point_x": {HUGE}'])
def test_n06_a_huge_number_is_no_coordinate(client: Client, field: str) -> None:
    body = "{" + field + "}"
    answer = client.post(f"/images/{upload(client)}/masks", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameter")


def test_n06_a_huge_number_in_a_form(client: Client) -> None:
    answer = client.post("/anonymize", files={"image": picture()}, data={"except_points": f"[[{HUGE}, 1]]"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameter")


def nested(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


TRANSFORMS = {
    "nested": json.dumps(TRANSFORM)[:-1] + f', "forward": {nested(300)}' + "}",
    "half a pair, value": json.dumps({**TRANSFORM, "forward": "\ud800"}),
    "half a pair, key": json.dumps({**TRANSFORM, "backward": {"\udfff": 1}}),
    "half a pair, field": json.dumps({**TRANSFORM, "\udfff": 1}),
    "huge": json.dumps(TRANSFORM).replace("200", HUGE, 1),
    "deep": nested(3000),
}


@pytest.mark.parametrize("case", TRANSFORMS)
def test_n06_a_broken_transform(client: Client, case: str) -> None:
    mask = {"original": picture(), "edited": picture(), "mask": GREY}
    answer = composite(client, mask, transform=TRANSFORMS[case])
    assert answer.status_code in (200, 422), answer.text
    if answer.status_code == 200:
        assert answer.json()["parameters"]["transform"] == TRANSFORM


@pytest.mark.parametrize(
    "origin", ["http://[::1", "http://[x]y", "http://]", "//", "", "http://\xff", "http://localhost:x"]
)
def test_n06_an_origin_that_is_none(client: Client, origin: str) -> None:
    headers = {"Origin": origin.encode("latin-1")}
    answer = client.post("/create_mask", files={"image": picture()}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden_origin")


@pytest.mark.parametrize(("kind", "side"), [("webp", 16_384), ("jpeg", 65_501)])
def test_n06_a_format_narrower_than_the_picture(client: Client, kind: str, side: int) -> None:
    long = encode(np.zeros((16, side, 3), np.uint8))
    files = {"original": long, "edited": b"not looked at", "mask": b"not looked at"}
    answer = composite(client, files, format=kind)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameter")
    assert kind in answer.json()["detail"]


@pytest.mark.parametrize(("kind", "side"), [("webp", 16_384), ("jpeg", 65_501)])
def test_n06_a_cut_out_longer_than_its_format(client: Client, kind: str, side: int) -> None:
    files, sent = {"image": encode(np.zeros((16, side, 3), np.uint8))}, {"format": kind, "background": "white"}
    client.service.renew_detector(Fixed([Face(Box(0, 0, 40, 16), 0.9), Face(Box(side - 40, 0, 40, 16), 0.9)]))
    answer = client.post("/cutout", files=files, data=sent)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameter")
    assert kind in answer.json()["detail"]


# --- every model, every kind of value ---------------------------------------------------------------------------------

WORDS = [
    "",
    "face",
    "face,-lips",
    "first",
    "separate",
    "png",
    "webp",
    "jpeg",
    "sam",
    "mesh",
    "true",
    "#ffffff",
    "\ud800",
    "\0",
    "white",
    "comfyui",
    "openai",
    "a.png",
    "../a.png",
    "0,1",
    "[[1,1,1]]",
    "nan",
    "-1",
    "1e400",
    HUGE,
    "ü" * 300,
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-300, 300),
    st.just(int(HUGE)),
    st.just(-int(HUGE)),
    st.floats(-1e9, 1e9),
    st.sampled_from([0.0, 1.0, 1e308]),
    st.sampled_from(WORDS),
    st.text(max_size=20),
)
VALUES = st.recursive(
    SCALARS,
    lambda v: st.lists(v, max_size=4) | st.dictionaries(st.sampled_from(WORDS[:8]), v, max_size=3),
    max_leaves=8,
)
ONE_PICTURE = [task for task in TASKS if task.comes in ("sent", "kept", "many")]


def fitting(task: Task, name: str) -> st.SearchStrategy[Any]:
    """Values of any kind, and now and then the model's own default, so that several wrong ones meet."""
    field = task.params.model_fields[name]
    own = [] if field.is_required() else [st.just(field.get_default(call_default_factory=True))]
    return st.one_of(VALUES, *own)


@st.composite
def bodies(draw: st.DrawFn, task: Task) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from(sorted(task.params.model_fields)), max_size=4, unique=True))
    return {name: draw(fitting(task, name)) for name in names}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    made = Client(service(tmp_path_factory.mktemp("n06"), max_bytes=1_000_000))
    yield made
    made.close()


def _source(task: Task, client: Client) -> tuple[str, dict[str, Any]]:
    if task.comes == "kept":
        return task.path.format(image_id=upload(client)), {}
    return task.path, {"images": [{"image_base64": BASE64}]} if task.comes == "many" else {"image_base64": BASE64}


@pytest.mark.parametrize("task", ONE_PICTURE, ids=lambda task: task.name)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_n06_no_parameter_gives_5xx(shared: Client, task: Task, data: st.DataObject) -> None:
    path, source = _source(task, shared)
    body = json.dumps({**data.draw(bodies(task)), **source})
    answer = shared.post(path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code < 500, (body, answer.text)
    if task.comes == "many" and answer.status_code == 200:
        assert '"status": 500' not in answer.text, body


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_n06_no_form_field_gives_5xx(shared: Client, data: st.DataObject) -> None:
    task = data.draw(st.sampled_from([task for task in TASKS if task.comes in ("sent", "either")]))
    names = data.draw(st.lists(st.sampled_from(sorted(task.params.model_fields)), max_size=3, unique=True))
    text = st.sampled_from(WORDS) | st.text(max_size=30) | VALUES.map(json.dumps)
    fields = {name: data.draw(text).encode("utf-8", "replace") for name in names}
    files = {name: ("f", picture(), "image/png") for name in (task.picture, *(file.name for file in task.files))}
    answer = shared.post(task.path, files=files, data=fields)
    assert answer.status_code < 500, (fields, answer.text)


NAMES = [
    b"origin",
    b"host",
    b"content-type",
    b"content-encoding",
    b"accept",
    b"x-request-id",
    b"authorization",
    b"x-api-key",
    b"sec-fetch-site",
    b"if-none-match",
    b"x-forwarded-for",
    b"content-length",
    b"expect",
    b"access-control-request-method",
]
HEADS = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.binary(max_size=60) | st.sampled_from([b"[::1", b"bearer ", b"multipart/form-data", b"*/*"]),
    ),
    max_size=4,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    heads=HEADS,
    path=st.sampled_from(["/create_mask", "/health", "/images/x", "/openapi.json"]),
    method=st.sampled_from(["GET", "POST", "DELETE"]),
)
def test_n06_no_header_gives_5xx(shared: Client, heads: list[tuple[bytes, bytes]], path: str, method: str) -> None:
    """Straight into the application: clients would refuse to send half of them."""
    seen: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            seen.append(message["status"])

    hosts = [] if any(name == b"host" for name, _ in heads) else [(b"host", b"localhost")]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [*hosts, *heads],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
        "root_path": "",
    }
    shared.run(shared.app(scope, receive, send))
    assert seen and seen[0] < 500
