"""One ``Service`` that HTTP and command line share: it lets a request in, brings its picture, and runs its task in a
thread.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from . import __version__
from .cache import ByteCache
from .deadline import Deadline
from .doors.fetch import Fetcher
from .engines import Engines
from .errors import DeviceLost, Starting, Unavailable
from .faces.detector import FaceDetector
from .gate import Gate, Slots
from .nets import Nets
from .params import Params, Source
from .reader import Reader
from .runtime.devices import Device
from .sessions import open_store
from .settings import Settings
from .tasks import Answer, Asked, Limits, Task, Tools
from .wire import Json

WEAK_KEY = 16
_NO_FILES: Mapping[str, bytes] = {}


class Service:
    """Everything a request needs. Lives on one event loop; compute runs in the gate's threads."""

    def __init__(
        self, settings: Settings, detector: FaceDetector, engines: Engines, fetcher: Fetcher | None = None
    ) -> None:
        self.settings = settings
        self.nets = Nets()
        self.device = Device("cpu")
        self.detector = detector
        self.engines = engines
        self.gate = Gate(settings.workers, settings.queue)
        self.images = open_store(settings.images_at, settings.images_bytes, settings.images_seconds)
        self.reader = Reader(settings, self.images, fetcher)
        self.batches = Slots(settings.workers + settings.queue)
        limits = Limits(settings.max_bytes, settings.max_pixels, settings.max_faces, settings.output_bytes)
        self.tools = Tools(detector, limits, ByteCache(settings.cache_bytes), self.images, settings.output_root)

    # --- work ---------------------------------------------------------------------------------------------------------

    def deadline(self) -> Deadline:
        """A new request's time limit."""
        return Deadline.after(self.settings.deadline_seconds)

    async def run(
        self,
        task: Task,
        source: Source,
        params: Params,
        deadline: Deadline | None = None,
        *,
        files: Mapping[str, bytes] = _NO_FILES,
        owner: bytes = b"",
        caller: bytes = b"",
    ) -> Answer:
        """The answer of ``task`` for the picture behind ``source``. ``files``: what else came along, by field;
        ``owner``: whose uploads these are; ``caller``: whose cached results. Raises the errors of ``errors.py``,
        Busy and Draining among them: that it was admitted holds no place."""
        limit, start = deadline or self.deadline(), time.perf_counter()
        segmenter = self.engines.pick(params.drawn_by)
        try:
            data = await self.reader.read(source, limit)
            asked = Asked(data, params, segmenter, limit, files, owner, caller, start)
            return await self.gate.run(lambda: task.run(asked, self.tools), limit)
        except asyncio.CancelledError:
            limit.left.set()
            raise

    def admit(self) -> None:
        """Raises Draining, Busy or Starting when a new request would not be served. Asked once, by a request's head
        alone. It reserves nothing: a place is taken when the body is here (``Gate.run``), so that a slow body holds
        none."""
        self.gate.check()
        if self.engines.waiting:
            raise Starting

    def crowded(self, source: Source) -> bool:
        """Should a picture that can wait leave the free places to others?"""
        return self.gate.crowded or (source.kind == "url" and self.reader.slots.crowded)

    # --- life ---------------------------------------------------------------------------------------------------------

    def start(self, on_fatal: Callable[[str], None] | None = None) -> None:
        """Begins what runs in the background (loading SAM, fetching small nets). ``on_fatal``: see
        ``Engines.start``.
        """
        self.engines.start(on_fatal)
        self.nets.start()

    def renew_detector(self, detector: FaceDetector) -> None:
        """Another detector from now on; requests under way keep the one that they began with."""
        self.detector = detector
        self.tools = replace(self.tools, detector=detector)

    async def drain(self) -> None:
        """No new work from now on; returns when accepted work is done."""
        self.gate.draining = True
        await self.gate.idle()

    def close(self) -> None:
        self.gate.close()
        self.reader.close()

    def ready(self) -> tuple[bool, str | None]:
        """Would the next mask request be served? Else why not: ``draining``, ``starting``, ``busy`` or
        ``device_lost``.
        """
        try:
            self.admit()
            if self.engines.lost is not None:
                raise DeviceLost
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
            "device_reason": self.device.reason,
            "precision": getattr(engine, "precision", "f32"),
            "detector": self.detector.name,
            "regions": sorted(engine.regions),
            "sam": {"state": state.state, "percent": state.percent, "model": state.model},
            "mesh": self.engines.mesh.model,
            "nets": self.nets.json(),
        }
        return {**answer, "reason": " ".join(reasons)} if reasons else answer

    def _status(self, degraded: bool) -> str:
        if self.gate.draining:
            return "draining"
        if self.engines.waiting:
            return "starting" if self.engines.sam_state.state != "failed" else "degraded"
        return "degraded" if degraded else "healthy"

    def _weak_key(self) -> str | None:
        key = self.settings.api_key
        if key is not None and len(key.get_secret_value()) < WEAK_KEY:
            return f"SAM_API_KEY is shorter than {WEAK_KEY} characters."
        return None
