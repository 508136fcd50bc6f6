"""F: JSON and parameters."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest

from ..support.scene import picture
from ..support.wire import Client

JSON = {"Content-Type": "application/json"}
BASE64 = base64.b64encode(picture()).decode()


def send(client: Client, body: bytes | str, kind: str = "application/json") -> httpx.Response:
    return client.post("/create_mask", content=body, headers={"Content-Type": kind})


def with_picture(**values: Any) -> str:
    return json.dumps({"image_base64": BASE64, **values})


BODIES: dict[str, tuple[bytes | str, int]] = {
    "F01-malformed": ("{", 400),
    "F01-single-quotes": ("{'a': 1}", 400),
    "F01-trailing-comma": ('{"a": 1,}', 400),
    "F01-two-objects": ("{}{}", 400),
    "F01-comment": ("{} // x", 400),
    "F01-empty": (b"", 400),
    "F01-spaces": (b"   ", 400),
    "F01-bom": (b"\xef\xbb\xbf{}", 400),
    "F01-utf16": ("{}".encode("utf-16"), 400),
    "F01-utf32": ("{}".encode("utf-32"), 400),
    "F01-latin1": ('{"mode": "ä"}'.encode("latin-1"), 400),
    "F01-list": ("[]", 422),
    "F01-string": ('"x"', 422),
    "F01-null": ("null", 422),
    "F01-number": ("1", 422),
    "F02-deep-lists": ('{"a": ' + "[" * 15_000 + "]" * 15_000 + "}", 400),
    "F02-deep-objects": ('{"a":' * 15_000 + "1" + "}" * 15_000, 400),
    "F02-deeper": ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", 422),
    "F02-unclosed": ("[" * 15_000, 400),
    "F02-long-int": (with_picture(expand_pixels=1)[:-2] + "9" * 5000 + "}", 422),
    "F02-long-float": (with_picture(feather_pixels=1)[:-2] + "0." + "9" * 5000 + "}", 422),
    "F02-long-string": (json.dumps({"image_base64": BASE64, "junk": "x" * 500_000}), 422),
    "F02-many-keys": (json.dumps({f"k{i}": i for i in range(50_000)}), 422),
    "F02-many-numbers": ('{"faces": [' + "1," * 300_000 + "1]}", 422),
    "F02-many-objects": ('{"faces": [' + "{}," * 300_000 + "1]}", 422),
    "F03-nan": (with_picture()[:-1] + ', "feather_pixels": NaN}', 422),
    "F03-infinity": (with_picture()[:-1] + ', "feather_pixels": Infinity}', 422),
    "F03-minus-infinity": (with_picture()[:-1] + ', "feather_pixels": -Infinity}', 422),
    "F03-1e999": (with_picture()[:-1] + ', "feather_pixels": 1e999}', 422),
    "F04-twice": (with_picture()[:-1] + ', "mode": "first", "mode": "combined"}', 422),
    "F04-picture-twice": (with_picture()[:-1] + f', "image_base64": "{BASE64}"}}', 422),
    "F05-unknown": (with_picture(expand_pixel=1), 422),
    "F05-unknown-mode": (with_picture(mode="all"), 422),
    "F05-case": (with_picture(mode="FIRST"), 422),
    "F06-none": ("{}", 422),
    "F06-null": ('{"image_url": null}', 422),
    "F06-empty-string": ('{"image_base64": ""}', 422),
    "F06-two": (with_picture(image_url="http://example.com/"), 422),
    "F06-image-in-json": ('{"image": "x"}', 422),
    "F06-wrong-type": ('{"image_base64": 1}', 422),
    "F06-list": (f'{{"image_base64": ["{BASE64[:8]}"]}}', 422),
    "F09-surrogate": ('{"image_base64": "\\ud800"}', 422),
    "F09-surrogate-mode": (with_picture()[:-1] + ', "mode": "\\udfff"}', 422),
    "F09-nul": (with_picture(mode="first\0"), 422),
    "F09-emoji": (with_picture(mode="😀"), 422),
    "F09-rtl-name": (with_picture(**{"\u202eedom": 1}), 422),
    "F09-surrogate-name": ('{"\\ud800": 1}', 422),
    "good": (with_picture(), 200),
}


@pytest.mark.parametrize("case", BODIES)
def test_body(client: Client, case: str) -> None:
    body, status = BODIES[case]
    answer = send(client, body)
    assert answer.status_code == status, answer.text
    if status != 200:
        problem = json.loads(answer.content)
        assert problem["code"] in ("bad_request", "invalid_parameter")
        assert answer.content.isascii()
        assert len(answer.content) < 2000


def test_f06_names_what_there_is(client: Client) -> None:
    answer = send(client, with_picture(image_url="http://x/", image_path="y"))
    assert "image_base64, image_path, image_url" in answer.json()["detail"]
    both = client.post("/create_mask", files={"image": picture()}, data={"image_path": "y"})
    assert "image, image_path" in both.json()["detail"]


NO_WHOLE_NUMBERS: list[Any] = ["abc", "5.5", "1e1", 1.5, [], {}, True, [1], -257, 1e9, 2**70]
WRONG: list[tuple[str, Any]] = [
    *((name, value) for name in ("expand_pixels", "blur_iterations", "max_faces") for value in NO_WHOLE_NUMBERS),
    ("invert", "yes"), ("invert", 2), ("invert", -1), ("invert", []), ("feather_pixels", "1px"),
    ("feather_pixels", True),
    ("feather_pixels", -1), ("feather_pixels", 257), ("min_confidence", 1.1), ("min_confidence", -0.1),
    ("mode", 1), ("mode", []), ("region", ""), ("region", 5), ("faces", 0), ("faces", [-1]), ("faces", ["x"]),
    ("faces", []),
    ("faces", [0.5]), ("point_x", 5), ("expand_pixels", 257), ("blur_iterations", 101), ("blur_iterations", -1),
    ("expand_pixels", None), ("mode", None), ("order", "middle"), ("on_no_face", "guess"), ("output", "jpeg"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), WRONG, ids=str)
def test_f07_f08_wrong_type_or_range_is_named(client: Client, name: str, value: Any) -> None:
    answer = send(client, with_picture(**{name: value}))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameter")
    assert name in answer.json()["detail"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("expand_pixels", -256), ("expand_pixels", 0), ("expand_pixels", 256), ("blur_iterations", 0),
        ("blur_iterations", 100), ("feather_pixels", 0), ("feather_pixels", 256), ("feather_pixels", 0.5),
        ("min_confidence", 0), ("min_confidence", 1), ("faces", [0, 1]), ("max_faces", 0),
        ("expand_pixels", "5"), ("expand_pixels", 5.0), ("invert", "true"), ("invert", 1), ("feather_pixels", "1"),
        ("faces", ["0"]), ("faces", "0,1"), ("min_confidence", "0.5"),
    ],
)  # fmt: skip
def test_f08_ends_of_the_ranges_are_served(client: Client, name: str, value: Any) -> None:
    assert send(client, with_picture(**{name: value})).status_code == 200


@pytest.mark.parametrize(
    ("name", "text", "status"),
    [
        ("invert", "true", 200), ("invert", "false", 200), ("invert", "1", 200), ("invert", "0", 200),
        ("invert", "yes", 422), ("invert", "", 422), ("expand_pixels", "7", 200), ("expand_pixels", "-7", 200),
        ("expand_pixels", "7.0", 200), ("expand_pixels", "7.5", 422), ("expand_pixels", "0x7", 422),
        ("expand_pixels", "٧", 422),
        ("expand_pixels", "1_0", 422), ("expand_pixels", "nan", 422), ("expand_pixels", "9" * 5000, 422),
        ("feather_pixels", "1.5", 200), ("feather_pixels", "nan", 422), ("feather_pixels", "inf", 422),
        ("feather_pixels", "1e999", 422), ("faces", "0,1", 200), ("faces", "[0]", 200), ("faces", "[" * 5000, 422),
    ],
    ids=lambda value: str(value)[:12],
)  # fmt: skip
def test_f07_text_of_a_form_is_read_as_its_field(client: Client, name: str, text: str, status: int) -> None:
    form = client.post("/create_mask", files={"image": picture()}, data={name: text})
    query = client.post("/create_mask", content=picture(), params={name: text}, headers={"Content-Type": "image/png"})
    assert (form.status_code, query.status_code) == (status, status), form.text


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("application/JSON;charset=UTF-8", 200),
        ("application/problem+json", 200),
        ("application/json; charset=utf-16", 415),
        ("application/json; charset=utf-7", 415),
        ("text/json", 415),
        ("text/plain", 415),
        ("application/x+jsonx", 415),
        ("json", 415),
        (";", 415),
    ],
)
def test_f10_content_type(client: Client, kind: str, status: int) -> None:
    assert send(client, with_picture(), kind).status_code == status


def test_f10_content_type_missing(client: Client) -> None:
    assert client.post("/create_mask", content=with_picture()).status_code == 415
    answer = client.post("/create_mask")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameter")


@pytest.mark.parametrize(
    "text", ["{0.__class__}", "%s%s%n", "<script>alert(1)</script>", "${jndi:ldap://x}", "{{7*7}}"]
)
def test_f11_echoed_words_stay_words(client: Client, text: str) -> None:
    answer = send(client, with_picture(**{text: 1}))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert json.dumps(text) in answer.json()["detail"]


def test_query_goes_with_the_picture_alone(client: Client) -> None:
    for options in ({"json": {"image_base64": BASE64}}, {"files": {"image": picture()}}):
        answer = client.post("/create_mask", params={"mode": "first"}, **options)
        assert answer.status_code == 422
    twice = client.post("/create_mask?mode=first&mode=crop", content=picture(), headers={"Content-Type": "image/png"})
    assert twice.status_code == 422
