"""Admission: whether a request is let in, asked once, by its head alone, before it is routed (docs/adr/0018).

Under overload nearly every request is turned away, so what a refusal costs is taken from those that are served. Routing
and the framework's request objects are four fifths of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from ..errors import Unavailable


@dataclass(frozen=True, slots=True)
class Template:
    """Stands in the scope where a route would: its path is the label of metrics."""

    path: str


class WorkRoutes:
    """Which requests need a place at work: the POST routes of some routers."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        work = [route for route in routes if isinstance(route, APIRoute) and "POST" in (route.methods or ())]
        self._plain = {route.path: Template(route.path) for route in work if "{" not in route.path}
        self._patterns = [(route.path_regex, Template(route.path)) for route in work if "{" in route.path]

    def find(self, method: str, path: str) -> Template | None:
        if method != "POST":
            return None
        found = self._plain.get(path)
        if found is not None:
            return found
        return next((template for pattern, template in self._patterns if pattern.match(path)), None)


class AdmissionMiddleware:
    """ASGI: asks ``admit`` (raises Unavailable) for requests of ``work``; everything else passes."""

    def __init__(self, app: ASGIApp, admit: Callable[[], None], work: WorkRoutes) -> None:
        self.app, self.admit, self.work = app, admit, work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        template = self.work.find(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if template is not None:
            try:
                self.admit()
            except Unavailable:
                scope["route"] = template
                raise
        await self.app(scope, receive, send)
