"""G: keys, browsers, pages."""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from sam_mask_service import page
from sam_mask_service.errors import TooManyRequests
from sam_mask_service.http import auth

from ..support.scene import picture, service
from ..support.wire import Client, closing

KEY = "a-good-key-of-the-tests"
Make = Callable[..., Client]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Applications with settings of their own, and the web page."""
    with closing(lambda **settings: Client(service(tmp_path, **settings), pages=page.files())) as build:
        yield build


@pytest.fixture
def locked(make: Make) -> Client:
    return make(api_key=KEY)


@pytest.fixture
def open_one(make: Make) -> Client:
    return make()


def mask(client: Client, headers: Any = None, **options: Any) -> httpx.Response:
    return client.post("/create_mask", files={"image": picture()}, headers=headers, **options)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 401),
        ([("X-API-Key", KEY)], 200),
        ([("Authorization", f"Bearer {KEY}")], 200),
        ([("Authorization", f"bearer {KEY}")], 200),
        ([("X-API-Key", KEY), ("Authorization", "Basic eDp5")], 200),
        ([("X-API-Key", KEY), ("Authorization", f"Bearer {KEY}")], 403),
        ([("X-API-Key", "wrong")], 403),
        ([("X-API-Key", "")], 403),
        ([("X-API-Key", KEY[:-1])], 403),
        ([("X-API-Key", KEY + "x")], 403),
        ([("X-API-Key", KEY.upper())], 403),
        ([("X-API-Key", f" {KEY} x")], 403),
        ([("Authorization", f"Bearer  {KEY}")], 200),
        ([("Authorization", f"Bearer {KEY} ")], 200),
        ([("Authorization", "Bearer ")], 403),
        ([("Authorization", "Bearer")], 401),
        ([("Authorization", KEY)], 401),
        ([("Authorization", f"Basic {KEY}")], 401),
        ([("Authorization", f"Token {KEY}")], 401),
        ([("Authorization", f"Bearer {KEY}"), ("Authorization", "Bearer x")], 403),
        ([("X-API-Key", KEY), ("X-API-Key", KEY)], 403),
        ([("Cookie", f"X-API-Key={KEY}")], 401),
        ([(b"X-API-Key", b"\xff\xfe\x00")], 403),
        ([(b"X-API-Key", "schlüssel".encode())], 403),
        ([("X-API-Key", "k" * 1_000_000)], 403),
    ],
    ids=lambda value: str(value)[:50],
)
def test_g01_g03_key(locked: Client, headers: list[tuple[Any, Any]], status: int) -> None:
    answer = mask(locked, headers)
    assert answer.status_code == status, answer.text
    if status != 200:
        assert answer.json()["code"] == {401: "key_missing", 403: "key_wrong"}[status]
        assert KEY not in answer.text
    assert ("www-authenticate" in answer.headers) == (status == 401)


def test_g02_open_service_says_so_in_the_log(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    client = make()
    caplog.set_level(logging.WARNING, "sam_mask_service")

    async def live() -> None:
        async with client.app.router.lifespan_context(client.app):
            pass

    client.run(live())
    assert "SAM_API_KEY is not set" in caplog.text


def test_g02_weak_key_shows_in_health(make: Make) -> None:
    client = make(api_key="shortkey")
    answer = client.get("/health", headers={"X-API-Key": "shortkey"})
    assert "SAM_API_KEY is shorter" in answer.json()["reason"]
    assert "shortkey" not in answer.text


def test_g04_key_is_taken_from_headers_alone(locked: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for path in (f"/create_mask?api_key={KEY}", f"/create_mask?X-API-Key={KEY}", f"/create_mask?key={KEY}"):
        assert locked.post(path, files={"image": picture()}).status_code == 401
    assert mask(locked, data={"api_key": KEY}).status_code == 401
    assert KEY not in _ours(caplog)


PUBLIC = {"/", "/health", "/ready", *page.files()}
"""The written list of what needs no key."""


def paths(app: FastAPI) -> set[str]:
    """Every path that the application answers to, read from its routes."""
    found: set[str] = set()

    def walk(routes: Any) -> None:
        for route in routes:
            if hasattr(route, "path"):
                found.add(route.path)
            walk(getattr(getattr(route, "original_router", None), "routes", []))

    walk(app.routes)
    return found


def test_g05_every_route_needs_the_key_but_those_of_the_list(locked: Client) -> None:
    known = paths(locked.app)
    assert {"/create_mask", "/create_mask_file", "/detect_faces", "/metrics", "/docs", "/openapi.json"} <= known
    for path in known:
        plain = path.replace("{image_id}", "x")
        for method in ("GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH"):
            status = locked.request(method, plain).status_code
            if path in PUBLIC:
                assert status != 401, (method, path)
            else:
                assert status == 401, (method, path)


def test_g05_unknown_paths_do_not_tell_what_exists(locked: Client) -> None:
    assert locked.get("/nothing").status_code == locked.get("/metrics").status_code == 401
    assert locked.get("/nothing", headers={"X-API-Key": KEY}).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "//create_mask", "/create_mask/", "/Create_Mask", "/create_%6dask", "/create_mask;x", "/create_mask%00",
        "/./create_mask", "/static/../create_mask", "/static/%2e%2e/create_mask", "/health/../create_mask",
        "/health%2f..%2fcreate_mask", "/create_mask%3f", "/create_mask%20",
    ],
)  # fmt: skip
def test_g06_no_work_by_tricks_with_the_path(locked: Client, path: str) -> None:
    detector: Any = locked.service.detector
    for method in ("GET", "POST"):
        answer = locked.request(method, path, files={"image": picture()})
        assert answer.status_code in (401, 404, 405), answer.text
    assert detector.asked == []


def test_g07_digests_are_compared_in_constant_time(locked: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by a clock: what is compared are digests of one length, by the function made for it."""
    compared: list[tuple[bytes, bytes]] = []

    def record(a: bytes, b: bytes) -> bool:
        compared.append((a, b))
        return a == b

    monkeypatch.setattr(hmac, "compare_digest", record)
    for key in (KEY, KEY[:5], "x" * 1000):
        mask(locked, {"X-API-Key": key})
    assert len(compared) == 3
    assert {len(side) for pair in compared for side in pair} == {32}


def test_g08_wrong_keys_by_the_dozen_are_throttled(locked: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    statuses = [mask(locked, {"X-API-Key": f"guess-{i}"}, address="203.0.113.7").status_code for i in range(25)]
    assert statuses == [403] * 20 + [429] * 5
    assert mask(locked, {"X-API-Key": KEY}, address="203.0.113.8").status_code == 200
    assert mask(locked, {"X-API-Key": KEY}, address="203.0.113.7").status_code == 200, "the address may be a proxy's"
    assert mask(locked, {}, address="203.0.113.7").status_code == 429
    assert locked.get("/health", address="203.0.113.7").status_code == 200


def test_g08_weak_key_is_not_told_from_a_guess_any_more(make: Make) -> None:
    client = make(api_key="shortkey")
    for i in range(20):
        assert mask(client, {"X-API-Key": f"guess-{i}"}).status_code == 403
    answer = mask(client, {"X-API-Key": "shortkey"})
    assert answer.status_code == 429 and int(answer.headers["retry-after"]) > 0
    assert mask(client, {"X-API-Key": "shortkey"}, address="203.0.113.8").status_code == 200


def test_g08_public_pages_are_no_way_to_guess(locked: Client) -> None:
    statuses = [locked.get("/health", headers={"X-API-Key": f"x{i}"}).status_code for i in range(22)]
    assert statuses == [403] * 20 + [429] * 2


def test_g08_throttle_counts_ipv6_by_network_forgets_and_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    wrong = auth.WrongKeys(most=3, window=60, remembered=5)
    for last in ("1", "2", "3"):
        wrong.add(f"2001:db8:1:1::{last}")
    with pytest.raises(TooManyRequests):
        wrong.check("2001:db8:1:1::99")
    wrong.check("2001:db8:1:2::1")
    now[0] += 61
    wrong.check("2001:db8:1:1::99")
    for i in range(100):
        wrong.add(f"10.0.0.{i}")
    assert len(wrong._times) == 5
    wrong.add("not an address")


def _ours(caplog: pytest.LogCaptureFixture) -> str:
    """What this service logged, with all fields."""
    return "\n".join(str(r.__dict__) for r in caplog.records if r.name.startswith(("sam_mask_service", "uvicorn")))


def test_g09_key_stands_nowhere(locked: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shown = {"X-API-Key": KEY}
    texts = [
        mask(locked, shown).text,
        mask(locked, {"X-API-Key": KEY + "x"}).text,
        *(locked.get(path, headers=shown).text for path in ("/health", "/metrics", "/docs", "/openapi.json", "/nope")),
        repr(locked.service.settings),
        _ours(caplog),
    ]
    assert not [text for text in texts if KEY in text]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", None])
def test_g10_no_cors_unless_asked_for(locked: Client, origin: str | None) -> None:
    headers = {"X-API-Key": KEY, **({"Origin": origin} if origin else {})}
    answers = [
        mask(locked, headers),
        locked.get("/health", headers=headers),
        locked.request(
            "OPTIONS", "/create_mask", headers={"Origin": origin or "x", "Access-Control-Request-Method": "POST"}
        ),
    ]
    assert not [name for answer in answers for name in answer.headers if name.startswith("access-control-")]


def test_g10_every_origin_but_never_its_credentials(make: Make) -> None:
    answer = mask(make(cors_origins=("*",), api_key=KEY), {"X-API-Key": KEY, "Origin": "https://any.example"})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
    assert "access-control-allow-credentials" not in answer.headers


def test_g10_cors_for_the_listed_origin_alone_and_without_credentials(make: Make) -> None:
    client = make(cors_origins=("https://app.example",), api_key=KEY)
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key,content-type"}
    good = client.request("OPTIONS", "/create_mask", headers={"Origin": "https://app.example", **asked})
    assert (good.status_code, good.headers["access-control-allow-origin"]) == (200, "https://app.example")
    evil = client.request("OPTIONS", "/create_mask", headers={"Origin": "https://evil.example", **asked})
    assert "access-control-allow-origin" not in evil.headers
    for answer in (
        mask(client, {"Origin": "https://app.example", "X-API-Key": KEY}),
        mask(client, {"Origin": "https://app.example"}),
    ):
        assert answer.headers["access-control-allow-origin"] == "https://app.example"
        assert "access-control-allow-credentials" not in answer.headers
        assert {"X-Mask-Stats", "X-Residual-Faces", "X-Frame"} <= set(
            answer.headers["access-control-expose-headers"].split(", ")
        )
    assert "access-control-allow-origin" not in mask(client, {"Origin": "https://evil.example"}).headers


@pytest.mark.parametrize(
    ("headers", "ok"),
    [
        ({}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}, True),
        ({"Origin": "http://localhost"}, True),
        ({"Origin": "http://127.0.0.1:8739", "Host": "127.0.0.1:8739"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "nonsense"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://localhost:3000"}, False),
        ({"Origin": "http://localhost.evil.example"}, False),
        ({"Origin": "http://localhost@evil.example"}, False),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, False),
    ],
    ids=str,
)
def test_g11_other_sites_may_not_post_to_an_open_service(open_one: Client, headers: dict[str, str], ok: bool) -> None:
    answer = mask(open_one, headers)
    assert answer.status_code == (200 if ok else 403), answer.text
    if not ok:
        assert answer.json()["code"] == "forbidden_origin"
    assert open_one.get("/health", headers={"Host": "localhost", **headers}).status_code == 200


@pytest.mark.parametrize(
    ("host", "listed", "key", "ok"),
    [
        ("localhost", (), None, True),
        ("LOCALHOST:8739", (), None, True),
        ("app.localhost", (), None, True),
        ("127.0.0.1:8739", (), None, True),
        ("192.168.1.20:8739", (), None, True),
        ("[::1]:8739", (), None, True),
        ("attacker.example", (), None, False),
        ("attacker.example:8739", (), None, False),
        ("localhost.attacker.example", (), None, False),
        ("127.0.0.1.attacker.example", (), None, False),
        ("evil", (), None, False),
        ("attacker.example", (), KEY, True),
        ("mask.example", ("mask.example",), None, True),
        ("MASK.example:443", ("mask.example",), None, True),
        ("other.example", ("mask.example",), None, False),
        ("other.example", ("mask.example",), KEY, False),
        ("192.168.1.20", ("mask.example",), None, False),
        ("127.0.0.1", ("mask.example",), None, True),
        ("[::1]", ("mask.example",), None, True),
        ("anything.example", ("*",), None, True),
    ],
)
def test_g12_host(make: Make, host: str, listed: tuple[str, ...], key: str | None, ok: bool) -> None:
    client = make(allowed_hosts=listed, api_key=key)
    answer = client.get("/ready", headers={"Host": host})
    assert answer.status_code == (200 if ok else 403)
    if not ok:
        assert answer.json()["code"] == "forbidden_host"
        assert host not in answer.text


@pytest.mark.parametrize("host", ["", "a b", "a/b", "a@b", "a:b", "a:123456", "[::1", "x,y", "x\ty", "é"])
def test_g12_host_that_is_none(open_one: Client, host: str) -> None:
    answer = open_one.get("/health", headers=[(b"Host", host.encode())])
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


def test_g13_headers_stand_on_every_reply(locked: Client) -> None:
    shown = {"X-API-Key": KEY}
    good = mask(locked, shown)
    replies = [good, mask(locked), mask(locked, {"X-API-Key": "x"}), locked.post("/create_mask", json=1, headers=shown)]
    replies += [
        locked.get(path, headers=shown) for path in ("/", "/docs", "/static/app.js", "/health", "/nope", "/create_mask")
    ]
    for answer in replies:
        assert HEADERS.items() <= dict(answer.headers).items()
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy and "unsafe" not in policy and "default-src 'none'" in policy
        assert answer.headers["x-request-id"]
        assert answer.headers["cache-control"] in ("no-store", "no-cache")
    assert good.headers["cache-control"] == "no-store"
    assert "server" not in good.headers


def test_g13_pages_have_nothing_inline_and_nothing_from_elsewhere(open_one: Client) -> None:
    for path in ("/", "/docs"):
        html = open_one.get(path).text
        assert "<script>" not in html and "style=" not in html and "onclick" not in html
        assert 'src="http' not in html and "href=http" not in html and 'rel="stylesheet" href="http' not in html


def test_g13_request_id_is_the_callers_when_it_is_plain(open_one: Client) -> None:
    assert open_one.get("/health", headers={"X-Request-ID": "abc-1.2:3"}).headers["x-request-id"] == "abc-1.2:3"
    for odd in ("a b", "x" * 65, "a;b", "<script>", ""):
        assert open_one.get("/health", headers={"X-Request-ID": odd}).headers["x-request-id"] != odd


def test_g14_hostile_words_come_back_as_text_only(open_one: Client) -> None:
    """The page sets text nodes; what reaches it is JSON that no browser takes for a page."""
    answer = open_one.post("/create_mask", json={"<img src=x onerror=alert(1)>": 1})
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    scripts = [file.body for path, file in page.files().items() if path.endswith(".js")]
    assert scripts and not any(b"innerHTML" in body or b"eval(" in body for body in scripts)


def test_g15_health_without_the_key_is_a_word(locked: Client) -> None:
    assert locked.get("/health").json() == {"status": "healthy"}
    assert "engine" in locked.get("/health", headers={"X-API-Key": KEY}).json()
    assert locked.get("/ready").json() == {"ready": True}
