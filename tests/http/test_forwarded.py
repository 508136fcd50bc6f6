"""Behind a path of a proxy: which prefix is believed of whom, what it changes, and what it does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sam_mask_service.http.forwarded import Prefixes
from sam_mask_service.page import files
from sam_mask_service.settings import SettingsError, load
from sam_mask_service.wire import prefix_of

from ..support.scene import picture, service
from ..support.wire import Client, closing

Make = Callable[..., Client]
PROXY = "10.0.0.7"
KEY = "a-good-key-of-the-tests"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    with closing(lambda **values: Client(service(tmp_path, **values), pages=files())) as build:
        yield build


def servers(client: Client, prefix: str | None = None, path: str = "/openapi.json", address: str = PROXY) -> Any:
    headers = {} if prefix is None else {"X-Forwarded-Prefix": prefix}
    answer = client.get(path, headers=headers, address=address)
    assert answer.status_code == 200, answer.text
    return answer.json().get("servers")


@pytest.mark.parametrize("start", ["", "/masks"], ids=["taken-away", "passed-on"])
def test_the_service_under_a_path(make: Make, start: str) -> None:
    client = make(root_path="/masks")
    assert servers(client, path=f"{start}/openapi.json") == [{"url": "/masks"}]
    for path in ("/", "/docs", "/docs/style.css", "/static/app.js", "/health"):
        assert client.get(start + path).content == make().get(path).content
    mask = client.post(f"{start}/create_mask", files={"image": ("a.png", picture())}, headers={"Accept": "image/png"})
    assert (mask.status_code, mask.headers["content-type"]) == (200, "image/png")
    kept = client.post(f"{start}/images", files={"image": ("a.png", picture())}).json()["image_id"]
    assert client.post(f"{start}/images/{kept}/masks", json={}).status_code == 200
    assert client.request("DELETE", f"{start}/images/{kept}").status_code == 204
    assert client.get(f"{start}/nothing").status_code == 404


def test_metrics_and_headers_are_the_same_under_a_path(make: Make) -> None:
    plain, under = make(), make(root_path="/masks")
    for client, start in ((plain, ""), (under, "/masks")):
        client.post(f"{start}/detect_faces", files={"image": ("a.png", picture())})
    text = under.get("/masks/metrics").text
    assert 'endpoint="/detect_faces"' in text and "/masks" not in text
    one, other = plain.get("/"), under.get("/masks/")
    assert {**one.headers, "x-request-id": ""} == {**other.headers, "x-request-id": ""}


def test_without_the_slash_the_page_is_elsewhere(make: Make) -> None:
    answer = make(root_path="/masks").get("/masks")
    assert (answer.status_code, answer.headers["location"]) == (308, "/masks/")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-request-id"]
    assert make(root_path="/masks").post("/masks").status_code == 405


def test_only_a_whole_part_of_the_path_is_taken_away(make: Make) -> None:
    client = make(root_path="/masks")
    assert client.get("/maskshealth").status_code == client.get("/masks/masks/health").status_code == 404


def test_the_key_is_asked_for_by_the_address_that_is_meant(make: Make) -> None:
    client = make(root_path="/masks", api_key=KEY)
    assert client.get("/masks/health").status_code == client.get("/masks/").status_code == 200
    assert client.get("/masks/metrics").status_code == client.get("/masks/masks/static/x").status_code == 401
    assert client.get("/masks/metrics", headers={"X-API-Key": KEY}).status_code == 200


@pytest.mark.parametrize(
    ("proxies", "believed"), [("", False), ("10.0.0.8", False), ("10.0.0.7", True), ("10.0.0.0/24", True)]
)
def test_the_header_is_believed_from_named_proxies_alone(make: Make, proxies: str, believed: bool) -> None:
    client = make(trusted_proxies=proxies)
    assert servers(client, "/a/b/") == ([{"url": "/a/b"}] if believed else None)
    path = client.get("/a/b/health", headers={"X-Forwarded-Prefix": "/a/b"}, address=PROXY)
    assert path.status_code == (200 if believed else 404)


def test_a_client_that_names_a_proxy_is_none(make: Make) -> None:
    client = make(trusted_proxies=PROXY)
    headers = {"X-Forwarded-Prefix": "/a", "X-Forwarded-For": PROXY}
    assert client.get("/a/health", headers=headers, address="9.9.9.9").status_code == 404


def test_the_header_goes_before_the_setting(make: Make) -> None:
    client = make(trusted_proxies=PROXY, root_path="/masks")
    assert servers(client, "/other") == [{"url": "/other"}]
    assert servers(client, "/") is servers(client, "") is None
    assert servers(client, "/other", address="9.9.9.9") == [{"url": "/masks"}]


WRONG = (
    "mesks", "//evil.example", "/a//b", "/a/../b", "/./a", "/a b", "/a%2fb", "/a\\b", "/<script>", "/a?b", "/a#b",
    "/a, /b",
    "https://evil.example", "/ä", "/" + "a" * 200, "/a//", "/..", "/a;b",
)  # fmt: skip


@pytest.mark.parametrize("prefix", WRONG)
def test_a_prefix_that_is_no_plain_path_is_refused(make: Make, prefix: str) -> None:
    client = make(trusted_proxies=PROXY)
    answer = client.get("/health", headers=[(b"X-Forwarded-Prefix", prefix.encode())], address=PROXY)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert prefix not in answer.text
    with pytest.raises(SettingsError, match="SAM_ROOT_PATH"):
        load(root_path=prefix, _env_file=None)


def test_two_prefixes_are_none(make: Make) -> None:
    twice = [("X-Forwarded-Prefix", "/a"), ("X-Forwarded-Prefix", "/b")]
    assert make(trusted_proxies=PROXY).get("/health", headers=twice, address=PROXY).status_code == 400


@pytest.mark.parametrize("prefix", ["/images", "/docs/x", "/static"])
def test_a_prefix_like_an_address_of_the_service_is_refused(make: Make, prefix: str) -> None:
    """``/images/1/masks`` would mean two things."""
    with pytest.raises(SettingsError, match="SAM_ROOT_PATH"):
        make(root_path=prefix)
    answer = make(trusted_proxies=PROXY).get("/health", headers={"X-Forwarded-Prefix": prefix}, address=PROXY)
    assert answer.status_code == 400


@pytest.mark.parametrize("text", ["/a", "/a.b/c_d", "/~x/1-2", "/...", "/" + "a" * 199])
def test_plain_paths(text: str) -> None:
    assert prefix_of(text) == prefix_of(f"{text[:198]}/" if len(text) < 199 else text) == text
    assert Prefixes("", ["/images"]).choose([text]) == text
