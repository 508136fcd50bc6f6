"""The only file that connects to callers' URLs, for pictures (``fetch``) and for webhooks (``webhook``).

A name is resolved once; every answer must pass the guard; the checked address itself is dialled, with the name kept for
SNI and the Host header, so that a second answer of a rebinding name is never asked for. Environment proxies play no
part: httpcore is used below httpx's client layer, which is what reads them.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

import anyio
import certifi
import httpcore

from ..limits import FETCH, FetchLimits
from .netguard import Destination, FetchFailed, UrlPolicy, check_address, parse_address
from .paced import Paced
from .resolve import Resolver, SystemResolver

T = TypeVar("T")
Headers = Sequence[tuple[bytes, bytes]]


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


class Line:
    """One request to a checked destination at a time, any number beside one another on one event loop."""

    def __init__(
        self,
        policy: UrlPolicy,
        limits: FetchLimits = FETCH,
        resolver: Resolver | None = None,
        dialler: Dialler | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.policy, self.limits = policy, limits
        self._resolver: Resolver = resolver or SystemResolver()
        self._dialler: Dialler = dialler or SystemDialler()
        self._tls = tls

    async def addresses(self, destination: Destination) -> list[str]:
        """The addresses to dial. Raises FetchFailed: one that may not be dialled refuses the whole name."""
        if destination.literal is not None:
            answers: Sequence[str] = [str(destination.literal)]
        else:
            try:
                answers = await self._resolver.resolve(destination.host, destination.port)
            except OSError:
                raise FetchFailed("dns") from None
        if not 0 < len(answers) <= self.limits.addresses:
            raise FetchFailed("dns")
        addresses = [parse_address(answer) for answer in answers]
        for address in addresses:
            check_address(address, destination.port, self.policy)
        return [str(address) for address in addresses[: self.limits.dials]]

    async def exchange(
        self,
        destination: Destination,
        headers: Headers,
        read: Callable[[httpcore.Response], Awaitable[T]],
        *,
        method: str = "GET",
        content: bytes | None = None,
    ) -> T:
        """What ``read`` makes of the answer. Raises FetchFailed, and what ``read`` raises."""
        backend = _Pinned(await self.addresses(destination), destination.port, self._dialler)
        origin = httpcore.Origin(destination.scheme.encode(), destination.host.encode(), destination.port)
        tls = self._context() if destination.scheme == "https" else None
        connection = httpcore.AsyncHTTPConnection(origin, ssl_context=tls, network_backend=backend)
        try:
            with _as_fetch_failures():
                response = await connection.handle_async_request(_request(method, destination, headers, content))
                if backend.dialled is not None:
                    backend.dialled.in_body = True
                return await read(response)
        finally:
            with anyio.CancelScope(shield=True):
                await connection.aclose()

    def _context(self) -> ssl.SSLContext:
        """The system's certificates and certifi's: slim images carry none of their own."""
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.load_verify_locations(certifi.where())
        return self._tls


def _request(method: str, destination: Destination, headers: Headers, content: bytes | None) -> httpcore.Request:
    url = httpcore.URL(scheme=destination.scheme, host=destination.host, port=destination.port, target=destination.path)
    return httpcore.Request(method, url, headers=[(b"Host", destination.authority.encode()), *headers], content=content)


@contextlib.contextmanager
def _as_fetch_failures() -> Iterator[None]:
    """What the network and the peer may do wrong, as FetchFailed. The peer's words are dropped, not chained."""
    try:
        yield
    except httpcore.ProtocolError:
        raise FetchFailed("protocol") from None
    except (httpcore.NetworkError, httpcore.TimeoutException, OSError, ValueError):
        raise FetchFailed("connect") from None
