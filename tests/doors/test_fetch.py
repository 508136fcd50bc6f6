"""Fetching by a scripted resolver and a recording dialler: no test here leaves the process, but for TLS on the
loopback.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from ipaddress import ip_network

import httpcore
import pytest
import trustme

from sam_mask_service.doors.dial import Line, SystemDialler
from sam_mask_service.doors.fetch import Fetcher
from sam_mask_service.doors.netguard import FetchFailed, UrlPolicy
from sam_mask_service.doors.resolve import SystemResolver
from sam_mask_service.errors import InvalidParameter, ServiceError, SourceTimeout, TooLarge

from ..support.world import OTHER, PNG, PUBLIC, World, moved, reply


@pytest.fixture
def world() -> World:
    return World()


def test_picture_by_the_checked_address_with_the_name_kept(world: World) -> None:
    stream = world.say(reply())
    assert world.fetch("http://pics.example/a.png?b=1#c") == PNG
    assert (world.asked, world.dialled) == (["pics.example"], [(PUBLIC, 80)])
    head = stream.written.decode()
    assert head.startswith("GET /a.png?b=1 HTTP/1.1\r\n")
    assert "\r\nHost: pics.example\r\n" in head
    assert "\r\nAccept-Encoding: identity\r\n" in head
    assert stream.closed


def test_address_literal_is_dialled_without_a_question(world: World) -> None:
    world.say(reply())
    world.say(reply(), address=OTHER)
    assert world.fetch(f"http://{PUBLIC}/") == PNG
    assert world.fetch(f"http://[{OTHER}]/") == PNG
    assert world.asked == []


def test_second_address_when_the_first_refuses(world: World) -> None:
    world.names["pics.example"] = ["1.1.1.1", PUBLIC, "9.9.9.9"]
    world.say(reply())
    assert world.fetch("http://pics.example/") == PNG
    assert world.dialled == [("1.1.1.1", 80), (PUBLIC, 80)]


@pytest.mark.parametrize(
    "answers",
    [["10.0.0.5"], [PUBLIC, "10.0.0.5"], ["10.0.0.5", PUBLIC], [PUBLIC, "::1"], ["fd00::1", OTHER], ["fe80::1%eth0"]],
)
def test_one_forbidden_answer_refuses_the_whole_name(world: World, answers: list[str]) -> None:
    world.names["pics.example"] = answers
    assert world.reason() == "address"
    assert world.dialled == []


@pytest.mark.parametrize("answers", [[], [PUBLIC] * 33, ["nonsense"], OSError("SERVFAIL")])
def test_resolver_without_a_usable_answer(world: World, answers: list[str] | Exception) -> None:
    world.names["pics.example"] = answers
    assert world.reason() == "dns"
    assert world.dialled == []


@pytest.mark.parametrize("status", ["301 x", "302 x", "303 x", "307 x", "308 x"])
@pytest.mark.parametrize("location", ["/b.png", "b.png", "//pics.example/b.png", "http://pics.example/b.png"])
def test_redirect_is_followed(world: World, status: str, location: str) -> None:
    world.say(moved(location, status))
    stream = world.say(reply())
    assert world.fetch("http://pics.example/a.png") == PNG
    assert stream.written.startswith(b"GET /b.png ")


def test_three_redirects_and_no_more(world: World) -> None:
    for _ in range(3):
        world.say(moved("/again"))
    world.say(reply())
    assert world.fetch("http://pics.example/") == PNG
    for _ in range(4):
        world.say(moved("/again"))
    assert world.reason() == "redirect"
    assert len(world.dialled) == 8


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://127.0.0.1/", "address"),
        ("http://[::1]/", "address"),
        ("http://inside.example/", "address"),
        ("//169.254.169.254/latest", "address"),
        ("file:///etc/passwd", "redirect"),
        ("gopher://x/", "redirect"),
        ("ftp://x/", "redirect"),
        ("data:image/png;base64,AAAA", "redirect"),
        ("javascript:alert(1)", "redirect"),
        ("http://pics.example:22/", "redirect"),
        ("http://me@pics.example/", "redirect"),
        ("http://pics.example/a b", "redirect"),
        ("http://2130706433/", "host_syntax"),
        ("http://[::1/", "redirect"),
        ("/" + "a" * 5000, "redirect"),
        ("", "redirect"),
    ],
    ids=lambda text: text[:30],
)
@pytest.mark.parametrize("hops", [0, 2])
def test_redirect_passes_the_whole_guard_again(world: World, location: str, reason: str, hops: int) -> None:
    world.names["inside.example"] = ["10.0.0.5"]
    for _ in range(hops):
        world.say(moved("/next"))
    world.say(moved(location))
    assert world.reason() == reason
    assert {address for address, _ in world.dialled} == {PUBLIC}


def test_rebinding_name_is_asked_once(world: World) -> None:
    answers = [[PUBLIC], ["127.0.0.1"]]

    async def resolve(host: str, port: int) -> Sequence[str]:
        return answers.pop(0)

    world.resolve = resolve  # type: ignore[method-assign]
    world.say(reply())
    assert world.fetch("http://pics.example/") == PNG
    assert world.dialled == [(PUBLIC, 80)]
    assert answers == [["127.0.0.1"]]


def test_rebinding_between_hops_is_seen(world: World) -> None:
    answers = [[PUBLIC], ["127.0.0.1"]]

    async def resolve(host: str, port: int) -> Sequence[str]:
        return answers.pop(0)

    world.resolve = resolve  # type: ignore[method-assign]
    world.say(moved("/b"))
    assert world.reason() == "address"
    assert world.dialled == [(PUBLIC, 80)]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (reply(status="404 x"), "status"),
        (reply(b"secret", "401 x"), "status"),
        (reply(status="206 x"), "status"),
        (reply(b"", "204 x", content_length=""), "status"),
        (reply(status="500 x"), "status"),
        (reply(content_encoding="gzip"), "encoding"),
        (reply(content_encoding="gzip, gzip"), "encoding"),
        (reply(content_encoding="br"), "encoding"),
        (reply(content_type="text/html"), "content"),
        (reply(content_type="application/json; charset=utf-8"), "content"),
        (reply(content_type="image/svg+xml"), "content"),
        (reply(b'{"AccessKeyId": "secret"}'), "content"),
        (reply(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "content"),
        (reply(b""), "content"),
        (reply(content_length="1000"), "protocol"),
        (reply(content_length="-1"), "protocol"),
        (reply(content_length="40, 41"), "protocol"),
        (reply(transfer_encoding="chunked", content_length="") + b"zz\r\n", "protocol"),
        (b"", "protocol"),
        (PNG, "protocol"),
        (b"HTTP/9.9 200 OK\r\n\r\n", "content"),
        (b"HTTP/1.1 abc\r\n\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\n" + b"".join(b"h%d: x\r\n" % i for i in range(1000)) + b"\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\nh: " + b"x" * (1 << 20) + b"\r\n\r\n", "protocol"),
        (reply(status="302 x"), "redirect"),
        (reply(status="101 x", upgrade="h2c", connection="upgrade"), "protocol"),
    ],
)
def test_answer_that_is_no_picture(world: World, answer: bytes, reason: str) -> None:
    stream = world.say(answer)
    assert world.reason() == reason
    assert stream.closed


def test_body_without_a_length_ends_with_the_connection(world: World) -> None:
    world.say(reply(content_length=""))
    assert world.fetch("http://pics.example/") == PNG


def test_bytes_are_counted_to_the_limit(world: World) -> None:
    whole = PNG.ljust(1000, b"x")
    world.say(reply(whole))
    assert world.fetch("http://pics.example/") == whole
    announced = world.say(reply(content_length="10000000000"))
    endless = world.say(reply(b"", content_length=""), *[PNG * 4] * 50)
    for _ in range(2):
        with pytest.raises(TooLarge):
            world.fetch("http://pics.example/")
    assert announced.closed and endless.closed
    assert len(endless.pieces) > 40, "reading stopped at the limit"


@pytest.mark.parametrize("pieces", [[], [b"HTTP/1.1 200 OK\r\n"], [reply(content_length="100")], [b"H"] * 3])
def test_slow_source_ends_at_the_total_limit_and_is_closed(world: World, pieces: list[bytes]) -> None:
    stream = world.say(*pieces, hang=True)
    with pytest.raises(SourceTimeout):
        world.fetch("http://pics.example/", seconds=0.02)
    assert stream.closed


def test_slow_resolver_ends_at_the_total_limit(world: World) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(3600)
        return []

    world.resolve = resolve  # type: ignore[method-assign]
    with pytest.raises(SourceTimeout):
        world.fetch("http://pics.example/", seconds=0.02)


def test_nothing_is_asked_for_a_refused_url(world: World) -> None:
    assert world.reason("http://127.0.0.1/") == "address"
    assert world.reason("http://169.254.169.254/") == "address"
    with pytest.raises(FetchFailed, match="SAM_URL_INPUT"):
        world.fetch("http://pics.example/", UrlPolicy(enabled=False))
    with pytest.raises(InvalidParameter):
        world.fetch("file:///etc/passwd")
    assert (world.asked, world.dialled) == ([], [])


def test_proxies_of_the_environment_are_ignored(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://10.0.0.1:3128")
    world.say(reply())
    assert world.fetch("http://pics.example/") == PNG
    assert world.dialled == [(PUBLIC, 80)]


def test_client_that_leaves_closes_the_outbound_connection(world: World) -> None:
    stream = world.say(hang=True)

    async def leave() -> None:
        task = asyncio.create_task(
            Fetcher(Line(UrlPolicy(), resolver=world, dialler=world)).fetch("http://pics.example/")
        )
        while not stream.written:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(leave())
    assert stream.closed


LOOPBACK = UrlPolicy(networks=(ip_network("127.0.0.0/8"),))


class LoopbackNames(SystemResolver):
    async def resolve(self, host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]


def serve_tls(certificate: trustme.LeafCert, trusted: trustme.CA, url: Callable[[int], str]) -> bytes | ServiceError:
    """What fetching gives from a TLS server on the loopback that shows ``certificate`` and checks the Host header."""
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(server_side)
    client_side = ssl.create_default_context()
    trusted.configure_trust(client_side)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        good = moved("http://pics.example/a") if b"GET /down " in head else reply()
        writer.write(good if b"\r\nHost: pics.example:" in head else reply(status="421 x"))
        await writer.drain()
        writer.close()

    async def run() -> bytes | ServiceError:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=server_side)
        port = server.sockets[0].getsockname()[1]
        async with server:
            try:
                return await Fetcher(Line(LOOPBACK, resolver=LoopbackNames(), tls=client_side)).fetch(url(port))
            except ServiceError as error:
                return error

    return asyncio.run(run())


def test_tls_is_checked_against_the_name_while_the_address_is_dialled() -> None:
    ours, stranger = trustme.CA(), trustme.CA()
    url = "https://pics.example:{}/a".format
    assert serve_tls(ours.issue_cert("pics.example"), ours, url) == PNG
    for certificate in (ours.issue_cert("other.example"), stranger.issue_cert("pics.example")):
        failed = serve_tls(certificate, ours, url)
        assert isinstance(failed, FetchFailed)
        assert failed.reason == "connect"


def test_redirect_from_https_to_http_is_refused() -> None:
    authority = trustme.CA()
    failed = serve_tls(authority.issue_cert("pics.example"), authority, "https://pics.example:{}/down".format)
    assert isinstance(failed, FetchFailed)
    assert failed.reason == "downgrade"


def test_system_resolver_gives_addresses_and_oserror() -> None:
    resolver = SystemResolver()
    assert asyncio.run(resolver.resolve("127.0.0.1", 80)) == ["127.0.0.1"]
    assert asyncio.run(resolver.resolve("127.1", 80)) == ["127.0.0.1"]
    for bad in ("a" * 300, "\ud800"):
        with pytest.raises(OSError):
            asyncio.run(resolver.resolve(bad, 80))


def test_system_dialler_reports_a_closed_port() -> None:
    with pytest.raises(httpcore.ConnectError):
        asyncio.run(SystemDialler().dial("127.0.0.1", 1))
