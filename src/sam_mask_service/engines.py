"""Which engine draws: mesh is always there, SAM comes when its weights are. Who asked for one gets it or is told why
not.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol, runtime_checkable

from .errors import EngineUnavailable, ServiceError, Starting
from .segment.cutter import Cutter
from .segment.segmenter import Segmenter
from .settings import Engine

log = logging.getLogger(__name__)

State = Literal["absent", "downloading", "loading", "ready", "failed"]
Report = Callable[[State, float | None], None]
"""Called by a loader with what it does and how far it is, in percent."""
Loader = Callable[[Report], Segmenter]


@dataclass(frozen=True, slots=True)
class Rung:
    """A SAM that may be had: ``model`` is what it is called while it is awaited. ``here``: its weights are on this
    machine, so that it is worth waiting for: a second or two."""

    model: str
    load: Loader
    here: bool = False


@dataclass(frozen=True, slots=True)
class SamState:
    """Of the SAM that is awaited, or came last. ``percent`` 0…100 while downloading; ``reason`` in words fit for the
    public.
    """

    state: State = "absent"
    percent: float | None = None
    reason: str | None = None
    model: str | None = None


@runtime_checkable
class OnPrior(Protocol):
    """A SAM that draws over the mesh engine."""

    def with_prior(self, prior: Cutter) -> Segmenter:
        """The same network over another mesh engine."""
        ...


class Engines:
    """``preference``: ``auto`` serves with the best that is loaded, and waits for what is on this machine alone;
    ``sam`` waits for the one asked for, ``mesh`` never loads it.

    ``ladder``: the SAMs to load, one after the other; each takes the place of the one before, whose memory is free when
    the requests that it serves are done. A segmenter is never changed: who has picked one may use it to the end.
    """

    def __init__(self, preference: Engine, mesh: Cutter, ladder: Sequence[Rung] | None = None) -> None:
        self.preference = preference
        self.mesh = mesh
        self.sam: Segmenter | None = None
        self._ladder = [] if preference == "mesh" else list(ladder or ())
        self.awaited = self._ladder[-1].model if self._ladder else None
        self.sam_state = SamState(model=self.awaited)
        self._due = False
        self._failures: list[str] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._on_fatal: Callable[[str], None] | None = None

    def start(self, on_fatal: Callable[[str], None] | None = None) -> None:
        """Begins to load SAM in the background; returns at once.

        ``on_fatal`` is called with the reason when SAM was demanded (``SAM_ENGINE=sam``) and cannot be had.
        """
        if not self._ladder or self._thread is not None:
            return
        self._on_fatal = on_fatal
        self._due = self._ladder[0].here
        self.sam_state = SamState("loading", model=self._ladder[0].model)
        self._thread = threading.Thread(target=self._run, name="load-sam", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while self._ladder:
            self.sam_state = SamState("loading", model=self._ladder[0].model)
            self._climb(self._ladder.pop(0))  # a rung that stayed would keep its network
            self._due = False
        if self.awaited is not None and self.preference == "sam" and self.sam is None and self._on_fatal is not None:
            self._on_fatal(self.sam_state.reason or "SAM could not be loaded.")

    def _climb(self, rung: Rung) -> None:
        try:
            sam = rung.load(partial(self._report, rung.model))
        except ServiceError as e:
            self._failed(rung, e.detail)
        except Exception:
            log.exception("SAM could not be loaded")
            self._failed(rung, "SAM could not be loaded; the log says why.")
        else:
            with self._lock:  # the mesh engine may have been renewed while this one was loaded
                self.sam = _over(sam, self.mesh)
            self.sam_state = SamState("ready", model=rung.model)
            log.info("SAM is ready: %s", sam.model)

    def _failed(self, rung: Rung, reason: str) -> None:
        self._failures.append(reason)
        self.sam_state = SamState("failed", reason=" ".join(dict.fromkeys(self._failures)), model=rung.model)
        log.error("SAM (%s) is not available: %s", rung.model, reason)

    def _report(self, model: str, state: State, percent: float | None) -> None:
        self.sam_state = SamState(state, percent, model=model)

    def renew(self, mesh: Cutter) -> None:
        """Another mesh engine from now on, below SAM too."""
        with self._lock:
            self.mesh = mesh
            self.sam = None if self.sam is None else _over(self.sam, mesh)

    def pick(self, asked: Engine) -> Segmenter:
        """The segmenter for a request. Raises EngineUnavailable, or Starting while SAM is awaited."""
        wanted = self.preference if asked == "auto" else asked
        if wanted == "mesh":
            return self.mesh
        if self.sam is not None:
            return self.sam
        if wanted == "auto":
            if self._due:
                raise Starting
            return self.mesh
        raise self._missing()

    def _missing(self) -> ServiceError:
        if self.awaited is not None and (self._ladder or self.sam_state.state != "failed"):
            return Starting()
        return EngineUnavailable(self.sam_state.reason or "SAM is not loaded here; engine=mesh or auto is.")

    @property
    def in_force(self) -> Segmenter:
        """What ``engine=auto`` gets now."""
        return self.sam if self.sam is not None and self.preference != "mesh" else self.mesh

    @property
    def waiting(self) -> bool:
        """True while ``SAM_ENGINE=sam`` cannot serve yet, and while a SAM is loaded whose weights were here at the
        start: pictures are drawn by it from the first request on."""
        return self.sam is None and (self.preference == "sam" or self._due)

    @property
    def degraded(self) -> bool:
        """Does the mesh engine draw where SAM was wanted?"""
        return self.preference != "mesh" and (self.sam is None or self.lost is not None)

    @property
    def lost(self) -> str | None:
        """Why the loaded SAM cannot answer any more (its card is gone); None while it can."""
        return getattr(self.sam, "lost", None)

    def reason(self) -> str | None:
        """Why the engine in force is not the one that was wanted; None when it is."""
        state = self.sam_state
        if self.lost is not None:
            return f"{self.lost}; start the service anew."
        if self.preference == "mesh" or (self.sam is not None and state.state == "ready" and not self._ladder):
            return None
        if self.waiting and state.state != "failed":
            return f"SAM {state.model} is {'downloading' if state.state == 'downloading' else 'loading'}."
        serves = "the mesh engine" if self.sam is None else self.sam.model
        if state.state == "downloading":
            return f"SAM {state.model} is downloading ({state.percent or 0:.0f} %); {serves} draws meanwhile."
        if state.state in ("loading", "ready"):
            return f"SAM {state.model} is loading; {serves} draws meanwhile."
        return f"{state.reason or 'SAM is not installed.'} Until then {serves} draws."


def _over(sam: Segmenter, mesh: Cutter) -> Segmenter:
    return sam.with_prior(mesh) if isinstance(sam, OnPrior) else sam
