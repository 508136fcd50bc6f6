"""The endpoints that do something with a mask: read the request, hand it to the studio, put the answer on the wire."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, aclosing
from dataclasses import replace
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from starlette.responses import JSONResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from ..actions.params import AnonymizeParams, CompositeParams, CutoutParams, ImageMaskParams
from ..errors import InvalidParameter
from ..params import DetectParams, MaskParams, Source, parse
from ..studio import Item, PictureAnswer, Studio
from . import schema, studio_schema
from .answers import json_answer, json_bytes, picture_answer
from .batch import batch_limits, items_of, line
from .body import Reserve, Share
from .metrics import Metrics
from .observe import Exchange
from .request import Incoming, Rules, check_size, one_source, read
from .routes import prefers_png, stats_header, while_connected

P = TypeVar("P", bound=BaseModel)


class StudioRoutes:
    """``studio`` behind endpoints. ``reserve`` is the process's one memory for bodies."""

    def __init__(self, studio: Studio, metrics: Metrics, rules: Rules, reserve: Reserve) -> None:
        self.studio, self.metrics, self.rules, self.reserve = studio, metrics, rules, reserve
        limits = rules.limits
        self.cutout_rules = replace(rules, limits=replace(limits, files=2), file_fields=("image", "background_image"))
        self.composite_rules = replace(
            rules, limits=replace(limits, files=3), file_fields=("original", "edited", "mask")
        )
        self.batch_rules = replace(rules, limits=batch_limits(limits))
        # They last as long as their clients take the lines; half of the memory stays for everybody else.
        self.batch_reserve = Reserve(reserve.most // 2, within=reserve)
        self.router = APIRouter()
        self._add()

    def _add(self) -> None:
        rows: Sequence[tuple[str, str, Callable[..., Any], type[BaseModel] | None]] = (
            ("POST", "/anonymize", self.anonymize, AnonymizeParams),
            ("POST", "/cutout", self.cutout, CutoutParams),
            ("POST", "/composite", self.composite, None),
            ("POST", "/create_masks", self.create_masks, None),
            ("POST", "/images", self.upload, DetectParams),
            ("POST", "/images/{image_id}/masks", self.image_masks, None),
            ("DELETE", "/images/{image_id}", self.forget, None),
        )
        for method, path, endpoint, model in rows:
            answer = studio_schema.ANSWERS[path]
            self.router.add_api_route(
                path,
                endpoint,
                methods=[method],
                tags=["hand-over"],
                response_model=None,
                status_code=answer.status,
                response_class=_Holding if answer.lines else Response if answer.status == 204 else JSONResponse,
                responses={answer.status: {"content": answer.content}, **schema.errors(*schema.WORK_ERRORS)},
                openapi_extra=schema.request_of(model) if model else studio_schema.REQUESTS.get(path),
            )

    # --- pictures out -----------------------------------------------------------------------------------------------------

    async def anonymize(self, request: Request) -> Response:
        """The picture with its faces hidden (blur, pixelate, solid, mosaic), looked at again, without metadata."""
        with self.reserve.share() as share:
            incoming = await self._read(request, self.rules, share)
            source, values = one_source(incoming)
            params = self._params(AnonymizeParams, source, values, incoming)
            deadline = self.studio.service.deadline()
            answer = await while_connected(request, self.studio.anonymize(source, params, deadline), deadline)
            return await self._picture(request, answer, params.output)

    async def cutout(self, request: Request) -> Response:
        """Faces or heads on transparency, on a colour, or on another picture (file field `background_image`)."""
        with self.reserve.share() as share:
            incoming = await self._read(request, self.cutout_rules, share)
            backdrop = _file(incoming, "background_image")
            source, values = one_source(_without(incoming, "background_image"))
            params = self._params(CutoutParams, source, values, incoming)
            deadline = self.studio.service.deadline()
            answer = await while_connected(request, self.studio.cutout(source, params, backdrop, deadline), deadline)
            return await self._picture(request, answer, params.output)

    async def composite(self, request: Request) -> Response:
        """The original with the edit inside the mask: multipart files `original` (or `image_id`), `edited` and `mask`."""
        with self.reserve.share() as share:
            incoming = await self._read(request, self.composite_rules, share)
            params = parse(CompositeParams, incoming.values, textual=incoming.textual)
            source = self._original(request, incoming, params)
            edited, mask = _needed(incoming, "edited"), _needed(incoming, "mask")
            deadline = self.studio.service.deadline()
            work = self.studio.composite(source, edited, mask, params, deadline)
            return await self._picture(request, await while_connected(request, work, deadline), params.output)

    def _original(self, request: Request, incoming: Incoming, params: CompositeParams) -> Source:
        sent = _file(incoming, "original")
        if (sent is None) == (params.image_id is None):
            raise InvalidParameter("Send the original either as the file original or as image_id.")
        if sent is not None:
            return Source("bytes", sent)
        return Source("bytes", self.studio.images.get(params.image_id or "", self._owner(request)))

    # --- pictures that stay -----------------------------------------------------------------------------------------------

    async def upload(self, request: Request) -> Response:
        """Keeps a picture in memory for a while, and lists its faces: 201 with `image_id`."""
        with self.reserve.share() as share:
            incoming = await self._read(request, self.rules, share)
            source, values = one_source(incoming)
            params = self._params(DetectParams, source, values, incoming)
            deadline = self.studio.service.deadline()
            work = self.studio.upload(source, params, self._owner(request), deadline)
            answer = await while_connected(request, work, deadline)
            self._note(request, answer)
            return json_answer(answer, 201)

    async def image_masks(self, request: Request, image_id: str) -> Response:
        """As `/create_mask`, of an uploaded picture: any parameters, any faces, `points` `[[x, y, 1|0], …]` and `box`."""
        with self.reserve.share() as share:
            self.studio.service.admit()
            incoming = await read(request, self.rules, share)
            if incoming.files:
                raise InvalidParameter("The picture is here already; send the parameters as JSON.")
            params = parse(ImageMaskParams, incoming.values, textual=incoming.textual)
            as_png = params.output == "png" or (params.output is None and _wants_picture(request))
            params = params.model_copy(update={"output": "png" if as_png else "base64"})
            deadline = self.studio.service.deadline()
            work = self.studio.image_masks(image_id, params, self._owner(request), deadline)
            answer = await while_connected(request, work, deadline)
            self._note(request, answer.json())
            if as_png:
                headers = {"X-Mask-Stats": stats_header(answer.stats)}
                return Response(answer.png, media_type="image/png", headers=headers)
            return json_answer(answer.json())

    async def forget(self, request: Request, image_id: str) -> Response:
        """Frees an uploaded picture."""
        self.studio.images.delete(image_id, self._owner(request))
        return Response(status_code=204)

    def _owner(self, request: Request) -> bytes:
        """Who asks, as a digest of his key; without keys everybody is the same."""
        if self.studio.service.settings.api_key is None:
            return b""
        shown = request.headers.get("x-api-key") or request.headers.get("authorization", "")[7:]
        return hashlib.sha256(shown.encode()).digest()

    # --- many at once -----------------------------------------------------------------------------------------------------

    async def create_masks(self, request: Request) -> Response:
        """Masks of many pictures: one JSON line for each, in their order, as it gets done; a bad one is an error line."""
        with ExitStack() as stack:
            self.studio.service.admit()
            stack.enter_context(self.studio.batches.hold())
            share = stack.enter_context(self.batch_reserve.share())
            incoming = await read(request, self.batch_rules, share)
            items, values = items_of(incoming, self.rules.limits)
            params = parse(MaskParams, values, textual=incoming.textual)
            if params.output == "png":
                raise InvalidParameter("output: lines hold base64, not png.")
            return _Holding(self._lines(request, items, params), stack.pop_all())

    async def _lines(self, request: Request, items: Sequence[Item], params: MaskParams) -> AsyncIterator[bytes]:
        exchange: Exchange = request.state.exchange
        answers = self.studio.create_masks(items, params)
        index = 0
        async with aclosing(answers):
            async for outcome in answers:
                yield json_bytes(line(outcome, index, items[index], exchange.request_id)) + b"\n"
                index += 1

    # --- in and out -------------------------------------------------------------------------------------------------------

    async def _read(self, request: Request, rules: Rules, share: Share) -> Incoming:
        self.studio.service.admit()
        incoming = await read(request, rules, share)
        for _, data in incoming.files:
            check_size(Source("bytes", data), rules.limits)
        return incoming

    def _params(self, model: type[P], source: Source, values: Mapping[str, Any], incoming: Incoming) -> P:
        check_size(source, self.rules.limits)
        return parse(model, values, textual=incoming.textual)

    async def _picture(self, request: Request, answer: PictureAnswer, output: str | None) -> Response:
        if "faces_detected" in answer.body["stats"]:
            self._note(request, answer.body)
        if output == "image" or (output is None and _wants_picture(request)):
            return Response(answer.image, media_type=f"image/{answer.kind}", headers=answer.headers)
        return await picture_answer(answer)

    def _note(self, request: Request, answer: Mapping[str, Any]) -> None:
        faces = answer["stats"]["faces_detected"]
        self.metrics.worked(answer["timings"], faces)
        exchange: Exchange = request.state.exchange
        exchange.notes = {"faces": faces, "engine": answer["stats"].get("engine")}


class _Holding(StreamingResponse):
    """Gives its share of the memory for bodies back when it is over, also when the client left before the first line."""

    def __init__(self, lines: AsyncIterator[bytes], holding: AbstractContextManager[Any]) -> None:
        super().__init__(lines, media_type="application/x-ndjson")
        self._share = holding

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._share.__exit__(None, None, None)


def _wants_picture(request: Request) -> bool:
    accept = request.headers.get("accept", "")
    return prefers_png(accept.replace("image/jpeg", "image/png").replace("image/webp", "image/png"))


def _file(incoming: Incoming, name: str) -> bytes | None:
    found = [data for field, data in incoming.files if field == name]
    if len(found) > 1:
        raise InvalidParameter(f"{name}: exactly one file.")
    return found[0] if found else None


def _needed(incoming: Incoming, name: str) -> bytes:
    data = _file(incoming, name)
    if data is None:
        raise InvalidParameter(f"The file {name} is missing: send it as a multipart field.")
    return data


def _without(incoming: Incoming, name: str) -> Incoming:
    return replace(incoming, files=tuple(f for f in incoming.files if f[0] != name))
