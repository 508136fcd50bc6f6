"""The only file that dials a caller's URL.

A name is resolved once; every answer must pass the guard; the checked address itself is dialled, with the name kept for
SNI and the Host header, so that a second answer of a rebinding name is never asked for. Each redirect is a new URL that
passes the whole guard again. Environment proxies play no part: httpcore is used below httpx's client layer, which is
what reads them.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol
from urllib.parse import urljoin

import anyio
import certifi
import httpcore

from ..errors import ImageUnreadable, InvalidParameter, SourceTimeout, TooLarge, UnsupportedMedia
from ..image import sniff
from ..limits import BODY, FETCH, FetchLimits
from .netguard import Destination, FetchFailed, UrlPolicy, check_address, check_url, parse_address
from .paced import Pace, Paced
from .resolve import Resolver, SystemResolver

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NOT_A_PICTURE = ("text/", "application/json", "application/xml", "application/xhtml", "image/svg")
_HEADERS = [
    (b"User-Agent", b"sam-mask-api"),
    (b"Accept", b"image/*"),
    (b"Accept-Encoding", b"identity"),
    (b"Connection", b"close"),
]


class Dialler(Protocol):
    """Opens connections to addresses; the one place where a socket leaves the house."""

    async def dial(self, address: str, port: int) -> httpcore.AsyncNetworkStream:
        """A connected TCP stream. Raises httpcore.ConnectError."""
        ...


class SystemDialler:
    """TCP by the running event loop."""

    async def dial(self, address: str, port: int) -> httpcore.AsyncNetworkStream:
        return await httpcore.AnyIOBackend().connect_tcp(address, port)


class _Pinned(httpcore.AsyncNetworkBackend):
    """Hands httpcore a connection to the checked addresses, whatever host it asks for."""

    def __init__(self, addresses: Sequence[str], port: int, dialler: Dialler) -> None:
        self._addresses, self._port, self._dialler = addresses, port, dialler
        self.dialled: Paced | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        del host, port, timeout, local_address, socket_options
        failure: httpcore.ConnectError | None = None
        for address in self._addresses:
            try:
                self.dialled = Paced(await self._dialler.dial(address, self._port))
                return self.dialled
            except httpcore.ConnectError as error:  # noqa: PERF203 (a few turns, each a network round)
                failure = error
        raise failure or httpcore.ConnectError("no address")


class Fetcher:
    """Fetches pictures from callers' URLs. One per process; safe for any number of requests at once on one event
    loop.
    """

    def __init__(
        self,
        policy: UrlPolicy,
        *,
        max_bytes: int = BODY.picture,
        limits: FetchLimits = FETCH,
        resolver: Resolver | None = None,
        dialler: Dialler | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._policy, self._max_bytes, self._limits = policy, max_bytes, limits
        self._resolver: Resolver = resolver or SystemResolver()
        self._dialler: Dialler = dialler or SystemDialler()
        self._tls = tls

    async def fetch(self, url: str) -> bytes:
        """The body behind ``url``, at most ``max_bytes`` long, which begins like a picture that is read here.

        Raises InvalidParameter (the URL's text), SourceUnavailable (FetchFailed with the reason, always the same public
        text), SourceTimeout, TooLarge.
        """
        destination = check_url(url, self._policy)
        try:
            with anyio.fail_after(self._limits.seconds):
                return await self._follow(destination)
        except TimeoutError:
            raise SourceTimeout from None

    async def _follow(self, destination: Destination) -> bytes:
        for _ in range(self._limits.redirects + 1):
            answer = await self._ask(destination)
            if isinstance(answer, bytes):
                return answer
            destination = self._next(destination, answer)
        raise FetchFailed("redirect")

    def _next(self, destination: Destination, location: str) -> Destination:
        """Where a redirect leads. Nothing about it is the caller's text, so every refusal is SourceUnavailable."""
        try:
            following = check_url(urljoin(destination.url, location), self._policy)
        except (InvalidParameter, ValueError):
            raise FetchFailed("redirect") from None
        if destination.scheme == "https" and following.scheme == "http":
            raise FetchFailed("downgrade")
        return following

    async def _addresses(self, destination: Destination) -> list[str]:
        """The addresses to dial. One that may not be dialled refuses the whole name."""
        if destination.literal is not None:
            answers: Sequence[str] = [str(destination.literal)]
        else:
            try:
                answers = await self._resolver.resolve(destination.host, destination.port)
            except OSError:
                raise FetchFailed("dns") from None
        if not 0 < len(answers) <= self._limits.addresses:
            raise FetchFailed("dns")
        addresses = [parse_address(answer) for answer in answers]
        for address in addresses:
            check_address(address, destination.port, self._policy)
        return [str(address) for address in addresses[: self._limits.dials]]

    async def _ask(self, destination: Destination) -> bytes | str:
        """One request: the body, or where a redirect leads."""
        backend = _Pinned(await self._addresses(destination), destination.port, self._dialler)
        origin = httpcore.Origin(destination.scheme.encode(), destination.host.encode(), destination.port)
        tls = self._context() if destination.scheme == "https" else None
        connection = httpcore.AsyncHTTPConnection(origin, ssl_context=tls, network_backend=backend)
        request = httpcore.Request(
            "GET",
            httpcore.URL(
                scheme=destination.scheme, host=destination.host, port=destination.port, target=destination.path
            ),
            headers=[(b"Host", destination.authority.encode()), *_HEADERS],
        )
        try:
            with _as_fetch_failures():
                response = await connection.handle_async_request(request)
                if backend.dialled is not None:
                    backend.dialled.in_body = True
                return await self._read(response)
        finally:
            with anyio.CancelScope(shield=True):
                await connection.aclose()

    async def _read(self, response: httpcore.Response) -> bytes | str:
        if len(response.headers) > self._limits.headers:
            raise FetchFailed("protocol")
        headers = {name.lower(): value for name, value in response.headers}
        if response.status in _REDIRECTS:
            return _location(headers)
        if response.status != 200:
            raise FetchFailed("status")
        if headers.get(b"content-encoding", b"identity").strip().lower() not in (b"identity", b""):
            raise FetchFailed("encoding")
        if headers.get(b"content-type", b"").decode("latin-1").strip().lower().startswith(_NOT_A_PICTURE):
            raise FetchFailed("content")
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length[:20]) > self._max_bytes:
            raise TooLarge
        body = await self._collect(response)
        try:
            sniff(body)
        except (UnsupportedMedia, ImageUnreadable):
            raise FetchFailed("content") from None
        return body

    async def _collect(self, response: httpcore.Response) -> bytes:
        body, pace = bytearray(), Pace()
        async for chunk in response.aiter_stream():
            body += chunk
            if len(body) > self._max_bytes:
                raise TooLarge
            await pace.take(len(body))
        return bytes(body)

    def _context(self) -> ssl.SSLContext:
        """The system's certificates and certifi's: slim images carry none of their own."""
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.load_verify_locations(certifi.where())
        return self._tls


def _location(headers: dict[bytes, bytes]) -> str:
    location = headers.get(b"location", b"").decode("latin-1").strip()
    if not location or len(location) > FETCH.url_characters:
        raise FetchFailed("redirect")
    return location


@contextlib.contextmanager
def _as_fetch_failures() -> Iterator[None]:
    """What the network and the peer may do wrong, as FetchFailed. The peer's words are dropped, not chained."""
    try:
        yield
    except httpcore.ProtocolError:
        raise FetchFailed("protocol") from None
    except (httpcore.NetworkError, httpcore.TimeoutException, OSError, ValueError):
        raise FetchFailed("connect") from None
