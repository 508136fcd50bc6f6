"""Runs pictures through the service, some at once, in order, with a progress bar when there are several."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any

from tqdm import tqdm

from ..bulk.action import PER_FACE, Action
from ..bulk.naming import shown
from ..bulk.outcome import Outcome, Tally, failed, is_amiss, is_picture, outcome_of, without_work
from ..bulk.ready import until_ready
from ..doors import weights
from ..errors import FileExists
from ..service import Service
from ..settings import SMALL_SAM, Settings
from ..tasks.notices import WEAKER_DETECTOR
from ..wire import Json
from . import inputs, results
from .inputs import Job

Work = Callable[[Job], Awaitable[Outcome]]
"""What makes one picture's result; raises what goes wrong with it."""


def command_settings(settings: Settings, engine: str) -> Settings:
    """The settings of a one-off command: ``auto`` is the SAM whose weights are here, the one asked for before the small
    one, and mesh without any; no SAM is downloaded for it."""
    wanted = settings.engine if engine == "auto" else engine
    model = settings.model
    if wanted == "auto" and settings.checkpoint is None:
        here = [name for name in (model, SMALL_SAM) if _is_here(name, settings)]
        wanted, model = ("auto", here[0]) if here else ("mesh", model)
    return settings.model_copy(update={"engine": wanted, "model": model})


def _is_here(name: str, settings: Settings) -> bool:
    return weights.find(weights.model(name), settings.models_dir) is not None


async def one(service: Service, job: Job, action: Action, params: Any, *, overwrite: bool) -> Outcome:
    """One picture from reading to writing. Raises the errors of ``errors.py``."""
    if not overwrite:
        there = await asyncio.to_thread(results.existing, job, per_face=getattr(params, "mode", "") in PER_FACE)
        if there is not None:
            raise FileExists(f"{there} exists already; --overwrite replaces it.")
    data = await asyncio.to_thread(inputs.read, job, service.settings.max_bytes)
    made = await action.make(service, data, params)
    paths = await asyncio.to_thread(results.write, job, made, overwrite=overwrite)
    return outcome_of(job.name, "ok", [str(path) for path in paths], made)


async def settled(job: Job, work: Work) -> Outcome:
    """``work(job)``, or what went wrong with it: no single picture stops a run."""
    try:
        return without_work(job.name, job.kind) or await work(job)
    except Exception as error:
        return failed(job.name, error)


async def run_jobs(
    service: Service, jobs: Sequence[Job], engine: str, work: Work, each: Callable[[Json], None]
) -> Tally:
    """All jobs, with a progress bar; ``each`` is called in their order. Every failure, and every file that is no
    picture, is a line on stderr. ``engine``: what is waited for before the first."""
    tally = Tally()
    told: set[str] = set()
    try:
        await until_ready(service, engine, say)
        with progress(len(jobs)) as step:
            async for outcome in run_all(service, jobs, lambda job: settled(job, work)):
                row = outcome.row()
                step()
                tally.add(row)
                say_row(row, outcome.name, told)
                each(row)
    finally:
        service.close()
    return tally


def say_row(row: Json, name: str, told: set[str]) -> None:
    """What is amiss with a result that was made: a line on stderr, each once. Faces that are left count as failure and
    are said there. ``name``: how the file is called here."""
    for warning in (row["stats"] or {}).get("warnings", ()):
        is_general = warning["code"] == WEAKER_DETECTOR.code
        line = warning["detail"] if is_general else f"{name}: {warning['detail']}"
        if warning["code"] != "residual_faces" and line not in told:
            if is_general:
                told.add(line)
            say(line)
    if is_amiss(row):
        say(f"{name}: {row['error']} ({row['code']})")
    elif not is_picture(row):
        say(f"{name}: {row['kind']} (passed over)")


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
    """One line on stderr that does not break the bar, whatever is in a name."""
    tqdm.write(shown(line), file=sys.stderr)
