"""The addresses: one for each task, those of the service's state, and the end of an upload."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from ..service import Service
from ..tasks import TASKS, Task
from . import schema
from .answers import json_answer
from .endpoint import Endpoint, Shared
from .lines import Holding, Lines
from .metrics import CONTENT_TYPE, Metrics
from .request import Rules, limits_of
from .reserve import BodyReserve

Responses = dict[int | str, dict[str, Any]]


class Routes:
    """The service behind addresses. ``router`` is what the application includes."""

    def __init__(self, service: Service, metrics: Metrics, tasks: Sequence[Task] = TASKS) -> None:
        self.service, self.metrics = service, metrics
        rules = Rules(limits_of(service.settings.max_bytes, service.settings.body_seconds))
        self.reserve = BodyReserve(rules.limits.in_flight)
        self.shared = Shared(service, metrics, rules, self.reserve)
        self.router = APIRouter()
        self._add_state()
        for task in tasks:
            self._add_task(task)
        self._add_forget()

    def _add_task(self, task: Task) -> None:
        if task.render.lines:
            endpoint: Any = Lines(task, self.shared).ask
        else:
            made = Endpoint(task, self.shared)
            endpoint = made.ask_kept if task.comes == "kept" else made.ask
        self.router.add_api_route(
            task.path,
            endpoint,
            methods=["POST"],
            name=task.operation or task.name,
            description=task.about,
            tags=[task.tag],
            response_model=None,
            status_code=task.render.status,
            response_class=Holding if task.render.lines else JSONResponse,
            responses=schema.answers_of(task),
            openapi_extra=schema.request_of(task),
        )

    def _add_forget(self) -> None:
        self.router.add_api_route(
            "/images/{image_id}",
            self.forget,
            methods=["DELETE"],
            tags=["hand-over"],
            response_model=None,
            status_code=204,
            response_class=Response,
            responses={204: {"content": {}}, **schema.errors(*schema.WORK_ERRORS)},
        )

    def _add_state(self) -> None:
        health: Responses = {200: {"model": schema.HealthResponse}}
        ready: Responses = {200: {"model": schema.ReadyResponse}, 503: {"model": schema.ReadyResponse}}
        for path, endpoint, answers in (("/health", self.health, health), ("/ready", self.ready, ready)):
            responses = {**answers, **schema.errors(*schema.STATE_ERRORS)}
            self.router.add_api_route(path, endpoint, methods=["GET"], tags=["state"], responses=responses)
            self.router.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False)
        self.router.add_api_route(
            "/metrics",
            self.metrics_text,
            methods=["GET"],
            tags=["state"],
            response_class=Response,
            responses={200: {"content": {"text/plain": {}}}, **schema.errors(*schema.ASK_ERRORS)},
        )

    async def health(self, request: Request) -> Response:
        """Whether the process lives, which engine serves, and why it is not the wanted one."""
        full = self.service.health()
        return json_answer(full if request.state.trusted else {"status": full["status"]})

    async def ready(self) -> Response:
        """200 when the next request would be served, else 503."""
        ready, reason = self.service.ready()
        return json_answer({"ready": ready, **({"reason": reason} if reason else {})}, 200 if ready else 503)

    async def metrics_text(self) -> Response:
        """Counters and gauges in Prometheus' text format."""
        return Response(await asyncio.to_thread(self.metrics.text), media_type=CONTENT_TYPE)

    async def forget(self, request: Request, image_id: str) -> Response:
        """Frees an uploaded picture."""
        await self.service.reader.forget(image_id, self.shared.owner(request))
        return Response(status_code=204)
