"""The outer layers: request id, security headers, one log line and one count per request, and the answer to whatever
was raised inside. Further in nothing has to know about any of these."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import ClientLeft, Draining, Internal, ServiceError, forget_tracebacks
from .caller import caller_of
from .errors import from_exception, is_lack_of_memory, render
from .logs import ACCESS
from .metrics import Metrics
from .safe_headers import API_POLICY, SAFE_HEADERS

log = logging.getLogger(__name__)
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}\Z", re.ASCII)
_PAGE_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    b"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_MOST_PATH, _MOST_METHOD = 200, 32
"""Characters in a log line."""


def new_request_id() -> str:
    return secrets.token_hex(8)


def request_id_of(headers: list[tuple[bytes, bytes]]) -> str:
    """The caller's X-Request-ID when it is plain, else a new one."""
    for name, value in headers:
        if name == b"x-request-id" and _REQUEST_ID.match(text := value.decode("latin-1")):
            return text
    return new_request_id()


@dataclass(slots=True)
class Exchange:
    """One request under way. ``notes`` are further fields of its log line."""

    request_id: str
    start: float = field(default_factory=time.perf_counter)
    status: int = 0
    sent: int = 0
    error: ServiceError | None = None
    notes: dict[str, object] = field(default_factory=dict)


class ObserveMiddleware:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = Exchange(request_id_of(scope["headers"]))
        scope.setdefault("state", {})["exchange"] = exchange

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                message = {**message, "headers": _completed(message.get("headers", []), exchange.request_id)}
            elif message["type"] == "http.response.body":
                exchange.sent += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        finally:
            self._finish(scope, exchange)

    def _finish(self, scope: Scope, exchange: Exchange) -> None:
        seconds = time.perf_counter() - exchange.start
        gone = isinstance(exchange.error, ClientLeft) or not exchange.status
        status = 499 if gone else exchange.status
        self.metrics.finished(endpoint_of(scope), status, seconds)
        if exchange.error is not None:
            self.metrics.failed(exchange.error)
        fields = {
            "request_id": exchange.request_id,
            "method": scope["method"][:_MOST_METHOD],
            "path": scope["path"][:_MOST_PATH],
            "status": status,
            "code": exchange.error.code if exchange.error else None,
            "reason": getattr(exchange.error, "reason", None),
            "ms": round(seconds * 1000, 1),
            "bytes": exchange.sent,
            "client": caller_of(scope) or None,
            **exchange.notes,
        }
        quiet = status < 400 and scope["path"] in ("/health", "/ready", "/metrics")
        ACCESS.log(logging.DEBUG if quiet else logging.INFO, "request", extra={"fields": fields})


class AnswerErrorsMiddleware:
    """Whatever is raised further in becomes an answer here, and nowhere else. ``stopping`` tells a request that the end
    of the process cut off from one whose client left."""

    def __init__(self, app: ASGIApp, stopping: Callable[[], bool]) -> None:
        self.app, self.stopping = app, stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except asyncio.CancelledError:
            if scope["type"] != "http" or not self.stopping():
                raise
            await _answer(Draining(), scope["state"]["exchange"], send)
        except Exception as error:
            if scope["type"] != "http":
                raise
            await _answer(error, scope["state"]["exchange"], send)
            forget_tracebacks(error)


async def _answer(error: Exception, exchange: Exchange, send: Send) -> None:
    exchange.error = problem = from_exception(error)
    if isinstance(problem, Internal) or is_lack_of_memory(error):
        log.error("unhandled error", exc_info=error, extra={"fields": {"request_id": exchange.request_id}})
    if exchange.status or isinstance(problem, ClientLeft):
        return
    rendered = render(problem, exchange.request_id, getattr(error, "headers", None))
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in rendered.headers]
    await send({"type": "http.response.start", "status": rendered.status, "headers": headers})
    await send({"type": "http.response.body", "body": rendered.body})


def endpoint_of(scope: Scope) -> str:
    """The route's template, never the path that was asked for: the set of label values stays small."""
    return getattr(scope.get("route"), "path", None) or "other"


def _completed(headers: list[tuple[bytes, bytes]], request_id: str) -> list[tuple[bytes, bytes]]:
    """The answer's headers with ours; what the application set itself stays."""
    given = {name.lower(): value for name, value in headers}
    page = given.get(b"content-type", b"").startswith(b"text/html")
    ours = [
        *SAFE_HEADERS,
        (b"content-security-policy", _PAGE_POLICY if page else API_POLICY),
        (b"cache-control", b"no-store"),
        (b"x-request-id", request_id.encode("ascii")),
    ]
    return [*headers, *((name, value) for name, value in ours if name not in given)]
