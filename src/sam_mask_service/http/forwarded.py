"""What proxies in front say of a request: whose it is, and under which path the service stands."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any, cast

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from ..errors import BadRequest
from ..settings import SettingsError
from ..wire import prefix_of
from .auth import SAFE_METHODS

HEADER = b"x-forwarded-prefix"
_AMBIGUOUS = "{} begins like an address of the service itself; choose another path."


class ProxiesMiddleware:
    """ASGI: takes the client's address and X-Forwarded-Prefix from the proxies in ``named`` (addresses, networks)
    alone. The outermost layer: further in, the address is no longer the proxy's. The prefixes, not yet judged, stand in
    ``scope["state"]["prefixes"]``."""

    def __init__(self, app: ASGIApp, named: Iterable[str]) -> None:
        networks = [str(ipaddress.ip_network(word, strict=False)) for word in named]
        self._app = ProxyHeadersMiddleware(cast(Any, app), trusted_hosts=networks)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope.get("client") and scope["client"][0] in self._app.trusted_hosts:
            found = [value.decode("latin-1") for name, value in scope["headers"] if name == HEADER]
            scope.setdefault("state", {})["prefixes"] = found
        await self._app(cast(Any, scope), cast(Any, receive), cast(Any, send))


class Prefixes:
    """Which path the service stands under: ``own`` where no header says another. ``taken``: the service's own
    addresses, which could not be told from a prefix that begins like one of them. Raises SettingsError."""

    def __init__(self, own: str, taken: Iterable[str]) -> None:
        self._own = own
        self._taken = frozenset(_first(path) for path in taken)
        if own and _first(own) in self._taken:
            raise SettingsError("SAM_ROOT_PATH: " + _AMBIGUOUS.format(own))

    def choose(self, sent: Sequence[str]) -> str:
        """The prefix in force, empty for none. Raises BadRequest."""
        if len(sent) > 1:
            raise BadRequest("x-forwarded-prefix stands twice.")
        try:
            prefix = prefix_of(sent[0]) if sent else self._own
        except ValueError as error:
            raise BadRequest(f"x-forwarded-prefix {error}.") from None
        if prefix and _first(prefix) in self._taken:
            raise BadRequest("x-forwarded-prefix: " + _AMBIGUOUS.format(prefix))
        return prefix


def _first(path: str) -> str:
    return path.split("/")[1]


class PrefixMiddleware:
    """ASGI: takes the prefix off the path where the proxy has left it there, so that everything further in knows its
    own addresses alone. The prefix in force stands in ``scope["state"]["prefix"]``. Raises BadRequest."""

    def __init__(self, app: ASGIApp, prefixes: Prefixes) -> None:
        self._app, self._prefixes = app, prefixes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        prefix = scope["state"]["prefix"] = self._prefixes.choose(scope["state"].get("prefixes", []))
        if prefix and scope["path"] == prefix and scope["method"] in SAFE_METHODS:
            # The page's relative addresses need the slash.
            await RedirectResponse(f"{prefix}/", 308)(scope, receive, send)
            return
        if prefix and f"{scope['path']}/".startswith(f"{prefix}/"):
            scope["path"] = scope["path"][len(prefix) :] or "/"
        await self._app(scope, receive, send)
