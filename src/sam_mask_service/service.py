"""The composition root: one ``Service`` that HTTP, command line and cluster share. It knows settings; nothing below does."""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from . import __version__
from .answer import Json, MaskAnswer, detect_answer, mask_answer
from .cache import ByteCache
from .deadline import Deadline
from .doors import files
from .doors.fetch import Fetcher
from .doors.netguard import UrlPolicy
from .engines import Engines
from .errors import Busy, DeadlinePassed, Draining, InvalidParameter, Starting, TooLarge, Unavailable
from .faces.detector import FaceDetector
from .gate import Gate, Slots
from .image import sniff
from .limits import FETCH
from .nets import Nets
from .params import DetectParams, MaskFileParams, MaskParams, Source
from .pipeline import Drawn, Limits, Look, Seen, Tools, detect, masks
from .segment.segmenter import Embedding
from .settings import Settings

log = logging.getLogger(__name__)
T = TypeVar("T")
_DATA_PREFIX = re.compile(r"data:[^,]{0,200};base64,", re.ASCII)
_SPACE = b" \t\n\r\v\f"
"""What may stand between base64's characters. Deleted as bytes: splitting would make an object of every word."""
WEAK_KEY = 16


class Service:
    """Everything a request needs. Lives on one event loop; compute runs in the gate's threads."""

    def __init__(
        self, settings: Settings, detector: FaceDetector, engines: Engines, fetcher: Fetcher | None = None
    ) -> None:
        self.settings = settings
        self.nets = Nets()
        self.detector = detector
        self.engines = engines
        self.gate = Gate(settings.workers, settings.queue)
        self.fetch_slots = Slots(settings.url_slots)
        self.cache: ByteCache[Seen | Drawn | Embedding] = ByteCache(settings.cache_bytes)
        self.limits = Limits(settings.max_bytes, settings.max_pixels, settings.max_faces)
        self.tools = Tools(detector, self.limits, self.cache)
        self.draining = False
        self._fetcher = fetcher or _fetcher(settings)

    # --- work -------------------------------------------------------------------------------------------------------------

    def deadline(self) -> Deadline:
        """A new request's time limit."""
        return Deadline.after(self.settings.deadline_seconds)

    async def mask(self, source: Source, params: MaskParams, deadline: Deadline | None = None) -> MaskAnswer:
        """The mask of a picture's faces. Raises the errors of ``errors.py``."""
        segmenter = self.engines.pick(params.engine)
        return await self.run(
            source, lambda look, start: mask_answer(masks(look, params, segmenter), params, start), deadline
        )

    async def detect(self, source: Source, params: DetectParams, deadline: Deadline | None = None) -> Json:
        """Boxes, key points, mesh points and confidences of a picture's faces."""

        def work(look: Look, start: float) -> Json:
            seen, chosen = detect(look, params)
            return detect_answer(seen, chosen, params, look.tools.detector.name, look.timer.steps, start)

        return await self.run(source, work, deadline)

    async def mask_file(self, source: Source, params: MaskFileParams, deadline: Deadline | None = None) -> Json:
        """As ``mask``, with each picture saved under the output folder and its name in place of its base64."""
        name = params.output_name or f"mask-{secrets.token_hex(8)}.png"
        if not name.lower().endswith(".png"):
            raise InvalidParameter("output_name: must end in .png.")
        answer = await self.mask(source, params, deadline)
        names = _file_names(name, answer)
        contents = dict(zip(names, answer.images, strict=True))
        await asyncio.to_thread(files.write_all, self.settings.output_root, contents, params.overwrite)
        return _with_files(answer, names)

    def admit(self) -> None:
        """Raises Draining, Starting or Busy when a new request would not be served: asked before its body is read."""
        if self.draining:
            raise Draining
        if self.engines.waiting:
            raise Starting
        if self.gate.full:
            raise Busy

    def crowded(self, source: Source) -> bool:
        """Should a picture that can wait leave the free places to others?"""
        return self.gate.crowded or (source.kind == "url" and self.fetch_slots.crowded)

    async def run(self, source: Source, work: Callable[[Look, float], T], deadline: Deadline | None) -> T:
        """``work(look, start)`` in a compute slot, on the picture behind ``source``."""
        self.admit()
        limit = deadline or self.deadline()
        start = time.perf_counter()
        try:
            data = await self.read(source, limit)
            return await self.gate.run(lambda: work(Look(data, self.tools, limit), start), limit)
        except asyncio.CancelledError:
            limit.left.set()
            raise

    # --- the picture's bytes ----------------------------------------------------------------------------------------------

    async def read(self, source: Source, deadline: Deadline) -> bytes:
        """The bytes behind a source, whichever way they come in, at most ``max_bytes``."""
        if source.kind == "url":
            return await self._fetch(str(source.value), deadline)
        if source.kind == "path":
            return await asyncio.to_thread(
                files.read_inside, self.settings.image_root, str(source.value), self.settings.max_bytes
            )
        if isinstance(source.value, bytes):
            data = source.value
        else:
            data = await asyncio.to_thread(self._from_base64, source.value)
        if len(data) > self.settings.max_bytes:
            raise TooLarge
        return data

    async def _fetch(self, url: str, deadline: Deadline) -> bytes:
        with self.fetch_slots.hold():
            try:
                data = await asyncio.wait_for(self._fetcher.fetch(url), min(deadline.remaining(), 1e6))
            except asyncio.TimeoutError:
                raise DeadlinePassed from None
        sniff(data)
        return data

    def _from_base64(self, text: str) -> bytes:
        if len(text) > self.settings.max_bytes * 4 // 3 + 1024 + len(text) // 32:
            raise TooLarge
        bare = text[found.end() :] if (found := _DATA_PREFIX.match(text)) else text
        try:
            return _unpack(bare.encode("ascii").translate(None, _SPACE))
        except (binascii.Error, ValueError):
            raise InvalidParameter("image_base64: this is not base64.") from None

    # --- life -------------------------------------------------------------------------------------------------------------

    def start(self, on_fatal: Callable[[str], None] | None = None) -> None:
        """Begins what runs in the background (loading SAM, fetching small nets). ``on_fatal``: see ``Engines.start``."""
        self.engines.start(on_fatal)
        self.nets.start()

    def renew_detector(self, detector: FaceDetector) -> None:
        """Another detector from now on; requests under way keep the one that they began with."""
        self.detector = detector
        self.tools = replace(self.tools, detector=detector)

    async def drain(self) -> None:
        """No new work from now on; returns when accepted work is done."""
        self.draining = True
        await self.gate.idle()

    def close(self) -> None:
        self.gate.close()

    def ready(self) -> tuple[bool, str | None]:
        """Would the next mask request be served? Else why not: ``draining``, ``starting`` or ``busy``."""
        try:
            self.admit()
        except Unavailable as e:
            return False, e.code
        return True, None

    def health(self) -> Json:
        """The answer of ``/health``."""
        engine = self.engines.in_force
        reasons = [r for r in (self.engines.reason(), self._weak_key()) if r]
        state = self.engines.sam_state
        answer: Json = {
            "status": self._status(self.engines.degraded),
            "service": "sam-mask-api",
            "version": __version__,
            "engine": engine.name,
            "model": engine.model,
            "model_loaded": self.engines.sam is not None or self.engines.preference == "mesh",
            "device": getattr(engine, "device", "cpu"),
            "precision": getattr(engine, "precision", "f32"),
            "detector": self.detector.name,
            "regions": sorted(engine.regions),
            "sam": {"state": state.state, "percent": state.percent, "model": state.model},
            "mesh": self.engines.mesh.model,
            "nets": self.nets.json(),
        }
        return {**answer, "reason": " ".join(reasons)} if reasons else answer

    def _status(self, degraded: bool) -> str:
        if self.draining:
            return "draining"
        if self.engines.waiting:
            return "starting" if self.engines.sam_state.state != "failed" else "degraded"
        return "degraded" if degraded else "healthy"

    def _weak_key(self) -> str | None:
        key = self.settings.api_key
        if key is not None and len(key.get_secret_value()) < WEAK_KEY:
            return f"SAM_API_KEY is shorter than {WEAK_KEY} characters."
        return None


def _unpack(packed: bytes) -> bytes:
    """Base64 to bytes, in slices: one call for 20 MB would hold the interpreter lock, and with it the event loop, for 80 ms.
    Raises ValueError, also for padding that Python overlooks (in the middle, or too much of it)."""
    if len(packed) % 4 or packed.find(b"=") not in (-1, len(packed) - 1, len(packed) - 2):
        raise ValueError
    step = 1 << 20
    return b"".join(base64.b64decode(packed[at : at + step], validate=True) for at in range(0, len(packed), step))


def _file_names(name: str, answer: MaskAnswer) -> list[str]:
    if len(answer.images) == 1:
        return [name]
    return [f"{name[:-4]}-{face}{name[-4:]}" for face in answer.names]


def _with_files(answer: MaskAnswer, names: list[str]) -> Json:
    body: dict[str, Any] = {
        k: v for k, v in answer.json().items() if k not in ("mask_base64", "masks", "cropped_faces")
    }
    if "mask_base64" in answer.json():
        return {**body, "mask_file": names[0]}
    key = "cropped_faces" if "cropped_faces" in answer.json() else "masks"
    rows = answer.json()[key]
    bare = [{k: v for k, v in row.items() if not k.endswith("_base64")} for row in rows]
    return {**body, key: [{**row, "mask_file": name} for row, name in zip(bare, names, strict=True)]}


def _fetcher(settings: Settings) -> Fetcher:
    policy = UrlPolicy(settings.url_input, frozenset(settings.url_hosts), settings.networks)
    return Fetcher(policy, max_bytes=settings.max_bytes, limits=replace(FETCH, seconds=settings.url_seconds))
