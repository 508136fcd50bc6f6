"""The guard by tables: every address class, every trick with the text of a URL."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam_mask_service.doors.netguard import (
    FetchFailed,
    UrlPolicy,
    check_address,
    check_url,
    is_opened,
    is_public,
    parse_address,
)
from sam_mask_service.errors import InvalidParameter, SourceUnavailable

OPEN = UrlPolicy()
LOCAL = UrlPolicy(networks=(ip_network("127.0.0.0/8"), ip_network("fd00::/8")))

FORBIDDEN_TEXT = """
0.0.0.0 0.1.2.3 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 100.100.100.200 127.0.0.1 127.255.255.254 169.254.0.0
169.254.169.254 172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.8 192.0.0.170 192.0.2.1 192.31.196.1 192.52.193.1
192.88.99.1
192.168.0.0 192.168.255.255 192.175.48.1 198.18.0.0 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255
240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::10.0.0.1 ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:8.8.8.8 64:ff9b::7f00:1 64:ff9b::808:808
64:ff9b:1::7f00:1
100::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:10::1 2001:20::1 2001:db8::1 2001:1ff:ffff::1 2002:7f00:1::
2002:808:808::1
2606:4700::5efe:7f00:1 2606:4700::200:5efe:808:808 2620:4f:8000::1 3fff::1 4000::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1
fe80::1%eth0 fec0::1 ff02::1 ff0e::1 2606:4700::1%eth0
"""
ALLOWED_TEXT = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0
172.15.255.255 172.32.0.0 192.0.1.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255
2001:200::1 2001:4860:4860::8888 2003::1 2606:4700:4700::1111 2a00:1450::1
"""


@pytest.mark.parametrize("text", FORBIDDEN_TEXT.split())
def test_no_socket_to_this_address(text: str) -> None:
    assert not is_public(ip_address(text))
    with pytest.raises(FetchFailed) as caught:
        check_address(ip_address(text), 80, OPEN)
    assert caught.value.reason == "address"
    assert caught.value.detail == SourceUnavailable.default_detail


@pytest.mark.parametrize("text", FORBIDDEN_TEXT.split())
def test_the_tables_do_not_lean_on_pythons_flags(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ``is_global`` says of the carriers differs between versions of Python."""
    for kind in (IPv4Address, IPv6Address):
        monkeypatch.setattr(kind, "is_global", True)
        monkeypatch.setattr(kind, "is_multicast", False)
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", ALLOWED_TEXT.split())
def test_public_address_may_be_dialled_on_the_web_ports_only(text: str) -> None:
    check_address(ip_address(text), 80, OPEN)
    check_address(ip_address(text), 443, OPEN)
    with pytest.raises(FetchFailed) as caught:
        check_address(ip_address(text), 8080, LOCAL)
    assert caught.value.reason == "port"


def test_opened_network_is_opened_on_any_port_and_nothing_beside_it() -> None:
    check_address(ip_address("127.0.0.1"), 8081, LOCAL)
    check_address(ip_address("fd00::7"), 9000, LOCAL)
    for other in ("10.0.0.1", "::1", "::ffff:127.0.0.1", "fe80::1", "fd00::1%lo"):
        assert not is_opened(ip_address(other), LOCAL.networks)
        with pytest.raises(FetchFailed):
            check_address(ip_address(other), 80, LOCAL)


@given(st.integers(0, 2**32 - 1))
def test_every_ipv4_carrier_form_is_refused_whatever_it_carries(number: int) -> None:
    v4 = int(IPv4Address(number))
    for carrier in (0, 0xFFFF << 32, 0x64FF9B << 96, 0x64FF9B0001 << 80):
        assert not is_public(IPv6Address(carrier | v4))
    assert not is_public(IPv6Address((0x2002 << 112) | (v4 << 80)))
    assert not is_public(IPv6Address((0x2606_4700 << 96) | (0x5EFE << 32) | v4))
    assert not is_public(IPv6Address((0x2001_0000 << 96) | (v4 ^ 0xFFFF_FFFF)))


@given(st.integers(0, 2**128 - 1))
def test_an_ipv6_address_that_may_be_dialled_is_global_unicast(number: int) -> None:
    address = IPv6Address(number)
    if is_public(address):
        assert number >> 125 == 1
        assert address.is_global


@pytest.mark.parametrize("text", ["", "nonsense", "1.2.3", "1.2.3.4.5", "1.2.3.4:80"])
def test_resolver_answer_that_is_no_address(text: str) -> None:
    with pytest.raises(FetchFailed) as caught:
        parse_address(text)
    assert caught.value.reason == "dns"


URLS = [
    ("http://example.com/a.jpg", "http", "example.com", 80, "/a.jpg", "example.com"),
    ("HTTP://EXAMPLE.com", "http", "example.com", 80, "/", "example.com"),
    ("https://example.com:443/x?y=1#z", "https", "example.com", 443, "/x?y=1", "example.com"),
    ("https://example.com:80/x", "https", "example.com", 80, "/x", "example.com:80"),
    ("http://example.com:/x", "http", "example.com", 80, "/x", "example.com"),
    ("http://example.com./x", "http", "example.com.", 80, "/x", "example.com."),
    ("http://a_b.example.com/ä?ö=%20", "http", "a_b.example.com", 80, "/%C3%A4?%C3%B6=%20", "a_b.example.com"),
    ("http://bücher.example/x", "http", "xn--bcher-kva.example", 80, "/x", "xn--bcher-kva.example"),
    ("http://8.8.8.8/x", "http", "8.8.8.8", 80, "/x", "8.8.8.8"),
    ("http://[2606:4700:0:0::1]/x", "http", "2606:4700::1", 80, "/x", "[2606:4700::1]"),
    ("http://example.com/a//b/../c", "http", "example.com", 80, "/a//b/../c", "example.com"),
]


@pytest.mark.parametrize(("url", "scheme", "host", "port", "path", "authority"), URLS)
def test_url_in_parts(url: str, scheme: str, host: str, port: int, path: str, authority: str) -> None:
    target = check_url(url, OPEN)
    assert (target.scheme, target.host, target.port, target.path) == (scheme, host, port, path)
    assert target.authority == authority
    assert target.url == f"{scheme}://{authority}{path}"


INVALID = [
    "file:///etc/passwd", "gopher://x/", "ftp://x/", "dict://x/", "ldap://x/", "jar:http://x!/", "unix:///x", "blob:x",
    "data:image/png;base64,AAAA", "javascript:alert(1)", "//example.com/x", "example.com/x", "", "http:example.com",
    "http:/example.com", "https:/example.com", "http//example.com", "h\u0442tp://example.com/",
    "http://user@example.com/", "http://public@127.0.0.1/", "http://a:b@example.com/", "http://@example.com/",
    "http://public\\@127.0.0.1/", "http://127.0.0.1\t/", "http://exam\r\nple.com/", "http://example.com/\r\nX: y",
    "http://exa\x00mple.com/", "http://exa mple.com/", " http://example.com/", "http://example.com/\u2028",
    "http://example.com/\ud800",
    "http://example.com:22/", "http://example.com:25/", "http://example.com:6379/", "http://example.com:2375/",
    "http://example.com:8265/", "http://example.com:0/", "http://example.com:65536/", "http://example.com:080/",
    "http://example.com:-80/", "http://example.com:80x/", "http://example.com:\u0668\u0660/", "http://example.com:8080/",
    "http://example.com/" + "a" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("url", INVALID, ids=lambda u: ascii(u)[:50])
def test_url_that_the_caller_can_see_is_wrong(url: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        check_url(url, OPEN)
    assert caught.value.detail.startswith("image_url: ")


HOSTS = [
    "http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0177.0.0.1/", "http://127.1/", "http://0/",
    "http://127.0.0.1./", "http://1.2.3.4.5/", "http://256.1.1.1/", "http://%31%32%37.0.0.1/", "http://①②⑦.⓪.⓪.①/",
    "http://１２７.0.0.1/", "http://ⓛocalhost/", "http://[::1/", "http://[]/", "http://[1.2.3.4]/",
    "http://[::1]x/", "http://:80/", "http:///x", "http://a..b/", "http://.example.com/", "http://-example.com/",
    "http://[v1.fe80::a+en1]/", "http://" + "a" * 64 + ".com/", "http://" + "a." * 130 + "com/", "http://exa<mple.com/",
    "http://a,b/", "http://a;b/", "http://a%00b/", "http://[::ffff:127.0.0.1%25lo/",
]  # fmt: skip


@pytest.mark.parametrize("url", HOSTS)
def test_host_that_is_neither_name_nor_address(url: str) -> None:
    with pytest.raises(FetchFailed) as caught:
        check_url(url, OPEN)
    assert caught.value.reason == "host_syntax"


def test_ideographic_dots_make_an_address_that_is_then_judged() -> None:
    target = check_url("http://127。0。0。1/", OPEN)
    assert target.literal == IPv4Address("127.0.0.1")


def test_ports_of_internal_services_need_an_opened_network() -> None:
    assert check_url("http://127.0.0.1:8081/x", LOCAL).port == 8081
    for port in (22, 1023, 65536):
        with pytest.raises(InvalidParameter):
            check_url(f"http://127.0.0.1:{port}/x", LOCAL)


LISTED = UrlPolicy(hosts=frozenset({"good.com", "8.8.8.8"}))


@pytest.mark.parametrize("host", ["good.com", "GOOD.com", "8.8.8.8"])
def test_listed_host(host: str) -> None:
    assert check_url(f"http://{host}/", LISTED).host == host.lower()


@pytest.mark.parametrize(
    "host", ["www.good.com", "good.com.evil.net", "notgood.com", "good.com.", "8.8.4.4", "[::ffff:8.8.8.8]"]
)
def test_host_list_is_matched_exactly(host: str) -> None:
    with pytest.raises(FetchFailed) as caught:
        check_url(f"http://{host}/", LISTED)
    assert caught.value.reason == "host_not_listed"


def test_url_input_off_says_so() -> None:
    with pytest.raises(FetchFailed) as caught:
        check_url("http://example.com/", UrlPolicy(enabled=False))
    assert (caught.value.reason, caught.value.code) == ("off", "source_unavailable")
    assert "SAM_URL_INPUT" in caught.value.detail


@given(st.text(max_size=60))
def test_any_text_is_judged_without_surprise(text: str) -> None:
    for url in (text, "http://" + text, "https://" + text + "/x"):
        try:
            target = check_url(url, OPEN)
        except (InvalidParameter, FetchFailed):
            continue
        assert target.port in (80, 443)
        assert target.authority.isascii() and target.path.isascii()
        assert not any(ch in target.authority + target.path for ch in " \r\n\t\0\\@"[:6])
