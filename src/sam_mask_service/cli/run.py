"""Runs pictures through the service, some at once, in order, with a progress bar when there are several."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..doors import weights
from ..errors import EngineUnavailable, FileExists, ServiceError
from ..service import Service
from ..settings import SMALL_SAM, Settings
from ..tasks.notices import WEAKER_DETECTOR
from ..wire import Json
from . import inputs
from .inputs import Job
from .work import PER_FACE, Action, Product

Build = Callable[[Settings], Service]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one picture: ``status`` is ``ok``, ``skipped`` (its output is there already) or ``error``."""

    job: Job
    status: str
    outputs: tuple[Path, ...] = ()
    product: Product | None = None
    error: str | None = None
    code: str | None = None

    def row(self) -> Json:
        """As a row of ``manifest.jsonl`` and of ``--format json``."""
        return {
            "input": self.job.name,
            "output": [str(path) for path in self.outputs],
            "status": self.status,
            "error": self.error,
            "code": self.code,
            "faces": None if self.product is None else self.product.found,
            "stats": None if self.product is None else self.product.stats,
        }


def command_settings(settings: Settings, engine: str) -> Settings:
    """The settings of a one-off command: ``auto`` is the SAM whose weights are here, the one asked for before the small one, and
    mesh without any; no SAM is downloaded for it."""
    wanted = settings.engine if engine == "auto" else engine
    model = settings.model
    if wanted == "auto" and settings.checkpoint is None:
        here = [name for name in (model, SMALL_SAM) if _is_here(name, settings)]
        wanted, model = ("auto", here[0]) if here else ("mesh", model)
    return settings.model_copy(update={"engine": wanted, "model": model})


def _is_here(name: str, settings: Settings) -> bool:
    return weights.find(weights.model(name), settings.models_dir) is not None


async def until_ready(service: Service, engine: str, say: Callable[[str], None]) -> None:
    """Starts the service and waits for the engine that the command wants. Raises EngineUnavailable."""
    service.start()
    shown = ""
    while service.engines.sam_state.state in ("downloading", "loading"):
        state = service.engines.sam_state
        words = f"SAM is {state.state}" + ("" if state.percent is None else f" ({state.percent:.0f} %)")
        if words != shown and state.state == "downloading":
            say(words)
        shown = words
        await asyncio.sleep(0.05)
    wanted = service.settings.engine if engine == "auto" else engine
    if wanted == "sam" and service.engines.sam is None:
        raise EngineUnavailable(service.engines.sam_state.reason)


async def one(
    service: Service, job: Job, action: Action, params: Any, *, overwrite: bool, skip: bool = False
) -> Outcome:
    """One picture from reading to writing. Errors of the picture become the outcome; faults of ours are raised.

    ``skip``: a picture whose result is there already is passed over; else it is an error.
    """
    try:
        if not overwrite:
            there = await asyncio.to_thread(inputs.existing, job, per_face=getattr(params, "mode", "") in PER_FACE)
            if there is not None and skip:
                return Outcome(job, "skipped", (there,))
            if there is not None:
                raise FileExists(f"{there} exists already; --overwrite replaces it.")
        data = await asyncio.to_thread(inputs.read, job, service.settings.max_bytes)
        made = await action.make(service, data, params)
        paths = await asyncio.to_thread(
            inputs.write, job, made.pictures, made.faces, made.kind, overwrite=overwrite, beside=made.beside
        )
    except ServiceError as e:
        return Outcome(job, "error", error=e.detail, code=e.code)
    return Outcome(job, "ok", tuple(paths), made, error=made.warning, code="residual_faces" if made.warning else None)


async def run_jobs(
    service: Service, jobs: Sequence[Job], action: Action, params: Any, each: Callable[[Outcome], None], **how: bool
) -> int:
    """All jobs, with a progress bar; ``each`` is called in their order. Every failure is a line on stderr.

    Returns how many failed: those with an error, and those whose result is not what was wanted.
    """
    failed = 0
    told: set[str] = set()
    try:
        await until_ready(service, params.drawn_by, say)
        with progress(len(jobs)) as step:
            async for outcome in run_all(service, jobs, lambda job: one(service, job, action, params, **how)):
                step()
                say_notes(outcome, told)
                if outcome.error is not None:
                    failed += 1
                    say(f"{outcome.job.name}: {outcome.error} ({outcome.code})")
                each(outcome)
    finally:
        service.close()
    return failed


def say_notes(outcome: Outcome, told: set[str]) -> None:
    """What is amiss with a result that was made: a line on stderr, each once. Faces that are left count as failure and are said
    there."""
    for row in outcome.product.stats.get("warnings", ()) if outcome.product else ():
        line = row["detail"] if row["code"] == WEAKER_DETECTOR.code else f"{outcome.job.name}: {row['detail']}"
        if row["code"] != "residual_faces" and line not in told:
            told.add(line)
            say(line)


async def run_all(
    service: Service, jobs: Sequence[Job], work: Callable[[Job], Awaitable[Outcome]]
) -> AsyncIterator[Outcome]:
    """The outcomes in the order of ``jobs``; as many at work as the service has workers."""
    queue: list[asyncio.Task[Outcome]] = []
    waiting = iter(jobs)
    try:
        while True:
            for job in waiting:
                queue.append(asyncio.ensure_future(work(job)))
                if len(queue) > service.settings.workers:
                    break
            if not queue:
                return
            yield await queue.pop(0)
    finally:
        for task in queue:
            task.cancel()


@contextlib.contextmanager
def progress(total: int) -> Iterator[Callable[[], object]]:
    """A bar on stderr for more than one picture, when stderr is a terminal; yields what moves it on."""
    with tqdm(total=total, unit="picture", file=sys.stderr, disable=None if total > 1 else True, leave=False) as bar:
        yield bar.update


def say(line: str) -> None:
    """One line on stderr that does not break the bar."""
    tqdm.write(line, file=sys.stderr)
