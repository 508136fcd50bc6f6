"""``sam-mask batch``: a folder of pictures to a folder of results with a manifest.

Nothing in the folder stops the run, nothing is passed over unsaid, and a result is only taken for what was asked.
"""

from __future__ import annotations

import asyncio
import hashlib
from functools import cached_property
from pathlib import Path
from typing import Any

import typer

from ..errors import FileExists
from ..service import Service
from ..wire import Json
from . import inputs, manifest, results, run
from .inputs import Job
from .naming import shown, written
from .outcome import Outcome, Tally, outcome_of
from .question import Question, in_words
from .work import PER_FACE, Action


async def run_folder(
    service: Service, folder: Path, output: Path, action: Action, params: Any, overwrite: bool
) -> Tally:
    """Works through ``folder`` and writes ``manifest.jsonl``, a row per file as it gets done.

    A picture that has its result to the same question is ``skipped`` and keeps what its row said, warnings and faces
    left included.
    """
    jobs = _jobs(folder, output, action.suffix(params))
    batch = Batch(service, output, action, params, {} if overwrite else manifest.rows_of(output), overwrite, folder)
    with manifest.opened(output) as rows:
        tally = await run.run_jobs(
            service, jobs, params.drawn_by, batch.work, lambda outcome: rows.add(batch.row(outcome))
        )
    typer.echo(shown(f"{tally}: {output / manifest.NAME}"), err=True)
    return tally


def _jobs(folder: Path, output: Path, suffix: str | None) -> list[Job]:
    """The files of ``folder``, those in ``output`` left out when it lies inside."""
    if not folder.is_dir():
        raise typer.BadParameter(f"{folder} is not a folder", param_hint="INPUT")
    if folder.resolve() == output.resolve():
        raise typer.BadParameter("the results need a folder of their own", param_hint="OUTPUT")
    return inputs.gather([str(folder)], f"{output}/", suffix, without=output)


class Batch:
    """One question about every picture of ``folder``. ``before``: the rows of earlier runs by input."""

    def __init__(
        self,
        service: Service,
        output: Path,
        action: Action,
        params: Any,
        before: dict[str, manifest.Row],
        overwrite: bool,
        folder: Path,
    ) -> None:
        self._service, self._action, self._params = service, action, params
        self._folder, self._output, self._before, self._overwrite = folder, output, before, overwrite

    @cached_property
    def question(self) -> Question:
        """Asked for when the engine is there, whose name belongs to it."""
        return Question(self._action, self._params, self._service.engines.pick(self._params.drawn_by))

    async def work(self, job: Job) -> Outcome:
        """Raises the errors of ``errors.py``."""
        data = await asyncio.to_thread(inputs.read, job, self._service.settings.max_bytes)
        sha256 = hashlib.sha256(data).hexdigest()
        there = await asyncio.to_thread(self._there, job, sha256)
        if there is not None:
            return there
        made = await self._action.make(self._service, data, self._params)
        if self._overwrite:
            paths, status = await asyncio.to_thread(results.write, job, made, overwrite=True), "ok"
        else:
            paths, is_new = await asyncio.to_thread(results.complete, job, made)
            status = "ok" if is_new else "skipped"
        return outcome_of(job, status, paths, made, {"sha256": sha256})

    def _there(self, job: Job, sha256: str) -> Outcome | None:
        """The outcome of a picture that has been dealt with."""
        row = self._before.get(written(self._name(job)))
        if row is None:
            return None
        same = row.question == self.question.digest
        if same and row.sha256 == sha256 and row.is_whole(self._output):
            return _as_before(job, row, tuple(row.paths(self._output)))
        if not same and row.paths(self._output):
            return self._refused(job, row, sha256)
        return None

    def _refused(self, job: Job, row: manifest.Row, sha256: str) -> Outcome | None:
        """Where the new result would take the place of one to another question. The row that knows that one is kept in
        the new.
        """
        there = results.existing(job, per_face=getattr(self._params, "mode", "") in PER_FACE)
        if there not in row.paths(self._output):
            return None
        was = in_words(row.action, row.params, row.engine, row.model)
        error = f"{there} is the result of another question: {was}. Name another folder; --overwrite replaces it."
        earlier = row.model_dump(mode="json", exclude_unset=True)
        return Outcome(job, "error", error=error, code=FileExists.code, more={"sha256": sha256, "earlier": earlier})

    def _name(self, job: Job) -> str:
        return job.name if job.source is None else str(job.source.relative_to(self._folder))

    def row(self, outcome: Outcome) -> Json:
        """Paths are written relative to the two folders, so that the manifest moves with them."""
        output = [str(path.relative_to(self._output)) for path in outcome.outputs]
        asked = {"sha256": None, **self.question.row()} if outcome.is_picture else {}
        return {**asked, **outcome.row(), "input": self._name(outcome.job), "output": output}


def _as_before(job: Job, row: manifest.Row, paths: tuple[Path, ...]) -> Outcome:
    stats = None if row.stats is None else row.stats.model_dump(mode="json", exclude_unset=True)
    return Outcome(job, "skipped", paths, row.faces, stats, row.error, row.code, {"sha256": row.sha256})
