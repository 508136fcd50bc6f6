"""The ASGI application: routes within layers."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, NoReturn, Protocol

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from .. import __version__
from ..errors import EngineUnavailable
from ..service import Service
from ..settings import Settings, SettingsError, load, strays
from ..tasks import TASKS, Task
from . import docs, logs, schema
from .admission import AdmissionMiddleware, WorkRoutes
from .auth import Auth, AuthMiddleware
from .forwarded import Prefixes, PrefixMiddleware, ProxiesMiddleware
from .jobs import JobRoutes
from .metrics import Metrics
from .observe import AnswerErrorsMiddleware, ObserveMiddleware
from .routes import Routes
from .wsgi import refuse_wsgi

log = logging.getLogger(__name__)
LOAD_ERROR = 4
"""Exit code of a worker that cannot load its application: gunicorn then stops instead of starting another one."""
ANSWER_HEADERS = (
    "X-Mask-Stats",
    "X-Residual-Faces",
    "X-Residual-Boxes",
    "X-Faces-Hidden",
    "X-Warnings",
    "X-Frame",
    "X-Flattened-On",
    "X-Request-ID",
    "Retry-After",
    "Location",
)
"""What a page of another origin may read of an answer."""
_NONE: Mapping[str, Page] = MappingProxyType({})
_DESCRIPTION = "A picture goes in, a pixel-accurate mask of its faces comes out."


class Page(Protocol):
    """A file of the web page: public, loaded once, never looked up by a path of the caller's."""

    @property
    def body(self) -> bytes: ...

    @property
    def content_type(self) -> str: ...

    @property
    def policy(self) -> str: ...


def create_app(pages: Mapping[str, Page] = _NONE) -> FastAPI:
    """The application with settings from the environment and the web page's files by URL path. Ends the process with
    one line per bad setting, or with what is missing."""
    refuse_wsgi(sys.modules, LOAD_ERROR)
    try:
        settings = load()
    except SettingsError as error:
        sys.stderr.write(f"The settings are not valid:\n{error}\n")
        raise SystemExit(LOAD_ERROR) from None
    logs.configure(settings)
    from ..compose import build  # the models are loaded here, and only for a real server

    try:
        return build_app(build(settings), pages)
    except SettingsError as error:
        sys.stderr.write(f"The settings are not valid:\n{error}\n")
    except EngineUnavailable as error:
        sys.stderr.write(f"The service cannot start: {error.detail}\n")
    raise SystemExit(LOAD_ERROR)


def build_app(service: Service, pages: Mapping[str, Page] = _NONE, tasks: Sequence[Task] = TASKS) -> FastAPI:
    """The application around ``service``, which ``app.state.service`` holds, with an endpoint for each of ``tasks``."""
    app = FastAPI(
        title="SAM Mask API",
        version=__version__,
        description=_DESCRIPTION,
        license_info={"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        generate_unique_id_function=lambda route: route.name,  # what generated clients call their methods
    )
    app.state.service = service
    app.state.metrics = metrics = Metrics(service)
    for kind in (HTTPException, RequestValidationError):
        app.add_exception_handler(kind, _raise_on)
    app.state.routes = routes = Routes(service, metrics, tasks)
    app.state.jobs = jobs = JobRoutes(service, tasks, routes.reserve)
    metrics.watch_jobs(jobs.jobs)
    for router in (routes.router, jobs.router):
        app.include_router(router)
    _add_docs(app, tasks)
    for path, page in pages.items():
        _add_get(app, path, StaticRoute(page).get)
    own = [
        route.path for route in (*routes.router.routes, *jobs.router.routes, *app.routes) if isinstance(route, Route)
    ]
    prefixes = Prefixes(service.settings.root_path, own)
    _add_layers(app, service, metrics, WorkRoutes(routes.router.routes), prefixes)
    return app


def _add_layers(app: FastAPI, service: Service, metrics: Metrics, work: WorkRoutes, prefixes: Prefixes) -> None:
    """From the inside out."""
    settings = service.settings
    app.add_middleware(AdmissionMiddleware, admit=service.admit, work=work)
    key = settings.api_key.get_secret_value() if settings.api_key else None
    app.add_middleware(AuthMiddleware, auth=Auth(key, settings.allowed_hosts, settings.cors_origins))
    app.add_middleware(PrefixMiddleware, prefixes=prefixes)
    app.add_middleware(AnswerErrorsMiddleware, stopping=lambda: service.gate.draining)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Content-Type", "X-API-Key", "Authorization", "X-Request-ID"],
            expose_headers=list(ANSWER_HEADERS),
        )
    app.add_middleware(ObserveMiddleware, metrics=metrics)
    if settings.trusted_proxies:
        app.add_middleware(ProxiesMiddleware, named=settings.trusted_proxies)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service: Service = app.state.service
    _warn_of_open_doors(service.settings)
    for line in strays():
        log.warning(line)
    service.start(_end)
    jobs: JobRoutes = app.state.jobs
    jobs.jobs.start()
    try:
        yield
    finally:
        service.gate.draining = True
        await jobs.jobs.close()
        service.close()


def _end(reason: str) -> None:
    """A demanded engine cannot be had: the process ends, and gunicorn with it, rather than answer 503 for ever."""
    sys.stderr.write(f"SAM_ENGINE=sam cannot serve: {reason}\n")
    sys.stderr.flush()
    os._exit(LOAD_ERROR)


def _warn_of_open_doors(settings: Settings) -> None:
    if settings.api_key is None:
        log.warning("SAM_API_KEY is not set: whoever reaches this port may use it")
    for network in settings.networks if settings.url_input else ():
        log.warning(
            "SAM_URL_ALLOW_NETWORKS: callers may have anything in %s asked, on ports 80, 443 and from 1024 on%s",
            network,
            _delicate(network),
        )


_DELICATE = {"127.0.0.1": "this machine", "::1": "this machine", "169.254.169.254": "a cloud's metadata service"}


def _delicate(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> str:
    held = dict.fromkeys(what for address, what in _DELICATE.items() if ipaddress.ip_address(address) in network)
    return f"; {' and '.join(held)} among it" if held else ""


async def _raise_on(_: Request, error: Exception) -> NoReturn:
    """What the framework refuses goes to the same place as our own errors."""
    raise error


class _Docs:
    """``/openapi.json`` and ``/docs``, made when first asked for."""

    def __init__(self, app: FastAPI, tasks: Sequence[Task]) -> None:
        self._app, self._tasks = app, tasks

    def schema(self) -> dict[str, Any]:
        if self._app.openapi_schema is None:
            self._app.openapi_schema = schema.complete(self._app.openapi(), self._tasks)
        return self._app.openapi_schema

    async def openapi(self, request: Request) -> Response:
        """With the path under which the service stands, where it is not the host's root."""
        prefix = request.state.prefix
        shown = {**self.schema(), **({"servers": [{"url": prefix}]} if prefix else {})}
        return Response(json.dumps(shown), media_type="application/json")

    async def page(self) -> Response:
        return Response(docs.page(self.schema()), media_type="text/html")

    async def style(self) -> Response:
        return Response(docs.STYLE, media_type="text/css")


def _add_docs(app: FastAPI, tasks: Sequence[Task]) -> None:
    made = _Docs(app, tasks)
    for path, endpoint in (("/openapi.json", made.openapi), ("/docs", made.page), ("/docs/style.css", made.style)):
        _add_get(app, path, endpoint)


def _add_get(app: FastAPI, path: str, endpoint: Callable[..., Any]) -> None:
    app.add_api_route(path, endpoint, methods=["GET", "HEAD"], include_in_schema=False, response_class=Response)


class StaticRoute:
    """One file of the page. Names carry no hash, so a browser asks each time whether it is still the same.

    The policy stands in 304 answers too: a browser puts their headers in place of those that it kept.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self._tag = f'"{hashlib.sha256(page.body).hexdigest()[:16]}"'

    async def get(self, request: Request) -> Response:
        headers = {"ETag": self._tag, "Cache-Control": "no-cache", "Content-Security-Policy": self._page.policy}
        if request.headers.get("if-none-match") == self._tag:
            return Response(status_code=304, headers=headers)
        return Response(self._page.body, headers={**headers, "Content-Type": self._page.content_type})
