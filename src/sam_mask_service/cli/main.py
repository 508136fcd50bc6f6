"""``sam-mask``: a thin shell over the same service that HTTP uses. Errors are one clear line on stderr.

Exit codes: 0 all well, 1 a picture failed, 2 the command line or a setting is wrong.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer

from .. import __version__
from ..bulk.action import ACTIONS, Action
from ..bulk.cluster.connect import Cluster
from ..bulk.naming import json_line
from ..bulk.one import Wanted
from ..bulk.outcome import Tally, is_picture
from ..doors.weights import WeightsError
from ..errors import ServiceError
from ..service import Service
from ..settings import SettingsError, load, strays
from ..wire import Json
from . import batch as batches
from . import detect as detection
from . import doctor as doctors
from . import inputs, models, run
from .options import command_class, with_options
from .serve import serve_http

app = typer.Typer(
    name="sam-mask",
    help="Pixel-accurate masks of the faces in a picture.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(models.app, name="models")
ELSEWHERE = ("output",)
"""Parameters that the command line has in another form: -o and --format."""
Pictures = Annotated[list[str], typer.Argument(metavar="INPUT", help="Files, folders, or - for stdin.")]
Format = Annotated[Literal["text", "json"], typer.Option("--format", help="json: a line of results each.")]
Out = Annotated[str | None, typer.Option("--output", "-o", metavar="OUT", help="A file, a folder, or - for stdout.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that are there already.")]


def main() -> NoReturn:
    """The entry point: turns what a user can cause into one line and an exit code."""
    sys.exit(call(sys.argv[1:]))


def call(arguments: list[str]) -> int:
    """Runs the command line and returns its exit code."""
    try:
        app(arguments, prog_name="sam-mask", standalone_mode=True)
    except SystemExit as e:
        return e.code if isinstance(e.code, int) else 1
    except SettingsError as e:
        return _complain("settings: ", str(e), 2)
    except ServiceError as e:
        return _complain("", f"{e.detail} ({e.code})", 2 if e.status == 422 else 1)
    except WeightsError as e:
        return _complain("", str(e), 1)
    except KeyboardInterrupt:
        return _complain("", "interrupted", 130)
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    return 0


def _complain(prefix: str, text: str, code: int) -> int:
    for line in text.splitlines():
        print(f"sam-mask: {prefix}{line}", file=sys.stderr)  # noqa: T201
    return code


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sam-mask {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[  # noqa: ARG001 - its callback does it all
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s", stream=sys.stderr)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "0.0.0.0",  # noqa: S104 - a server is to be reached
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8739,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes; one uses all cores already.")] = 1,
    root_path: Annotated[str | None, typer.Option(help="Path behind a proxy, as /masks (SAM_ROOT_PATH).")] = None,
) -> None:
    """Serve the REST API and the web page."""
    load(**({} if root_path is None else {"root_path": root_path}))  # a bad setting is said before any server starts
    serve_http(host, port, workers, root_path)


def add_command(to: typer.Typer, name: str, action: Action) -> None:
    """The command of one task: pictures in, results out."""

    # Where the result keeps the input's format, --format is the command's own.
    @with_options(action.task.params, without=(*ELSEWHERE, "format") if action.task.keeps_format else ELSEWHERE)
    def command(
        pictures: Pictures,
        out: Out = None,
        overwrite: Overwrite = False,
        format: Format = "text",
        *,
        given: dict[str, str],
    ) -> None:
        _pictures(action, pictures, out, overwrite, format, given)

    to.command(name, cls=command_class(action.task.params), help=action.task.command)(command)


for _name, _action in ACTIONS.items():
    if not _action.fixed:
        add_command(app, _name, _action)


def _pictures(
    action: Action, pictures: list[str], out: str | None, overwrite: bool, format: str, given: dict[str, str]
) -> None:
    params = action.parse(given)
    if out is None and format == "text":
        if pictures != [inputs.STREAM]:
            raise typer.BadParameter("say where the results go: -o FILE, -o FOLDER or -o -", param_hint="-o")
        out = inputs.STREAM
    if out == inputs.STREAM and format == "json":
        raise typer.BadParameter("stdout takes the picture or the json, not both", param_hint="--format")
    jobs = inputs.gather(pictures, out, action.suffix(params))

    def note(row: Json) -> None:
        if format == "json" and is_picture(row):
            typer.echo(json_line(row))

    _judge(asyncio.run(_run_all(jobs, action, params, note, overwrite, params.drawn_by)))


@app.command(
    cls=command_class(detection.ACTION.task.params),
    help=f"Find the faces. {detection.ACTION.task.about}",
    short_help="Find the faces: where they are, and how sure that is.",
)
@with_options(detection.ACTION.task.params)
def detect(pictures: Pictures, format: Format = "text", *, given: dict[str, str]) -> None:
    params = detection.ACTION.parse(given)
    jobs = inputs.gather(pictures, None, None)

    def note(row: Json) -> None:
        for line in detection.lines(row, as_json=format == "json"):
            typer.echo(line)

    _judge(asyncio.run(_run_all(jobs, detection.ACTION, params, note, False, detection.ENGINE)))


def _judge(tally: Tally) -> None:
    if tally.amiss and tally.pictures > 1:
        run.say(f"{tally.amiss} of {tally.pictures} pictures failed")
    if tally.amiss:
        raise typer.Exit(1)


async def _run_all(
    jobs: list[inputs.Job], action: Action, params: Any, note: Callable[[Json], None], overwrite: bool, engine: str
) -> Tally:
    service = _service(engine)
    work = partial(run.one, service, action=action, params=params, overwrite=overwrite)
    return await run.run_jobs(service, jobs, engine, work, note)


BATCH = tuple(action.task.params for action in ACTIONS.values() if not action.fixed)


def _known(action: str) -> str:
    if action not in ACTIONS:
        raise typer.BadParameter(f"{action} is none of {', '.join(ACTIONS)}")
    return action


@app.command(cls=command_class(*BATCH))
@with_options(*BATCH, without=ELSEWHERE)
def batch(
    source: Annotated[
        str, typer.Argument(metavar="INPUT", help="Folder, pattern, zip, tar, list or s3://… (docs/bulk.md).")
    ],
    output: Annotated[str, typer.Argument(metavar="OUTPUT", help="Folder or s3://… for results and manifest.jsonl.")],
    action: Annotated[
        str, typer.Option(metavar="|".join(ACTIONS), callback=_known, help="What is made of each picture.")
    ] = "mask",
    overwrite: Overwrite = False,
    column: Annotated[str | None, typer.Option(help="Of a CSV or Parquet list: the column of pictures.")] = None,
    table: Annotated[bool, typer.Option("--parquet", help="Write the manifest as manifest.parquet too.")] = False,
    watch: Annotated[
        float | None, typer.Option(min=0.1, metavar="SECONDS", help="Go on: look for new files every so often.")
    ] = None,
    runner: Annotated[Literal["local", "ray"], typer.Option(help="Who works: this process, or a cluster.")] = "local",
    ray: Annotated[str, typer.Option(metavar="ADDRESS", help="Ray: local, auto or HOST:PORT.")] = "local",
    actors: Annotated[int | None, typer.Option(min=1, help="Ray: actors at most; else as many as fit.")] = None,
    cpus_per_actor: Annotated[float, typer.Option(min=0, help="Ray: cores of each actor.")] = 1.0,
    gpus_per_actor: Annotated[float, typer.Option(min=0, help="Ray: cards of each actor, as 0.5.")] = 0.0,
    insecure: Annotated[bool, typer.Option("--insecure", help="Ray: take a cluster that is open to all.")] = False,
    *,
    given: dict[str, str],
) -> None:
    """Any number of pictures, one row each in manifest.jsonl. What is there already is skipped, so a broken run goes
    on.
    """
    row = ACTIONS[action]
    if row.fixed and "mode" in given:
        raise typer.BadParameter(f"--action {action} has no other mode", param_hint="--mode")
    params = row.parse(given)

    cluster = Cluster(ray, insecure, actors, cpus_per_actor, gpus_per_actor) if runner == "ray" else None
    asked = batches.Batch(source, output, Wanted(row, params, overwrite), column, table, watch, cluster)
    if asyncio.run(batches.run_batch(asked, lambda: _service(params.drawn_by))).amiss:
        raise typer.Exit(1)


@app.command()
def doctor(
    image: Annotated[Path | None, typer.Option(help="Try this picture instead of a drawn one.")] = None,
    pull: Annotated[bool, typer.Option("--pull", help="Fetch SAM's weights first when they are not here.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per finding.")] = False,
) -> None:
    """What is installed, what would serve and why, and a self-test."""
    from ..compose import build

    if not doctors.report(doctors.examine(image, partial(build, fetch_nets=False), pull=pull), as_json):
        raise typer.Exit(1)


def _service(engine: str) -> Service:
    settings = run.command_settings(load(), engine)  # a bad setting is said before anything heavy is loaded
    models.bring_needed(settings)
    for line in strays():
        run.say(f"settings: {line}")
    from ..compose import build

    return build(settings, fetch_nets=False)


def parameters_of(command: str) -> dict[str, Any]:
    """The options of a command by name, for the tests and the documentation."""
    return {p.name: p for p in typer.main.get_command(app).commands[command].params}  # type: ignore[attr-defined]
