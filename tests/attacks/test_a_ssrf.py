"""A: server-side request forgery, through the whole application with a recorded network. The tables of addresses and of
URL texts are in ``tests/doors/test_netguard.py``; here each class of case goes in at the front door."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest

from sam_mask_service.doors.dial import Line
from sam_mask_service.doors.fetch import Fetcher
from sam_mask_service.doors.netguard import UrlPolicy
from sam_mask_service.doors.refusals import OF_HOSTS, TOLD
from sam_mask_service.doors.resolve import SystemResolver
from sam_mask_service.engines import Engines
from sam_mask_service.limits import FetchLimits
from sam_mask_service.segment.fake import FakeSegmenter
from sam_mask_service.service import Service

from ..support.scene import Fixed, picture, settings
from ..support.wire import Client
from ..support.world import PUBLIC, World, moved, reply

SECRET = "AKIA-the-secret"
PICTURE = reply(picture())


class Outside(World):
    """The recorded network; names that look like addresses are answered by the system, as a careless resolver would."""

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        if host in self.names:
            found = self.names[host]
            if isinstance(found, Exception):
                raise found
            return found
        if host.endswith("localhost") or host.rstrip(".") == "localhost":
            return ["127.0.0.1", "::1"]
        if not any(ch.isalpha() for ch in host):
            return await SystemResolver().resolve(host, port)
        raise OSError("no such name")


class Front:
    """The application with that network outside."""

    def __init__(self, folder: Path, policy: UrlPolicy = UrlPolicy(), seconds: float = 5.0, **values: Any) -> None:  # noqa: B008
        self.world = Outside()
        limits = FetchLimits(seconds=seconds)
        fetcher = Fetcher(Line(policy, limits=limits, resolver=self.world, dialler=self.world), max_bytes=100_000)
        chosen = settings(folder, **values)
        self.client = Client(Service(chosen, Fixed(), Engines("mesh", FakeSegmenter(), None), fetcher))

    def ask(self, url: str) -> httpx.Response:
        return self.client.post("/create_mask", json={"image_url": url})


Make = Callable[..., Front]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Fronts with settings of their own; all closed in the end."""
    made: list[Front] = []

    def one(*args: Any, **values: Any) -> Front:
        made.append(Front(tmp_path, *args, **values))
        return made[-1]

    yield one
    for front in made:
        front.client.close()


@pytest.fixture
def front(make: Make) -> Front:
    return make()


def refused(answer: httpx.Response, *codes: str) -> None:
    """``source_unavailable`` (or one of ``codes``), in one of the fixed texts, and nothing of the inside."""
    assert answer.status_code in (422, 413, 504), answer.text
    problem = answer.json()
    assert problem["code"] in (codes or ("source_unavailable",))
    if problem["code"] == "source_unavailable":
        assert problem["detail"] in {*TOLD.values(), OF_HOSTS}
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert SECRET not in answer.text and "127.0.0.1" not in answer.text


FORBIDDEN: dict[str, str] = {
    "A02": "127.0.0.1 127.255.255.254 localhost LOCALHOST localhost. x.localhost",
    "A03": "0.0.0.0 0 [::] [::1] [0:0::1]",
    "A04": "169.254.169.254 metadata.google.internal [fd00:ec2::254] 100.100.100.200",
    "A05": "10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255",
    "A06": "100.64.0.0 100.127.255.255",
    "A07": "2130706433 0x7f000001 0177.0.0.1 127.1 0x7f.0.0.1 017700000001 0x7f.1 127.0.1",
    "A08": "①②⑦.⓪.⓪.① １２７.0.0.1 127。0。0。1 %31%32%37.0.0.1 ⓛocalhost",
    "A09": "[::ffff:127.0.0.1] [::ffff:7f00:1] [fe80::1%25lo] [::1%25lo] [::1%lo]",
    "A10": "[::127.0.0.1] [2002:7f00:1::] [64:ff9b::7f00:1] [64:ff9b:1::7f00:1] [64:ff9b::808:808]",
    "A11": "[2001:0:4136:e378:8000:63bf:3fff:fdd2] [2606:4700::5efe:7f00:1] [2606:4700::200:5efe:7f00:1] "
    "[fec0::1] [fc00::1] [fdff::1] [fe80::1%25eth0]",
    "A12": "224.0.0.1 [ff02::1] 255.255.255.255 240.0.0.1 192.0.0.1 192.0.2.1 198.18.0.1 203.0.113.1 [2001:db8::1]",
}


@pytest.mark.parametrize(
    ("case", "host"), [(case, host) for case, hosts in FORBIDDEN.items() for host in hosts.split()], ids=ascii
)
def test_forbidden_host_opens_no_socket(front: Front, case: str, host: str) -> None:
    front.world.names["metadata.google.internal"] = ["169.254.169.254"]
    for scheme in ("http", "https"):
        refused(front.ask(f"{scheme}://{host}/latest/meta-data"))
    assert front.world.dialled == []


ALLOWED: dict[str, str] = {
    "A05": "9.255.255.255 11.0.0.0 172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0",
    "A06": "100.63.255.255 100.128.0.0",
}


@pytest.mark.parametrize("host", [host for hosts in ALLOWED.values() for host in hosts.split()])
def test_address_just_outside_is_dialled(front: Front, host: str) -> None:
    front.world.say(PICTURE, address=host)
    assert front.ask(f"http://{host}/a.png").status_code == 200
    assert front.world.dialled == [(host, 80)]


def test_a01_url_input_off(make: Make) -> None:
    front = make(UrlPolicy(enabled=False))
    problem = front.ask("http://pics.example/").json()
    assert problem["code"] == "source_unavailable"
    assert "SAM_URL_INPUT" in problem["detail"]
    assert front.world.asked == []


@pytest.mark.parametrize(
    ("case", "answers"),
    [
        ("A13", ["10.0.0.5"]),
        ("A14", [PUBLIC, "10.0.0.5"]),
        ("A14", ["10.0.0.5", PUBLIC]),
        ("A14", [PUBLIC, "fd00::1"]),
        ("A14", ["::1", PUBLIC]),
        ("A23", [PUBLIC, "127.0.0.1"]),
        ("A31", ["8.8.8.8"] * 1000),
        ("A31", []),
    ],
)
def test_name_with_a_forbidden_answer(front: Front, case: str, answers: list[str]) -> None:
    front.world.names["pics.example"] = list(answers)
    refused(front.ask("http://pics.example/"))
    assert front.world.dialled == []


def test_a15_rebinding_name_is_resolved_once(front: Front) -> None:
    front.world.say(PICTURE)
    assert front.ask("http://pics.example/").status_code == 200
    assert (front.world.asked, front.world.dialled) == (["pics.example"], [(PUBLIC, 80)])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("hops", [0, 2])
@pytest.mark.parametrize("location", ["http://127.0.0.1/", "http://inside.example/", "//[::1]/", "http://2130706433/"])
def test_a16_redirect_to_the_inside(front: Front, status: int, hops: int, location: str) -> None:
    front.world.names["inside.example"] = ["10.0.0.5"]
    for _ in range(hops):
        front.world.say(moved("/next"))
    front.world.say(moved(location, f"{status} x"))
    refused(front.ask("http://pics.example/"))
    assert {address for address, _ in front.world.dialled} == {PUBLIC}


@pytest.mark.parametrize("location", ["/loop", "", "/" + "a" * (1 << 20)], ids=lambda text: text[:5])
def test_a17_redirects_without_end(front: Front, location: str) -> None:
    for _ in range(10):
        front.world.say(moved(location))
    refused(front.ask("http://pics.example/loop"))
    assert len(front.world.dialled) <= 4


def test_a17_relative_redirect_works(front: Front) -> None:
    front.world.say(moved("b.png"))
    stream = front.world.say(PICTURE)
    assert front.ask("http://pics.example/x/a.png").status_code == 200
    assert stream.written.startswith(b"GET /x/b.png ")


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "gopher://x/", "ftp://x/", "data:image/png,x", "javascript:1"]
)
def test_a18_redirect_to_another_scheme(front: Front, target: str) -> None:
    front.world.say(moved(target))
    refused(front.ask("http://pics.example/"))


SCHEMES = "file:///etc/passwd gopher://x/ ftp://x/ dict://x/ ldap://x/ jar:http://x!/ unix:///x blob:x //host/ host/x"
PORTS = "22 25 6379 2375 8265 0 65536 080 8739"


@pytest.mark.parametrize("url", [*SCHEMES.split(), *(f"http://pics.example:{port}/" for port in PORTS.split())])
def test_a19_a21_scheme_or_port_that_is_not_taken(front: Front, url: str) -> None:
    refused(front.ask(url), "invalid_parameter")
    assert front.world.asked == []


def test_a19_upper_case_scheme_is_http(front: Front) -> None:
    front.world.say(PICTURE)
    assert front.ask("HTTP://PICS.example/").status_code == 200


@pytest.mark.parametrize(
    "url",
    [
        "http://public@127.0.0.1/",
        "http://pics.example:80@127.0.0.1/",
        "http://127.0.0.1#@pics.example/",
        "http://pics.example\\@127.0.0.1/",
        "http://pics.example\t/",
        "http://pics.example\r\nX-Evil: 1/",
        "http://pics.example/\r\nX-Evil: 1",
        "http://pics.example\0/",
        "http://pics .example/",
        "http://pics.example/ HTTP/1.1\r\nHost: x",
        "http://\ud800/",
    ],
    ids=ascii,
)
def test_a20_tricks_with_the_text(front: Front, url: str) -> None:
    body = json.dumps({"image_url": url})
    answer = front.client.post("/create_mask", content=body, headers={"content-type": "application/json"})
    refused(answer, "invalid_parameter", "source_unavailable")
    assert front.world.dialled == []


def test_a22_proxies_of_the_environment_are_ignored(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://10.0.0.1:3128")
    front.world.say(PICTURE)
    assert front.ask("http://pics.example/").status_code == 200
    assert front.world.dialled == [(PUBLIC, 80)]
    refused(front.ask("http://127.0.0.1/"))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_a23_the_service_does_not_call_itself(make: Make, host: str) -> None:
    front = make()
    refused(front.ask(f"http://{host}:8739/create_mask"), "invalid_parameter", "source_unavailable")
    assert front.world.dialled == []


@pytest.mark.parametrize("pieces", [[], [b"H", b"T"], [reply(content_length="1000")]], ids=["silent", "drips", "half"])
def test_a24_slow_source_is_504_and_its_connection_closed(make: Make, pieces: list[bytes]) -> None:
    front = make(seconds=0.1)
    stream = front.world.say(*pieces, hang=True)
    answer = front.ask("http://pics.example/")
    assert (answer.status_code, answer.json()["code"]) == (504, "source_timeout")
    assert stream.closed


def test_a25_bytes_without_end(front: Front) -> None:
    endless = front.world.say(reply(b"", content_length=""), *[b"\x89PNG" * 1000] * 1000)
    announced = front.world.say(reply(content_length="10000000000"))
    for _ in range(2):
        answer = front.ask("http://pics.example/")
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert endless.closed and announced.closed and len(endless.pieces) > 900
    front.world.say(reply(picture(), content_length="999999"[:5]))
    refused(front.ask("http://pics.example/"))
    front.world.say(reply(picture(), content_length="100"))
    refused(front.ask("http://pics.example/"), "image_unreadable")


NO_PICTURES: dict[str, bytes] = {
    "A26-gzip": reply(content_encoding="gzip"),
    "A26-br": reply(content_encoding="br"),
    "A26-zstd": reply(content_encoding="zstd"),
    "A26-twice": reply(content_encoding="gzip, gzip"),
    "A27-html": reply(f"<html>{SECRET}".encode(), content_type="text/html"),
    "A27-svg": reply(f'<svg><image href="http://x/{SECRET}"/></svg>'.encode(), content_type="image/svg+xml"),
    "A27-json": reply(f'{{"key": "{SECRET}"}}'.encode(), content_type="image/png"),
    "A27-206": reply(picture(), "206 x"),
    "A27-204": reply(b"", "204 x"),
    "A27-401": reply(SECRET.encode(), "401 x"),
    "A28-headers": b"HTTP/1.1 200 OK\r\n" + b"".join(b"h%d: x\r\n" % i for i in range(1000)) + b"\r\n",
    "A28-line": b"HTTP/1.1 200 OK\r\nh: " + b"x" * (1 << 20) + b"\r\n\r\n",
    "A28-http09": picture(),
    "A28-status": b"HTTP/1.1 banana\r\n\r\n",
}


@pytest.mark.parametrize("case", NO_PICTURES)
def test_answer_that_is_no_picture(front: Front, case: str, caplog: pytest.LogCaptureFixture) -> None:
    stream = front.world.say(NO_PICTURES[case])
    refused(front.ask("http://pics.example/"))
    assert stream.closed
    assert SECRET not in caplog.text


def test_a30_slow_sources_leave_the_slots_of_others(make: Make) -> None:
    front = make(seconds=1.5, url_slots=3)
    for _ in range(3):
        front.world.say(hang=True)

    async def storm() -> tuple[list[httpx.Response], httpx.Response, float]:
        async with front.client.open() as client:
            asks = [
                asyncio.create_task(client.post("/create_mask", json={"image_url": "http://pics.example/"}))
                for _ in range(20)
            ]
            await asyncio.sleep(0.2)
            start = time.perf_counter()
            health = await client.get("/health")
            seconds = time.perf_counter() - start
            upload = await client.post("/create_mask", files={"image": picture()})
            assert health.status_code == 200
            return await asyncio.gather(*asks), upload, seconds

    answers, upload, _ = front.client.run(storm())
    assert upload.status_code == 200
    codes = sorted(answer.json()["code"] for answer in answers)
    assert codes == ["busy"] * 17 + ["source_timeout"] * 3
    assert all("retry-after" in answer.headers for answer in answers if answer.status_code == 503)


def test_a31_slow_resolver_does_not_hold_the_event_loop(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer comes while the resolver still hangs, so the loop goes on without it."""
    front = make(seconds=0.2)
    asked, over = [], threading.Event()

    def hang(host: str, *_: Any, **__: Any) -> Any:
        asked.append(host)
        over.wait(60)
        raise OSError("late")

    monkeypatch.setattr("socket.getaddrinfo", hang)
    front.world.resolve = SystemResolver().resolve  # type: ignore[method-assign]
    answer = front.ask("http://slow.example/")
    hanging = not over.is_set()
    over.set()
    assert (answer.status_code, answer.json()["code"]) == (504, "source_timeout")
    assert asked == ["slow.example"] and hanging


def test_a31_resolver_that_fails(front: Front) -> None:
    front.world.names["pics.example"] = OSError("SERVFAIL")
    refused(front.ask("http://pics.example/"))


@pytest.mark.parametrize(
    ("host", "ok"),
    [
        ("good.com", True),
        ("GOOD.com", True),
        ("www.good.com", False),
        ("good.com.evil.example", False),
        ("evilgood.com", False),
        ("good.com.", False),
        ("8.8.8.8", False),
    ],
)
def test_a32_list_of_hosts_is_exact(make: Make, host: str, ok: bool) -> None:
    front = make(UrlPolicy(hosts=frozenset({"good.com"})))
    front.world.names["good.com"] = [PUBLIC]
    front.world.say(PICTURE)
    answer = front.ask(f"http://{host}/a.png")
    if ok:
        assert answer.status_code == 200
    else:
        refused(answer)
        assert front.world.asked == []


def test_opened_network_serves_the_examples_of_the_readme(make: Make) -> None:
    front = make(UrlPolicy(networks=(ip_network("127.0.0.0/8"),)))
    front.world.say(PICTURE, address="127.0.0.1")
    assert front.ask("http://127.0.0.1:18080/portrait.png").status_code == 200
    assert front.world.dialled == [("127.0.0.1", 18080)]
    refused(front.ask("http://10.0.0.1:18080/"))
