"""What people do with masks, over the service: anonymise, cut out, put back, keep a picture and ask again, many at once."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from .actions import Frame, composite, cutout, read_change
from .actions.composite import to_picture_size
from .actions.cutout import colour
from .actions.interact import masks as ask_again
from .actions.interact import prepare
from .actions.params import AnonymizeBase, CompositeParams, CutoutParams, ImageMaskParams
from .actions.redact import Redacted, redact
from .answer import Json, MaskAnswer, detect_answer, mask_answer
from .deadline import Deadline
from .errors import Busy, DeadlinePassed, Internal, ServiceError, forget_tracebacks
from .gate import Slots
from .geometry import Face, ordered
from .image import OutputFormat, decode_mask, decode_srgb, encode, to_srgb
from .params import DetectParams, MaskParams, Source
from .pipeline import Look, Seen, masks, original
from .service import Service
from .sessions import ImageStore
from .targets import Transform

log = logging.getLogger(__name__)
T = TypeVar("T")
_RETRY = 0.05
"""Seconds between two tries of a picture of several while there is no room for it."""
_HANGING = 0.5
"""Seconds after its deadline that a step of one picture of several has to notice it by itself."""
_FORMATS: dict[str, OutputFormat] = {"JPEG": "jpeg", "WEBP": "webp"}


@dataclass(frozen=True, slots=True, eq=False)
class PictureAnswer:
    """A picture and what is said about it. ``body`` is JSON-ready and holds no picture; ``headers`` go with the bare picture."""

    image: bytes
    kind: OutputFormat
    body: Json
    headers: dict[str, str] = field(default_factory=dict)

    def json(self) -> Json:
        """The body with the picture as base64."""
        text = base64.b64encode(self.image).decode("ascii")
        return {"success": True, "image_base64": text, "image_format": self.kind, **self.body}


@dataclass(frozen=True, slots=True)
class Item:
    """One of many pictures: its source, or the error that stands in place of one. ``name`` is the caller's own ``id``."""

    source: Source | ServiceError
    name: str | int | None = None


class Studio:
    """Stateless but for ``images``, the uploads in memory."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.images = ImageStore(service.settings.images_bytes, service.settings.images_seconds)
        self.batches = Slots(service.settings.workers + service.settings.queue)

    async def anonymize(self, source: Source, params: AnonymizeBase, deadline: Deadline | None = None) -> PictureAnswer:
        """The picture with its faces unreadable, in the input's format and quality, without metadata."""
        segmenter = self.service.engines.pick(params.engine)

        def work(look: Look, start: float) -> PictureAnswer:
            done = redact(look, params, segmenter)
            return _redacted(look, done, params, start)

        return await self.service.run(source, work, deadline)

    async def cutout(
        self, source: Source, params: CutoutParams, backdrop: bytes | None = None, deadline: Deadline | None = None
    ) -> PictureAnswer:
        """Faces or heads on transparency, a colour, or ``backdrop`` (the bytes of another picture)."""
        segmenter = self.service.engines.pick(params.engine)

        def work(look: Look, start: float) -> PictureAnswer:
            behind = self._background(params, backdrop, look.deadline.check)
            result = masks(look, _mask_params(params), segmenter)
            rgb = original(look).rgb
            with look.timer.step("cutout", look.deadline):
                cut, frame = cutout(rgb, result.alpha, background=behind, aspect=params.aspect, padding=params.padding)
            return _cut_answer(look, cut, frame, params, start, len(result.seen.faces))

        return await self.service.run(source, work, deadline)

    async def composite(
        self, source: Source, edited: bytes, mask: bytes, params: CompositeParams, deadline: Deadline | None = None
    ) -> PictureAnswer:
        """``source``'s picture with the edit inside the mask; outside of it bit for bit as it was."""
        transform = None if params.transform is None else Transform.from_dict(params.transform, self._most)
        mark = params.mark

        def work(look: Look, start: float) -> PictureAnswer:
            rgb = original(look).rgb
            with look.timer.step("decode_edit", look.deadline):
                edit = decode_srgb(edited, look.deadline.check, **self._bounds())
                change = read_change(decode_mask(mask, look.deadline.check, **self._bounds()), mark)
            with look.timer.step("composite", look.deadline):
                change = to_picture_size(change, rgb.shape[1], rgb.shape[0], transform)
                out = composite(rgb, edit, change, transform, params.match)
            return _finished(look, out, params.format, None, {"parameters": params.model_dump()}, start)

        return await self.service.run(source, work, deadline)

    # --- pictures that stay -----------------------------------------------------------------------------------------------

    async def upload(
        self, source: Source, params: DetectParams, owner: bytes, deadline: Deadline | None = None
    ) -> Json:
        """Keeps the picture, finds its faces and draws them once: later questions are answered from what is cached."""
        limit = deadline or self.service.deadline()
        data = await self.service.read(source, limit)
        segmenter = self.service.engines.pick("auto")

        def work(look: Look, start: float) -> Json:
            asked = MaskParams.model_validate({**params.model_dump(exclude_unset=True), "on_no_face": "empty"})
            seen = prepare(look, segmenter, asked)
            chosen = list(enumerate(ordered(seen.faces, params.order)))
            return detect_answer(seen, chosen, params, look.tools.detector.name, look.timer.steps, start)

        answer = await self.service.run(Source("bytes", data), work, limit)
        faces = [{k: v for k, v in face.items() if k != "landmarks"} for face in answer["faces"]]
        stats = answer["stats"]
        return {
            **answer,
            "image_id": self.images.put(data, owner),
            "width": stats["image_width"],
            "height": stats["image_height"],
            "faces": faces,
            "expires_in": self.images.seconds,
        }

    async def image_masks(
        self, image_id: str, params: ImageMaskParams, owner: bytes, deadline: Deadline | None = None
    ) -> MaskAnswer:
        """As ``/create_mask``, of an uploaded picture, with points and a box. Raises ImageGone."""
        segmenter = self.service.engines.pick(params.engine)
        source = Source("bytes", self.images.get(image_id, owner))
        return await self.service.run(
            source, lambda look, start: mask_answer(ask_again(look, params, segmenter), params, start), deadline
        )

    # --- many at once -----------------------------------------------------------------------------------------------------

    async def create_masks(
        self, items: Sequence[Item], params: MaskParams
    ) -> AsyncGenerator[Json | ServiceError, None]:
        """An answer or an error for every item, in their order. At most as many at work as the service has workers; each has its
        own deadline."""
        ahead = self.service.settings.workers
        tasks: list[asyncio.Task[Json | ServiceError]] = []
        try:
            for i in range(len(items)):
                while len(tasks) < min(len(items), i + ahead):
                    tasks.append(asyncio.create_task(self._one(items[len(tasks)], params)))
                yield await tasks[i]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, item: Item, params: MaskParams) -> Json | ServiceError:
        """A full service makes an item of a batch wait, not fail; its URL is fetched once, however long it waits."""
        if isinstance(item.source, ServiceError):
            return item.source
        deadline = self.service.deadline()
        try:
            longest = min(deadline.remaining() + _HANGING, 1e6)
            return await asyncio.wait_for(self._mask(item.source, params, deadline), longest)
        except asyncio.TimeoutError:
            return DeadlinePassed()
        except ServiceError as error:
            forget_tracebacks(error)
            return error
        except Exception:
            log.exception("one picture of several failed")
            return Internal()

    async def _mask(self, source: Source, params: MaskParams, deadline: Deadline) -> Json:
        data = await self._patiently(source, lambda: self.service.read(source, deadline), deadline)
        bare = Source("bytes", data)
        answer = await self._patiently(bare, lambda: self.service.mask(bare, params, deadline), deadline)
        return answer.json()

    async def _patiently(self, source: Source, work: Callable[[], Awaitable[T]], deadline: Deadline) -> T:
        """``work()`` once there is room for it that nobody else needs. Raises Busy when there is none before the deadline."""
        while True:
            if not self.service.crowded(source):
                with contextlib.suppress(Busy):
                    return await work()
            if deadline.remaining() <= _RETRY:
                raise Busy
            await asyncio.sleep(_RETRY)

    # --- pixels -----------------------------------------------------------------------------------------------------------

    def _bounds(self) -> dict[str, int]:
        return {"max_bytes": self.service.limits.max_bytes, "max_pixels": self.service.limits.max_pixels}

    @property
    def _most(self) -> int:
        """Pixels of a canvas: a small picture is made larger for some targets, a large one is padded."""
        return max(20_000_000, self.service.limits.max_pixels * 5 // 4)

    def _background(self, params: CutoutParams, backdrop: bytes | None, check: Callable[[], None]) -> Any:
        if backdrop is not None:
            return decode_srgb(backdrop, check, **self._bounds())
        return None if params.background == "transparent" else colour(params.background)


def _mask_params(params: CutoutParams) -> MaskParams:
    """The mask that a cut-out needs: the same words mean the same."""
    shared = {k: v for k, v in params.model_dump().items() if k in MaskParams.model_fields and k != "output"}
    return MaskParams.model_validate({**shared, "invert": False})


def _finished(
    look: Look, pixels: np.ndarray, kind: OutputFormat, quality: int | None, body: Json, start: float
) -> PictureAnswer:
    with look.timer.step("encode", look.deadline):
        image = encode(pixels, kind, quality)
    timings = {name: round(seconds, 6) for name, seconds in look.timer.steps.items()}
    spent = round(time.perf_counter() - start, 6)
    size = {"image_width": int(pixels.shape[1]), "image_height": int(pixels.shape[0])}
    stats = {**size, **body.pop("stats", {})}
    return PictureAnswer(image, kind, {**body, "stats": stats, "processing_time": spent, "timings": timings})


def _face(number: int, face: Face, seen: Seen, hidden: bool) -> Json:
    box = face.box.pixels(seen.width, seen.height).as_dict()
    return {"face_id": number, "bbox": box, "confidence": round(face.confidence, 4), "hidden": hidden}


def _redacted(look: Look, done: Redacted, params: AnonymizeBase, start: float) -> PictureAnswer:
    picture, seen = look.picture, done.seen
    rows = [_face(n, f, seen, True) for n, f in done.hidden] + [_face(n, f, seen, False) for n, f in done.kept]
    body = {
        "faces": sorted(rows, key=lambda row: row["face_id"]),
        "residual_faces": len(done.residual),
        "stats": {
            "faces_detected": len(seen.faces),
            "faces_hidden": len(done.hidden),
            "found_again": done.again,
            "method": params.method,
        },
        "parameters": params.model_dump(),
    }
    kind = _FORMATS.get(picture.format, "png")
    rgb = to_srgb(done.rgb, picture.profile)
    headers = {"X-Residual-Faces": str(len(done.residual)), "X-Faces-Hidden": str(len(done.hidden))}
    answer = _finished(look, rgb, kind, picture.quality, body, start)
    return PictureAnswer(answer.image, answer.kind, answer.body, headers)


def _cut_answer(
    look: Look, cut: np.ndarray, frame: Frame, params: CutoutParams, start: float, faces: int
) -> PictureAnswer:
    body = {
        "frame": frame.as_dict(),
        "stats": {"faces_detected": faces},
        "parameters": params.model_dump(),
    }
    answer = _finished(look, cut, params.format, None, body, start)
    text = f"{frame.x},{frame.y},{frame.width},{frame.height}"
    return PictureAnswer(answer.image, answer.kind, answer.body, {"X-Frame": text})
