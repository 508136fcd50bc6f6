"""Which engine draws: mesh is always there, SAM comes when its weights are. Who asked for one gets it or is told why not."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .errors import EngineUnavailable, ServiceError, Starting
from .segment.segmenter import Segmenter
from .settings import Engine

log = logging.getLogger(__name__)

State = Literal["absent", "downloading", "loading", "ready", "failed"]
Report = Callable[[State, float | None], None]
"""Called by a loader with what it does and how far it is, in percent."""
Loader = Callable[[Report], Segmenter]


@dataclass(frozen=True, slots=True)
class SamState:
    """``percent`` 0…100 while downloading; ``reason`` in words fit for the public."""

    state: State = "absent"
    percent: float | None = None
    reason: str | None = None


class Engines:
    """``preference``: ``auto`` serves with mesh until SAM is ready, ``sam`` waits for it, ``mesh`` never loads it."""

    def __init__(self, preference: Engine, mesh: Segmenter, load_sam: Loader | None) -> None:
        self.preference = preference
        self.mesh = mesh
        self.sam: Segmenter | None = None
        self.sam_state = SamState()
        self._load = load_sam if preference != "mesh" else None
        self._thread: threading.Thread | None = None
        self._on_fatal: Callable[[str], None] | None = None

    def start(self, on_fatal: Callable[[str], None] | None = None) -> None:
        """Begins to load SAM in the background; returns at once.

        ``on_fatal`` is called with the reason when SAM was demanded (``SAM_ENGINE=sam``) and cannot be had.
        """
        if self._load is None or self._thread is not None:
            return
        self._on_fatal = on_fatal
        self.sam_state = SamState("loading")
        self._thread = threading.Thread(target=self._run, name="load-sam", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        assert self._load is not None  # noqa: S101 - start() has checked it
        try:
            self.sam = self._load(self._report)
            self.sam_state = SamState("ready")
            log.info("SAM is ready: %s", self.sam.model)
        except ServiceError as e:
            self._failed(e.detail)
        except Exception:
            log.exception("SAM could not be loaded")
            self._failed("SAM could not be loaded; the log says why.")

    def _failed(self, reason: str) -> None:
        self.sam_state = SamState("failed", reason=reason)
        log.error("SAM is not available: %s", reason)
        if self.preference == "sam" and self._on_fatal is not None:
            self._on_fatal(reason)

    def _report(self, state: State, percent: float | None) -> None:
        self.sam_state = SamState(state, percent)

    def pick(self, asked: Engine) -> Segmenter:
        """The segmenter for a request. Raises EngineUnavailable, or Starting while SAM is awaited."""
        wanted = self.preference if asked == "auto" else asked
        if wanted == "mesh":
            return self.mesh
        if self.sam is not None:
            return self.sam
        if wanted == "auto":
            return self.mesh
        raise self._missing()

    def _missing(self) -> ServiceError:
        awaited = self._load is not None and self.sam_state.state != "failed"
        if awaited:
            return Starting()
        return EngineUnavailable(self.sam_state.reason or "SAM is not loaded here; engine=mesh or auto is.")

    @property
    def in_force(self) -> Segmenter:
        """What ``engine=auto`` gets now."""
        return self.sam if self.sam is not None and self.preference != "mesh" else self.mesh

    @property
    def waiting(self) -> bool:
        """True while ``SAM_ENGINE=sam`` cannot serve yet."""
        return self.preference == "sam" and self.sam is None

    def reason(self) -> str | None:
        """Why the engine in force is not the one that was wanted; None when it is."""
        if self.preference == "mesh" or self.sam is not None:
            return None
        state = self.sam_state
        if state.state == "downloading":
            return f"SAM is downloading ({state.percent or 0:.0f} %); the mesh engine serves."
        if state.state == "loading":
            return "SAM is loading; the mesh engine serves."
        return state.reason or "SAM is not installed; the mesh engine serves."
