"""Who may ask: host name, web origin and API key, judged from the request's head alone, before anything else runs."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import socket
import time
from collections import OrderedDict, deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from ..errors import (
    BadRequest,
    ForbiddenHost,
    ForbiddenOrigin,
    KeyMissing,
    KeyWrong,
    TooManyRequests,
)
from .caller import caller_of

PUBLIC_PATHS = frozenset({"/health", "/ready", "/"})
PUBLIC_PREFIXES = ("/static/",)
"""What is answered without a key: liveness, readiness, and the web page's own files. Everything else needs the key."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::[0-9]{1,5})?\Z")
_STRONG = 16
"""Characters of a key that is not to be guessed over a network."""
_WRONG_KEYS = 20
_WINDOW = 60.0
_REMEMBERED = 4096


class WrongKeys:
    """How many wrong keys came from where in the last minute; bounded in memory."""

    def __init__(self, most: int = _WRONG_KEYS, window: float = _WINDOW, remembered: int = _REMEMBERED) -> None:
        self._most, self._window, self._remembered = most, window, remembered
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def check(self, address: str) -> None:
        """Raises TooManyRequests for an address that guesses."""
        times = self._times.get(_network(address))
        if times is None:
            return
        while times and times[0] < time.monotonic() - self._window:
            times.popleft()
        if len(times) >= self._most:
            raise TooManyRequests("Too many wrong API keys from this address; try again later.")

    def add(self, address: str) -> None:
        network = _network(address)
        times = self._times.setdefault(network, deque(maxlen=self._most))
        times.append(time.monotonic())
        self._times.move_to_end(network)
        while len(self._times) > self._remembered:
            self._times.popitem(last=False)


def _network(address: str) -> str:
    """The address, or its /64 for IPv6: one customer has as many addresses there as he likes."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ip) if ip.version == 4 else str(ipaddress.ip_network((int(ip) >> 64 << 64, 64)))


@dataclass(frozen=True, slots=True)
class Head:
    """The request headers that matter here, as bytes."""

    headers: Sequence[tuple[bytes, bytes]]

    def all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key == name]

    def one(self, name: bytes) -> str | None:
        """The header's text, or None. Raises BadRequest when it stands twice."""
        values = self.all(name)
        if len(values) > 1:
            raise BadRequest(f"{name.decode()} stands twice.")
        return values[0].decode("latin-1") if values else None


class Auth:
    """Holds the operator's rules; ``check`` raises, or returns whether the caller is trusted with details.

    A strong key passes also from an address that guesses: it cannot be guessed, and behind a proxy or a container's
    gateway that address is everybody's. A weak one does not: an answer to every guess is what a guesser needs.
    """

    def __init__(self, key: str | None, hosts: Collection[str] = (), origins: Collection[str] = ()) -> None:
        self._strong = key is not None and len(key) >= _STRONG
        self._digest = hashlib.sha256(key.encode()).digest() if key else None
        self._any_host = "*" in hosts or (not hosts and key is not None)
        self._hosts = frozenset(host.lower() for host in hosts)
        self._origins = frozenset(origins)
        self._own_name = socket.gethostname().lower()
        self._wrong = WrongKeys()

    def check(self, method: str, path: str, head: Head, client: str) -> bool:
        """Raises BadRequest, ForbiddenHost, ForbiddenOrigin, KeyMissing, KeyWrong, TooManyRequests.

        True when the caller may see details: he showed the key, or there is none.
        """
        host = self._check_host(head)
        head.one(b"origin")  # never two: this service and a layer before it could each read another one
        if self._digest is None:
            if method not in SAFE_METHODS:
                self._check_origin(head, host)
            return True
        if path in PUBLIC_PATHS or path.startswith(PUBLIC_PREFIXES):
            return bool(shown_keys(head)) and self._check_key(head, client)
        return self._check_key(head, client)

    def _check_host(self, head: Head) -> str:
        """Without a key a browser of the local network is the way in, by a name that its owner re-points here (DNS
        rebinding). Names that nobody outside can own pass: addresses, localhost, this machine's own name, and those
        listed."""
        text = (head.one(b"host") or "").lower()
        found = _HOST.match(text)
        if not found:
            raise BadRequest("The Host header is missing or not valid.")
        name = found.group(1)
        own = name == "localhost" or name.endswith(".localhost") or name == self._own_name or name in self._hosts
        # With a list, an address passes only when it is this machine itself: health checks come by it.
        if self._any_host or own or (_is_loopback(name) if self._hosts else _is_address(name)):
            return text
        raise ForbiddenHost

    def _check_origin(self, head: Head, host: str) -> None:
        """A page of another site may send forms here without being asked; it cannot change these headers."""
        origin = head.one(b"origin")
        if origin in self._origins:
            return
        if origin is not None and _place(origin) != host:
            raise ForbiddenOrigin
        if (head.one(b"sec-fetch-site") or "none") not in ("none", "same-origin"):
            raise ForbiddenOrigin

    def _check_key(self, head: Head, client: str) -> Literal[True]:
        shown = shown_keys(head)
        right = bool(shown) and self._right(shown)
        if right and self._strong:
            return True
        self._wrong.check(client)
        if not shown:
            raise KeyMissing
        if not right:
            self._wrong.add(client)
            raise KeyWrong
        return True

    def _right(self, shown: Sequence[bytes]) -> bool:
        """Digests of equal length are compared in constant time; more than one key is never right."""
        right = [hmac.compare_digest(hashlib.sha256(key).digest(), self._digest or b"") for key in shown]
        return right == [True]


def shown_keys(head: Head) -> list[bytes]:
    """Keys in the two headers that may carry one; an Authorization of another scheme is somebody else's."""
    bearer = [value for value in head.all(b"authorization") if value[:7].lower() == b"bearer "]
    return [key.strip(b" \t") for key in [*head.all(b"x-api-key"), *(value[7:] for value in bearer)]]


def _place(origin: str) -> str:
    """Host and port of an Origin header; empty for one that is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    return _is_address(name) and ipaddress.ip_address(name.strip("[]")).is_loopback


class AuthMiddleware:
    """ASGI: asks ``auth`` first. Whether the caller is trusted with details stands in ``scope["state"]["trusted"]``."""

    def __init__(self, app: ASGIApp, auth: Auth) -> None:
        self.app, self.auth = app, auth

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            head, caller = Head(scope["headers"]), caller_of(scope)
            scope["state"]["trusted"] = self.auth.check(scope["method"], scope["path"], head, caller)
        await self.app(scope, receive, send)
