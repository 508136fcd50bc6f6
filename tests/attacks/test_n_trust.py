"""N07, N08, N12: what is believed of whom."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sam_mask_service.doors.quota import check_room
from sam_mask_service.errors import Busy, StorageFull
from sam_mask_service.http.app import _warn_of_open_doors
from sam_mask_service.http.errors import bare_response
from sam_mask_service.http.server import wire_options
from sam_mask_service.settings import SettingsError, load

from ..support.scene import picture, service, settings
from ..support.wire import Client, Server, closing, started, status_of

KEY = "a-good-key-of-the-tests"
Make = Callable[..., Client]
CHUNKED = b"Host: localhost\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    with closing(lambda **values: Client(service(tmp_path, **values))) as build:
        yield build


# --- trailers ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with started("serve", tmp_path_factory.mktemp("n07"), api_key=KEY) as running:
        yield running


def chunked(head: bytes, trailer: bytes, body: bytes) -> bytes:
    framed = b"%x\r\n%s\r\n0\r\n" % (len(body), body)
    return (
        b"POST /create_mask HTTP/1.1\r\nConnection: close\r\n" + CHUNKED + head + b"\r\n" + framed + trailer + b"\r\n"
    )


@pytest.mark.server
@pytest.mark.parametrize("name", ["X-API-Key", "Authorization"])
def test_n07_a_key_after_the_body_is_none(keyed: Server, name: str) -> None:
    value = KEY if name == "X-API-Key" else f"Bearer {KEY}"
    for body in (picture(), b"x" * 100):
        assert status_of(keyed.say(chunked(b"", f"{name}: {value}\r\n".encode(), body), 5)) == 401


@pytest.mark.server
@pytest.mark.parametrize(
    "trailer",
    [b"Host: evil\r\n", b"Content-Type: text/html\r\n", b"Origin: http://evil\r\n", b"X-Request-ID: mine\r\n"],
)
def test_n07_nothing_after_the_body_is_a_header(keyed: Server, trailer: bytes) -> None:
    head = f"X-API-Key: {KEY}\r\nX-Request-ID: yours\r\n".encode()
    answer = keyed.say(chunked(head, trailer, picture()), 10)
    assert status_of(answer) == 200
    assert b"x-request-id: yours" in answer.lower()


@pytest.mark.server
@pytest.mark.parametrize("trailer", [b"a: b\r\n" * 70, b"a: " + b"b" * 200_000], ids=["many", "long"])
def test_n07_trailers_are_bounded(keyed: Server, trailer: bytes) -> None:
    head = f"X-API-Key: {KEY}\r\n".encode()
    answer = keyed.say(chunked(head, trailer, picture()), 10)
    assert status_of(answer) in (0, 431)
    assert keyed.get().status_code == 200


# --- forwarded addresses ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proxies", "client"),
    [("", "127.0.0.1"), ("127.0.0.1", "9.9.9.9"), ("10.0.0.0/8", "127.0.0.1"), ("127.0.0.9/8", "9.9.9.9")],
)
def test_n08_a_forwarded_address_is_believed_from_named_proxies_alone(
    make: Make, proxies: str, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(logging.getLogger("sam_mask_service.access"), "log", lambda *_, extra: seen.append(extra))
    make(trusted_proxies=proxies).get("/health", headers={"X-Forwarded-For": "9.9.9.9"})
    assert [extra["fields"]["client"] for extra in seen] == [client]


def test_n08_the_server_itself_believes_nobody(tmp_path: Path) -> None:
    """The application does, once: it has to know the proxy's own address too."""
    assert wire_options(settings(tmp_path, trusted_proxies="127.0.0.1"))["proxy_headers"] is False


def test_n08_a_proxy_is_an_address_or_a_network() -> None:
    with pytest.raises(SettingsError, match="SAM_TRUSTED_PROXIES"):
        load(trusted_proxies="proxy.example", _env_file=None)


def test_n08_a_log_line_is_bounded_whatever_a_proxy_hands_on(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    client = make()
    with caplog.at_level(logging.INFO, logger="sam_mask_service.access"):
        logging.getLogger("sam_mask_service.access").addHandler(caplog.handler)
        try:
            client.get("/nothing" + "x" * 5000, address="z" * 20_000)
        finally:
            logging.getLogger("sam_mask_service.access").removeHandler(caplog.handler)
    fields = caplog.records[-1].fields  # type: ignore[attr-defined]
    assert len(fields["client"]) == 64
    assert len(json.dumps(fields)) < 1000


# --- origins, keys, headers -------------------------------------------------------------------------------------------

OWN = ("Origin", "http://localhost")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([OWN], 200),
        ([OWN, ("Sec-Fetch-Site", "same-origin")], 200),
        ([OWN, ("Sec-Fetch-Site", "cross-site")], 403),
        ([OWN, ("Sec-Fetch-Site", "same-site")], 403),
        ([("Origin", "https://app.example"), ("Sec-Fetch-Site", "cross-site")], 200),
        ([OWN, OWN], 400),
        ([OWN, ("Origin", "http://evil")], 400),
    ],
    ids=str,
)
def test_n12_origin_and_sec_fetch_site(make: Make, headers: list[tuple[str, str]], status: int) -> None:
    client = make(api_key=None, allowed_hosts="localhost,app.example", cors_origins="https://app.example")
    assert client.post("/create_mask", files={"image": picture()}, headers=headers).status_code == status


def test_n12_two_origins_are_refused_with_a_key_too(make: Make) -> None:
    headers = [("X-API-Key", KEY), OWN, ("Origin", "http://evil")]
    answer = make(api_key=KEY).post("/create_mask", files={"image": picture()}, headers=headers)
    assert answer.status_code == 400


@pytest.mark.parametrize("value", [KEY, f"{KEY} ", f"\t{KEY}\t", f"  {KEY}"])
@pytest.mark.parametrize("name", [b"X-API-Key", b"Authorization"])
def test_n12_spaces_round_a_key_are_none_of_it(make: Make, name: bytes, value: str) -> None:
    text = (b"Bearer " if name == b"Authorization" else b"") + value.encode()
    answer = make(api_key=KEY).post("/create_mask", files={"image": picture()}, headers=[(name, text)])
    assert answer.status_code == 200


def test_n12_refusals_below_the_application_carry_the_same_headers(client: Client) -> None:
    head = bare_response(Busy(), "x").partition(b"\r\n\r\n")[0].lower().decode()
    lines = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    inside = client.get("/nothing").headers
    kept = [
        name
        for name in inside
        if name.startswith(("x-content", "x-frame", "referrer", "cross-origin", "content-security", "cache"))
    ]
    assert len(kept) == 7
    assert {name: lines[name] for name in kept} == {name: inside[name].lower() for name in kept}


def test_n12_open_networks_are_said_at_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    chosen = settings(tmp_path, api_key=KEY, url_allow_networks="0.0.0.0/0,10.1.0.0/16,::1/128")
    log = logging.getLogger("sam_mask_service.http.app")
    log.addHandler(caplog.handler)
    try:
        _warn_of_open_doors(chosen)
    finally:
        log.removeHandler(caplog.handler)
    everywhere, office, loop = dict.fromkeys(record.getMessage() for record in caplog.records)
    assert (
        "0.0.0.0/0" in everywhere and "this machine" in everywhere and "metadata" in everywhere and "1024" in everywhere
    )
    assert "10.1.0.0/16" in office and "among it" not in office
    assert "this machine" in loop


# --- caches and folders -----------------------------------------------------------------------------------------------


def steps(client: Client, address: str, path: str = "/create_mask") -> set[str]:
    answer = client.post(path, files={"image": picture()}, address=address)
    assert answer.status_code == 200
    return set(answer.json()["timings"])


def test_n12_the_cache_does_not_tell_one_caller_what_another_sent(make: Make) -> None:
    client = make()
    first, again = steps(client, "192.0.2.1"), steps(client, "192.0.2.1")
    assert "detect" in first and "detect" not in again, "the cache works for one caller"
    assert steps(client, "192.0.2.2") == first


def test_n12_nor_do_pictures_by_the_hundred(make: Make) -> None:
    client = make()
    for address, hit in (("192.0.2.1", False), ("192.0.2.1", True), ("192.0.2.2", False)):
        answer = client.post("/create_masks", files=[("image", picture())], address=address)
        assert ("detect" not in json.loads(answer.text)["timings"]) is hit


def test_n12_the_output_folder_has_a_quota(make: Make, tmp_path: Path) -> None:
    client = make(output_bytes=1000)
    (tmp_path / "output" / "old").write_bytes(b"x" * 900)
    answer = client.post("/create_mask_file", files={"image": picture()})
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_full")
    assert "SAM_OUTPUT_BYTES" in answer.json()["detail"]
    assert [each.name for each in (tmp_path / "output").iterdir()] == ["old"]
    (tmp_path / "output" / "old").unlink()
    assert client.post("/create_mask_file", files={"image": picture()}).status_code == 200


def test_n12_a_quota_of_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    check_room(tmp_path / "none", 10, 10)
    with pytest.raises(StorageFull):
        check_room(tmp_path / "none", 11, 10)


def test_n12_a_bad_output_name_is_refused_before_the_work(make: Make) -> None:
    client = make()
    answer = client.post("/create_mask_file", files={"image": picture()}, data={"output_name": "a/b.png"})
    assert (answer.status_code, answer.json()["code"]) == (403, "path_outside_root")
    assert client.service.detector.asked == []  # type: ignore[attr-defined]
