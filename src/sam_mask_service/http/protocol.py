"""uvicorn's HTTP protocol with the limits that it does not have: slow and long heads, slow readers, connections that do
nothing, connections by the thousand, requests that could be read in two ways.

One clock per connection ticks about once a second and looks at what is overdue. That costs less than timers that are
set and cancelled with every piece of data, and catches what pieces of data would keep resetting.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from typing import Any, ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ..errors import BadRequest, Busy, HeadersTooLarge, ServiceError, SlowRequest, VersionUnsupported
from ..limits import WIRE, WireLimits
from .ambiguity import ambiguity
from .errors import bare_response
from .logs import ACCESS
from .observe import new_request_id
from .transport import CountingTransport

log = logging.getLogger(__name__)
_TICK = 1.0
_VERSIONS = ("1.0", "1.1")


class _RefusedError(Exception):
    """Ends the parser's work from within one of its callbacks."""


class GuardedProtocol(HttpToolsProtocol):
    """One connection. ``limits`` and ``clients`` are shared by all connections of the process (see ``guarded``)."""

    limits: ClassVar[WireLimits] = WIRE
    clients: ClassVar[Counter[str]] = Counter()
    leaving: ClassVar[bool] = False
    """The process is about to end: each connection is closed after the request that it is at."""

    _opened: float
    _counting: CountingTransport
    _head_since: float | None = None
    _head_size = 0
    _heads = 0
    _in_body = False
    _bodies = 0
    _trailers = 0
    _framing = 0
    _answered: float | None = None
    _clock: asyncio.TimerHandle | None = None
    _counted: str | None = None

    # --- a connection's life ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._counting = CountingTransport(transport)
        super().connection_made(self._counting)  # type: ignore[arg-type]
        self._opened = time.monotonic()
        address = self.client[0] if self.client else ""
        self.clients[address] += 1
        self._counted = address
        full = len(self.connections) > self.limits.connections
        if full or self.clients[address] > self.limits.connections_per_client:
            self._refuse(Busy("Too many open connections."))
            return
        self._clock = self.loop.call_later(self._interval, self._tick)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        del self.parser  # it holds us: a ring that only the garbage collector would undo
        if self._clock is not None:
            self._clock.cancel()
        if self._counted is not None:
            self.clients[self._counted] -= 1
            if self.clients[self._counted] <= 0:
                del self.clients[self._counted]
            self._counted = None

    def shutdown(self) -> None:
        """Closes the connection when nothing is under way on it. A client that has just connected, or is still sending,
        is waited for a moment: closed in its face, it could not tell a refusal from a loss."""
        if self.cycle is None or self._head_since is not None or self._in_body:
            self.loop.call_later(self.limits.linger_seconds, super().shutdown)
        else:
            super().shutdown()

    @property
    def _interval(self) -> float:
        limits = self.limits
        return min(_TICK, min(limits.head_seconds, limits.write_seconds, limits.idle_seconds) / 4)

    def _tick(self) -> None:
        now = time.monotonic()
        self._watch_writing(now)
        if not self.transport.is_closing():
            self._watch_head(now)
            self._watch_rest_of_body(now)
        self._clock = self.loop.call_later(self._interval, self._tick)

    def _watch_writing(self, now: float) -> None:
        """Drops a client that does not take its answers; closing alone would wait for it for ever."""
        if self._counting.overdue(now, self.limits.write_seconds):
            log.info("slow reader dropped", extra={"fields": {"client": self._counted}})
            self.transport.abort()

    def _watch_head(self, now: float) -> None:
        if self._head_since is not None:
            if now - self._head_since > self.limits.head_seconds:
                self._refuse(SlowRequest())
        elif self.cycle is None and now - self._opened > self.limits.head_seconds:
            self.transport.close()  # nothing ever came

    def _watch_rest_of_body(self, now: float) -> None:
        """An answer went out before its request's body was in: what still comes is thrown away, but not for ever."""
        done = self._in_body and self.cycle is not None and self.cycle.response_complete
        if not done:
            self._answered = None
        elif self._answered is None:
            self._answered = now
        elif now - self._answered > self.limits.idle_seconds:
            self.transport.close()

    # --- a request's head ---------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        idle = self._head_since is None and not self._in_body
        heads, bodies = self._heads, self._bodies
        if idle:
            self._begin_head()
        try:
            self.parser.feed_data(data)
            # Data that also held the end of an earlier request is not all head; the read size bounds it.
            if self._heads - heads <= idle:
                self._count_head(len(data))
            self._count_framing(len(data), self._bodies > bodies)
        except httptools.HttpParserUpgrade:
            self._refuse(BadRequest("No protocol upgrades here."))
        except httptools.HttpParserCallbackError as error:
            if not isinstance(error.__context__, _RefusedError):
                log.info("head refused", extra={"fields": {"kind": type(error.__context__).__name__}})
                self._refuse(BadRequest())
        except (httptools.HttpParserError, _RefusedError):
            self._refuse(BadRequest())

    def _begin_head(self) -> None:
        self._head_since, self._head_size = time.monotonic(), 0

    def _count_head(self, size: int) -> None:
        """Bytes of a head that is still open; a complete one was counted by its parts."""
        if self._head_since is not None and not self.transport.is_closing():
            self._head_size += size
            if self._head_size > self.limits.head_bytes:
                self._refuse(HeadersTooLarge())

    def _count_framing(self, size: int, brought: bool) -> None:
        """Bytes of a body that are none of it: chunk extensions and trailers, which the parser would gather for
        ever.
        """
        self._framing = 0 if brought or not self._in_body else self._framing + size
        if self._framing > self.limits.head_bytes and not self.transport.is_closing():
            self._refuse(HeadersTooLarge())

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._heads += 1
        self._begin_head()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > self.limits.target_bytes:
            self._stop(HeadersTooLarge("The address is too long."))

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_body:
            self._on_trailer()
            return
        super().on_header(name, value)
        if len(self.headers) > self.limits.headers or len(name) + len(value) > self.limits.head_bytes:
            self._stop(HeadersTooLarge())

    def _on_trailer(self) -> None:
        """What follows a body is no header (RFC 9110 section 6.5.1): nothing of it is looked at, so many may follow."""
        self._trailers += 1
        if self._trailers > self.limits.headers:
            self._stop(HeadersTooLarge())

    def on_body(self, body: bytes) -> None:
        self._bodies += 1
        super().on_body(body)

    def on_headers_complete(self) -> None:
        self._head_since, self._in_body, self._trailers, self._framing = None, True, 0, 0
        self._check_version()
        problem = ambiguity(self.url, self.headers)
        if problem is not None:
            self._stop(BadRequest(problem))
        if sum(len(name) + len(value) for name, value in self.headers) > self.limits.head_bytes:
            self._stop(HeadersTooLarge())
        if len(self.pipeline) >= self.limits.pipelined:
            self._stop(BadRequest("Too many requests ahead of their answers."))
        super().on_headers_complete()

    def _check_version(self) -> None:
        """The parser takes HTTP/0.9, whose answers have no head, and HTTP/2.0, which no one speaks in this form."""
        version = self.parser.get_http_version()
        if version not in _VERSIONS:
            self._stop(VersionUnsupported() if version > max(_VERSIONS) else BadRequest())

    def on_message_complete(self) -> None:
        self._in_body = False
        super().on_message_complete()
        if self.leaving:
            super().shutdown()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.expect_100_continue and self._in_body and not self.transport.is_closing():
            self.transport.close()  # nobody asked for the body, so what comes next could be either it or a new request

    # --- refusing -----------------------------------------------------------------------------------------------------

    def _stop(self, error: ServiceError) -> None:
        self._refuse(error)
        raise _RefusedError

    def _refuse(self, error: ServiceError) -> None:
        """Answers below ASGI and closes. In the middle of another answer, or ahead of one, it only closes."""
        if self.transport.is_closing():
            return
        request_id = new_request_id()
        fields = {"request_id": request_id, "status": error.status, "code": error.code, "client": self._counted}
        ACCESS.info("connection refused", extra={"fields": fields})
        self._head_since = None
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if cycle.response_started or self.pipeline:
                self.transport.abort()
                return
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.write(bare_response(error, request_id))
        self.transport.close()

    def send_400_response(self, msg: str) -> None:
        del msg
        self._refuse(BadRequest())


def guarded(limits: WireLimits) -> type[GuardedProtocol]:
    """The protocol with an operator's limits and a count of its own."""
    shared: dict[str, Any] = {"limits": limits, "clients": Counter()}
    return type("GuardedProtocol", (GuardedProtocol,), shared)
