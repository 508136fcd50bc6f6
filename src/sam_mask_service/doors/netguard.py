"""May this URL be asked, may this address be dialled. Pure: text and numbers in, a verdict out; nothing is resolved
here.

The rule for addresses: the resolver's answer is judged, never the text of the URL. IPv4 must be global unicast by the
IANA special-purpose registry (RFC 6890 and its updates, https://www.iana.org/assignments/iana-ipv4-special-registry).
IPv6 must lie in 2000::/3, the only block that IANA gives out as global unicast, which leaves out every form that
carries an IPv4 address in ::/8 or 64:ff9b::/32; the carriers inside 2000::/3 (Teredo, 6to4, ISATAP) are refused by
name. Python's own ``is_global`` is asked too, but is no guard alone: it says True to 224.0.0.1 and to several of the
carriers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Literal
from urllib.parse import quote, urlsplit

import idna

from ..errors import InvalidParameter, SourceUnavailable
from ..limits import FETCH

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Scheme = Literal["http", "https"]
Reason = Literal[
    "off", "host_syntax", "host_not_listed", "dns", "address", "port", "redirect", "downgrade", "connect", "protocol",
    "status", "encoding", "content",
]  # fmt: skip
"""Why a fetch failed: for the log and the metric; what the caller reads stands in ``refusals``."""

DEFAULT_PORTS: dict[str, int] = {"http": 80, "https": 443}

_NOT_GLOBAL_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network; 0.0.0.0 reaches the local host on Linux
        "10.0.0.0/8",  # private, RFC 1918
        "100.64.0.0/10",  # carrier-grade NAT, RFC 6598; holds some clouds' metadata service
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local; holds most clouds' metadata service
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT relays
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved and broadcast
    )
)
_GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")
_NOT_GLOBAL_V6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # IETF protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4 carries an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)
"""The upper half of an ISATAP interface identifier (RFC 5214 section 6.1); the lower half is an IPv4 address."""

_FORBIDDEN_CHARACTERS = re.compile(r"[\x00-\x20\x7f-\x9f\\\u2028\u2029\ud800-\udfff]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_HOST_NAME = re.compile(r"(?=.{1,253}\.?\Z)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_](?:[a-z0-9_-]{0,62}))*\.?\Z")
_NUMERIC_LABEL = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)\Z")
_PORT = re.compile(r"[1-9][0-9]{0,4}\Z")


class FetchFailed(SourceUnavailable):
    """SourceUnavailable with the reason that stays in the house."""

    def __init__(self, reason: Reason, detail: str | None = None) -> None:
        super().__init__(detail)
        self.reason: Reason = reason


@dataclass(frozen=True, slots=True)
class UrlPolicy:
    """What the operator allows.

    ``hosts``: an exact allow-list of lower-case names or addresses; empty for any host. It never opens a private
    address. ``networks``: networks that are opened although the rule forbids them. They may be dialled on any port from
    1024 up, too, since that is where internal services listen; all other addresses on 80 and 443 alone.
    """

    enabled: bool = True
    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True)
class Destination:
    """A URL that may be asked, in parts. ``host``: lower-case ASCII, without brackets. ``path``: with the query."""

    scheme: Scheme
    host: str
    port: int
    path: str
    literal: Address | None = field(default=None)

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def is_public(address: Address) -> bool:
    """Whether the rule above lets ``address`` be dialled."""
    if not address.is_global or address.is_multicast:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_GLOBAL_V4)
    if address.scope_id is not None or address not in _GLOBAL_UNICAST_V6:
        return False
    if (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP:
        return False
    return not any(address in network for network in _NOT_GLOBAL_V6)


def is_opened(address: Address, networks: Iterable[Network]) -> bool:
    """Whether the operator opened ``address`` by name. An address with a zone (``fe80::1%eth0``) never is."""
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return False
    return any(address in network for network in networks)


def check_address(address: Address, port: int, policy: UrlPolicy) -> None:
    """Raises FetchFailed unless ``address`` may be dialled on ``port``."""
    if is_opened(address, policy.networks):
        return
    if not is_public(address):
        raise FetchFailed("address")
    if port not in DEFAULT_PORTS.values():
        raise FetchFailed("port")


def parse_address(text: str) -> Address:
    """A resolver's answer. Raises FetchFailed."""
    try:
        return ip_address(text)
    except ValueError:
        raise FetchFailed("dns") from None


def check_url(url: str, policy: UrlPolicy) -> Destination:
    """The caller's URL in parts, when it may be asked.

    Raises InvalidParameter for what the caller can see in his own text (scheme, user info, port, control characters),
    and FetchFailed for everything that tells about hosts.
    """
    if not policy.enabled:
        raise FetchFailed("off", "This service fetches no URLs (setting SAM_URL_INPUT); send the picture itself.")
    if len(url) > FETCH.url_characters:
        raise InvalidParameter(f"image_url: at most {FETCH.url_characters} characters.")
    if _FORBIDDEN_CHARACTERS.search(url):
        raise InvalidParameter("image_url: no spaces, control characters or backslashes.")
    scheme = _scheme(url)
    try:
        parts = urlsplit(url)
    except ValueError:
        raise FetchFailed("host_syntax") from None
    if "@" in parts.netloc:
        raise InvalidParameter("image_url: no user name or password in the URL.")
    text, port = _split_port(parts.netloc, scheme, policy)
    host, literal = _host(text)
    if policy.hosts and host not in policy.hosts:
        raise FetchFailed("host_not_listed")
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~-._?") if parts.query else ""
    return Destination(scheme, host, port, path + query, literal)


def _scheme(url: str) -> Scheme:
    found = _SCHEME.match(url)
    scheme = found.group(1).lower() if found else ""
    if scheme == "http" and url[5:7] == "//":
        return "http"
    if scheme == "https" and url[6:8] == "//":
        return "https"
    raise InvalidParameter("image_url: only http:// and https:// URLs.")


def _split_port(netloc: str, scheme: Scheme, policy: UrlPolicy) -> tuple[str, int]:
    """The host's text and the port. ``[…]`` around IPv6 is kept for ``_host``."""
    end = netloc.find("]") + 1 if netloc.startswith("[") else 0
    head, colon, digits = netloc[end:].partition(":")
    text = netloc[:end] + head
    if not colon or not digits:
        return text, DEFAULT_PORTS[scheme]
    port = int(digits) if _PORT.match(digits) else 0
    allowed = port in DEFAULT_PORTS.values() or (bool(policy.networks) and 1024 <= port <= 65535)
    if not allowed:
        raise InvalidParameter("image_url: only the ports 80 and 443; others on networks of SAM_URL_ALLOW_NETWORKS.")
    return text, port


def _host(text: str) -> tuple[str, Address | None]:
    """Lower-case ASCII host, and the address when it is one. Raises FetchFailed for anything that is neither."""
    if text.startswith("["):
        try:
            address = IPv6Address(text[1:-1])
        except ValueError:
            raise FetchFailed("host_syntax") from None
        return str(address), address
    try:
        name = text.lower() if text.isascii() else idna.encode(text.lower()).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise FetchFailed("host_syntax") from None
    if not _HOST_NAME.match(name):
        raise FetchFailed("host_syntax")
    # A name whose last label is a number is an IPv4 address for some resolver (127.1, 0x7f000001, 0177.0.0.1): only the
    # plain dotted form is taken (https://url.spec.whatwg.org/#ends-in-a-number-checker).
    if not _NUMERIC_LABEL.match(name.rstrip(".").rpartition(".")[2]):
        return name, None
    try:
        return name, IPv4Address(name)
    except ValueError:
        raise FetchFailed("host_syntax") from None
