"""``sam-mask batch``: a folder of pictures to a folder of results with a manifest; one bad picture does not stop the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import typer

from ..answer import Json
from ..params import MaskParams, parse
from ..service import Service
from . import inputs, run

Action = Literal["mask", "crop"]
MANIFEST = "manifest.jsonl"


def with_action(params: MaskParams, action: Action, mode: str | None) -> MaskParams:
    """The parameters of an action: ``crop`` is the API's mode ``crop``. Raises InvalidParameter for a mode that is none."""
    if action == "crop" and mode not in (None, "crop"):
        raise typer.BadParameter("--action crop has no other mode", param_hint="--mode")
    wanted = "crop" if action == "crop" else mode or "first"
    return parse(MaskParams, {**params.model_dump(exclude_unset=True), "mode": wanted})


async def run_folder(service: Service, folder: Path, output: Path, params: MaskParams, overwrite: bool) -> int:
    """Works through ``folder`` and writes ``manifest.jsonl``, a row per picture as it gets done. Returns how many failed.

    A picture whose result is there already is ``skipped`` and keeps the figures of its earlier row.
    """
    jobs = _jobs(folder, output)
    before = _earlier(output / MANIFEST)
    output.mkdir(parents=True, exist_ok=True)
    failed = 0
    try:
        await run.until_ready(service, params.engine, run.say)
        with (output / MANIFEST).open("w", encoding="utf-8") as manifest, run.progress(len(jobs)) as step:
            outcomes = run.run_all(
                service, jobs, lambda job: run.mask_one(service, job, params, overwrite=overwrite, skip=True)
            )
            async for outcome in outcomes:
                step()
                failed += outcome.status == "error"
                if outcome.status == "error":
                    run.say(f"{outcome.job.name}: {outcome.error} ({outcome.code})")
                manifest.write(json.dumps(_row(outcome, folder, output, before), ensure_ascii=False) + "\n")
                manifest.flush()
    finally:
        service.close()
    typer.echo(f"{len(jobs)} pictures, {failed} failed: {output / MANIFEST}", err=True)
    return failed


def _jobs(folder: Path, output: Path) -> list[inputs.Job]:
    """The pictures of ``folder``, those in ``output`` left out when it lies inside."""
    if not folder.is_dir():
        raise typer.BadParameter(f"{folder} is not a folder", param_hint="INPUT")
    jobs = inputs.gather([str(folder)], f"{output}/")
    inside = output.resolve()
    return [job for job in jobs if job.source is None or not job.source.resolve().is_relative_to(inside)]


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
    if outcome.status == "skipped" and row["input"] in before:
        old = before[row["input"]]
        row.update({key: old.get(key) for key in ("output", "faces", "stats") if key in old})
    return row
