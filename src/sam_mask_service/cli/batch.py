"""``sam-mask batch``: a folder of pictures to a folder of results with a manifest; one bad picture does not stop the run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from ..service import Service
from ..wire import Json
from . import inputs, run
from .work import Action

MANIFEST = "manifest.jsonl"


async def run_folder(service: Service, folder: Path, output: Path, action: Action, params: Any, overwrite: bool) -> int:
    """Works through ``folder`` and writes ``manifest.jsonl``, a row per picture as it gets done. Returns how many failed.

    A picture whose result is there already is ``skipped`` and keeps the figures of its earlier row.
    """
    before = _earlier(output / MANIFEST)
    jobs = [_as_before(job, folder, output, before) for job in _jobs(folder, output, action.suffix(params))]
    output.mkdir(parents=True, exist_ok=True)
    with (output / MANIFEST).open("w", encoding="utf-8") as manifest:

        def note(outcome: run.Outcome) -> None:
            manifest.write(json.dumps(_row(outcome, folder, output, before), ensure_ascii=False) + "\n")
            manifest.flush()

        failed = await run.run_jobs(service, jobs, action, params, note, overwrite=overwrite, skip=True)
    typer.echo(f"{len(jobs)} pictures, {failed} failed: {output / MANIFEST}", err=True)
    return failed


def _jobs(folder: Path, output: Path, suffix: str | None) -> list[inputs.Job]:
    """The pictures of ``folder``, those in ``output`` left out when it lies inside."""
    if not folder.is_dir():
        raise typer.BadParameter(f"{folder} is not a folder", param_hint="INPUT")
    if folder.resolve() == output.resolve():
        raise typer.BadParameter("the results need a folder of their own", param_hint="OUTPUT")
    jobs = inputs.gather([str(folder)], f"{output}/", suffix)
    inside = output.resolve()
    return [job for job in jobs if job.source is None or not job.source.resolve().is_relative_to(inside)]


def _as_before(job: inputs.Job, folder: Path, output: Path, before: dict[str, Json]) -> inputs.Job:
    """A picture under a wrong name (a PNG called .jpg) gives a result with another suffix: only the earlier row knows it."""
    if job.source is None or job.target is None:
        return job
    names = before.get(str(job.source.relative_to(folder)), {}).get("output")
    if not isinstance(names, list) or len(names) != 1 or not isinstance(names[0], str):
        return job
    target = output / names[0]
    same = target.parent == job.target.parent and target.stem == job.target.stem
    return replace(job, target=target) if same and target.is_file() else job


def _earlier(manifest: Path) -> dict[str, Json]:
    """Rows of an earlier run by input; broken lines are passed over."""
    rows: dict[str, Json] = {}
    if not manifest.is_file():
        return rows
    for line in manifest.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row: Any = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get("input"), str):
            rows[row["input"]] = row
    return rows


def _row(outcome: run.Outcome, folder: Path, output: Path, before: dict[str, Json]) -> Json:
    """Paths are written relative to the two folders, so that the manifest moves with them."""
    row = outcome.row()
    source = outcome.job.source
    row["input"] = str(source.relative_to(folder)) if source is not None else outcome.job.name
    row["output"] = [str(path.relative_to(output)) for path in outcome.outputs]
    old = before.get(row["input"], {})
    if outcome.status == "skipped" and old.get("status") != "error":
        row.update({key: old[key] for key in ("output", "faces", "stats", "error", "code") if key in old})
    return row
