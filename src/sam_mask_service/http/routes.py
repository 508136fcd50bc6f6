"""The endpoints: read the request, hand it to the service, put the answer on the wire. No decisions of their own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from ..deadline import Deadline
from ..errors import ClientLeft, DeadlinePassed
from ..params import DetectParams, MaskFileParams, MaskParams, Source, parse
from ..service import Service
from . import schema
from .answers import json_answer
from .body import Reserve
from .metrics import CONTENT_TYPE, Metrics
from .observe import Exchange
from .request import Rules, check_size, limits_of, one_source, read

T = TypeVar("T")
Responses = dict[int | str, dict[str, Any]]
P = TypeVar("P", bound=BaseModel)
_HANGING = 0.5
"""Seconds after the deadline that a step has to notice it by itself."""
_STATS_HEADER = 6000
"""Bytes of X-Mask-Stats; common proxies take 8 kB of headers in all."""


class Routes:
    """The service behind endpoints. ``router`` is what the application includes."""

    def __init__(self, service: Service, metrics: Metrics) -> None:
        self.service, self.metrics = service, metrics
        self.rules = Rules(limits_of(service.settings.max_bytes, service.settings.body_seconds))
        self.reserve = Reserve(self.rules.limits.in_flight)
        self.router = APIRouter()
        self._add_state()
        self._add_work()

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

    def _add_work(self) -> None:
        png: dict[str, Any] = {"image/png": {"schema": {"type": "string", "format": "binary"}}}
        for path, endpoint, request, model, more in (
            ("/create_mask", self.create_mask, schema.MASK_REQUEST, schema.MaskResponse, png),
            ("/create_mask_file", self.create_mask_file, schema.MASK_FILE_REQUEST, schema.MaskFileResponse, {}),
            ("/detect_faces", self.detect_faces, schema.DETECT_REQUEST, schema.DetectResponse, {}),
        ):
            answers: Responses = {200: {"model": model, "content": more}}
            self.router.add_api_route(
                path,
                endpoint,
                methods=["POST"],
                tags=["masks"],
                response_model=None,
                responses={**answers, **schema.errors(*schema.WORK_ERRORS)},
                openapi_extra=request,
            )

    # --- state ------------------------------------------------------------------------------------------------------------

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
        return Response(self.metrics.text(), media_type=CONTENT_TYPE)

    # --- work -------------------------------------------------------------------------------------------------------------

    async def create_mask(self, request: Request) -> Response:
        """The mask of the faces in a picture: JSON with base64, or the PNG itself (`Accept: image/png` or `output=png`)."""
        with self.reserve.share() as share:
            source, params = await self._read(request, MaskParams, share)
            wants_png = params.output == "png" or (
                params.output is None and prefers_png(request.headers.get("accept", ""))
            )
            params = params.model_copy(update={"output": "png" if wants_png else "base64"})
            deadline = self.service.deadline()
            answer = await while_connected(request, self.service.mask(source, params, deadline), deadline)
            self._note(request, answer.json())
            if wants_png:
                return Response(
                    answer.png, media_type="image/png", headers={"X-Mask-Stats": stats_header(answer.stats)}
                )
            return json_answer(answer.json())

    async def create_mask_file(self, request: Request) -> Response:
        """As `/create_mask`, saved in the server's output folder; the answer has `mask_file` in place of base64."""
        with self.reserve.share() as share:
            source, params = await self._read(request, MaskFileParams, share)
            deadline = self.service.deadline()
            answer = await while_connected(request, self.service.mask_file(source, params, deadline), deadline)
            self._note(request, answer)
            return json_answer(answer)

    async def detect_faces(self, request: Request) -> Response:
        """Boxes, key points, mesh points and confidences of the faces; no mask."""
        with self.reserve.share() as share:
            source, params = await self._read(request, DetectParams, share)
            deadline = self.service.deadline()
            answer = await while_connected(request, self.service.detect(source, params, deadline), deadline)
            self._note(request, answer)
            return json_answer(answer)

    async def _read(self, request: Request, model: type[P], share: Any) -> tuple[Source, P]:
        """Source and parameters. A full service says so before it reads a body."""
        self.service.admit()
        incoming = await read(request, self.rules, share)
        source, values = one_source(incoming)
        check_size(source, self.rules.limits)
        return source, parse(model, values, textual=incoming.textual)

    def _note(self, request: Request, answer: dict[str, Any]) -> None:
        faces = answer["stats"]["faces_detected"]
        self.metrics.worked(answer["timings"], faces)
        exchange: Exchange = request.state.exchange
        exchange.notes = {"faces": faces, "engine": answer["stats"].get("engine")}


async def while_connected(request: Request, work: Coroutine[Any, Any, T], deadline: Deadline) -> T:
    """``work``'s result. When the client leaves first, the work is told to end at its next step, and ClientLeft is raised;
    when a step hangs beyond the deadline, its client is told so while the step goes on."""
    task = asyncio.ensure_future(work)
    watch = asyncio.ensure_future(_left(request))
    try:
        longest = min(deadline.remaining() + _HANGING, 1e6)
        done, _ = await asyncio.wait({task, watch}, timeout=longest, return_when=asyncio.FIRST_COMPLETED)
        if task in done:
            return task.result()
        raise ClientLeft if watch in done else DeadlinePassed
    finally:
        for each in (task, watch):
            each.cancel()
        if not task.done():
            deadline.left.set()
        await asyncio.gather(task, watch, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def prefers_png(accept: str) -> bool:
    """Whether ``Accept`` puts a PNG before JSON. ``*/*`` and nothing at all mean JSON."""
    quality = {"json": 0.0, "png": 0.0}
    for part in accept.lower().split(",")[:32]:
        media, _, rest = part.partition(";")
        value = rest.strip().removeprefix("q=") if rest.strip().startswith("q=") else "1"
        weight = float(value) if value.replace(".", "", 1).isdigit() and value.isascii() else 1.0
        kind = {"image/png": "png", "image/*": "png", "application/json": "json", "*/*": "json"}.get(media.strip())
        if kind:
            quality[kind] = max(quality[kind], weight)
    return quality["png"] > quality["json"] or (
        quality["png"] == quality["json"] > 0 and "application/json" not in accept
    )


def stats_header(stats: dict[str, Any]) -> str:
    """``stats`` as one line of ASCII; without the single faces when it would be too long for a header."""
    text = json.dumps(stats, separators=(",", ":"))
    if len(text) <= _STATS_HEADER:
        return text
    return json.dumps(
        {k: v for k, v in stats.items() if k != "faces"} | {"faces_left_out": True}, separators=(",", ":")
    )
