"""``/jobs``: taken in, told, handed out, deleted. None of it takes a slot: a full service takes jobs all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from starlette.responses import JSONResponse, StreamingResponse

from ..errors import Draining, ServiceError, Unavailable
from ..jobs import Entry, Job, Jobs, Wanted
from ..many import Item
from ..params import Source
from ..service import Service
from ..tasks import Answer, Task
from ..wire import Json
from . import job_schema, schema
from .answers import json_answer
from .batch import batch_limits, line
from .incoming import owner_of
from .job_request import job_of
from .job_schema import ADD_ERRORS, LOOK_ERRORS, RESULT_ERRORS
from .observe import Exchange
from .request import Rules, limits_of, read
from .reserve import BodyReserve

NDJSON = "application/x-ndjson"
Responses = dict[int | str, dict[str, Any]]


def _json(status: int, model: type[BaseModel], errors: Sequence[int]) -> Responses:
    return {status: {"model": model}, **schema.errors(*errors)}


async def render(outcome: Answer | ServiceError, index: int, name: str | int | None, job: str) -> bytes:
    """A picture's line, as ``/create_masks`` has it; an error's ``request_id`` is the job's."""
    return await line(outcome, index, Item(Source("bytes", b""), name), job)


class JobRoutes:
    """``router`` is what the application includes. ``jobs`` lives as long as the application."""

    def __init__(self, service: Service, tasks: Sequence[Task], reserve: BodyReserve) -> None:
        self.service, self.jobs = service, Jobs(service, tasks, render)
        limits = limits_of(service.settings.max_bytes, service.settings.body_seconds)
        self.rules = Rules(batch_limits(limits))
        self.picture_limits = limits
        self.reserve = BodyReserve(reserve.most // 2, within=reserve)
        self.router = APIRouter(tags=["jobs"])
        self._add(tuple(self.jobs.endpoints))

    def _add(self, endpoints: Sequence[str]) -> None:
        body = job_schema.request_of(endpoints)
        taken, told = _json(202, job_schema.TakenResponse, ADD_ERRORS), _json(200, job_schema.JobResponse, LOOK_ERRORS)
        lines: Responses = {200: {"content": {NDJSON: {}}}, **schema.errors(*RESULT_ERRORS)}
        gone: Responses = {204: {"content": {}}, **schema.errors(*LOOK_ERRORS)}
        self._route("POST", "/jobs", self.create_job, 202, JSONResponse, taken, body)
        self._route("GET", "/jobs/{job_id}", self.get_job, 200, JSONResponse, told)
        self._route("GET", "/jobs/{job_id}/results", self.get_job_results, 200, Response, lines)
        self._route("DELETE", "/jobs/{job_id}", self.delete_job, 204, Response, gone)

    def _route(
        self,
        method: str,
        path: str,
        endpoint: Callable[..., Any],
        status: int,
        kind: type[Response],
        responses: Responses,
        extra: Json | None = None,
    ) -> None:
        self.router.add_api_route(
            path,
            endpoint,
            methods=[method],
            response_model=None,
            status_code=status,
            response_class=kind,
            responses=responses,
            openapi_extra=extra,
        )

    def _owner(self, request: Request) -> bytes:
        return owner_of(request, self.service.settings.api_key is not None)

    async def create_job(self, request: Request) -> Response:
        """Takes in any mask endpoint's request for one or many pictures, to be worked off when nobody waits."""
        store = self.jobs.store
        if self.service.gate.draining:
            raise Draining
        owner = self._owner(request)
        with self.reserve.share() as share:
            incoming = await read(request, self.rules, share)
            asked = job_of(incoming, self.jobs.endpoints, self.picture_limits, owner)
            if asked.webhook:
                await self.jobs.check_webhook(asked.webhook)
            exchange: Exchange = request.state.exchange
            entries = [await self._entry(item, i, exchange.request_id) for i, item in enumerate(asked.items)]
            wanted = Wanted(owner, asked.endpoint, asked.values, asked.webhook)
            job = await asyncio.to_thread(store.add, wanted, entries)
        self.jobs.wake()
        status_url = f"{request.state.prefix}/jobs/{job.id}"
        answer = json_answer({**job.json(), "status_url": status_url}, 202)
        answer.headers["Location"] = status_url
        return answer

    async def _entry(self, item: Item, index: int, request_id: str) -> Entry:
        """Bytes are kept as they are, with what is known to be wrong; what lies elsewhere is fetched in its turn. An
        upload may be gone by then, so it is read now.
        """
        source = item.source
        if isinstance(source, Source) and source.kind in ("base64", "kept"):
            try:
                source = Source("bytes", await self.service.reader.read(source, self.service.deadline()))
            except Unavailable:
                raise  # says nothing of the picture
            except ServiceError as error:
                source = error
        if isinstance(source, ServiceError):
            return Entry(await line(source, index, item, request_id), item.name)
        return Entry(source, item.name)

    async def get_job(self, request: Request, job_id: str) -> Response:
        """How far it is: queued, running, done (at least one picture has an answer) or failed (none has)."""
        job = await asyncio.to_thread(self.jobs.store.get, job_id, self._owner(request))
        return json_answer(job.json())

    async def get_job_results(self, request: Request, job_id: str) -> Response:
        """A line of JSON for each picture, in their order; 409 until the job is finished."""
        job = await asyncio.to_thread(self.jobs.store.finished, job_id, self._owner(request))
        return StreamingResponse(self._lines(job), media_type=NDJSON)

    async def _lines(self, job: Job) -> AsyncIterator[bytes]:
        for index in range(job.total):
            yield await asyncio.to_thread(self.jobs.store.line, job.id, index)

    async def delete_job(self, request: Request, job_id: str) -> Response:
        """Cancels it, or forgets it with its pictures and results."""
        await asyncio.to_thread(self.jobs.store.delete, job_id, self._owner(request))
        return Response(status_code=204)
