"""``sam-mask``: a thin shell over the same service that HTTP uses. Errors are one clear line on stderr.

Exit codes: 0 all well, 1 a picture failed, 2 the command line or a setting is wrong.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer

from .. import __version__
from ..doors.weights import WeightsError
from ..errors import ServiceError
from ..params import MaskParams
from ..service import Service
from ..settings import Settings, SettingsError, load
from . import batch as batches
from . import doctor as doctors
from . import inputs, models, run
from .options import command_class, with_parameters
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
MaskCommand = command_class(MaskParams)
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
) -> None:
    """Serve the REST API and the web page."""
    load()  # a bad setting is said here, before any server starts
    serve_http(host, port, workers)


@app.command(cls=MaskCommand)
@with_parameters(MaskParams, without=("output",))
def mask(
    pictures: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Files, folders, or - for stdin.")],
    out: Out = None,
    overwrite: Overwrite = False,
    format: Annotated[Literal["text", "json"], typer.Option("--format", help="json: a line of results each.")] = "text",
    *,
    params: MaskParams,
) -> None:
    """Mask the faces of pictures. One picture to a file, several to a folder."""
    if out is None and format == "text":
        if pictures != [inputs.STREAM]:
            raise typer.BadParameter("say where the masks go: -o FILE, -o FOLDER or -o -", param_hint="-o")
        out = inputs.STREAM
    if out == inputs.STREAM and format == "json":
        raise typer.BadParameter("stdout takes the picture or the json, not both", param_hint="--format")
    jobs = inputs.gather(pictures, out)
    failed = asyncio.run(_mask(jobs, params, overwrite, format == "json"))
    if failed:
        raise typer.Exit(1)


async def _mask(jobs: list[inputs.Job], params: MaskParams, overwrite: bool, as_json: bool) -> int:
    """Masks all jobs; returns how many failed."""
    failed = 0
    service = _service(params.engine)
    try:
        await run.until_ready(service, params.engine, run.say)
        with run.progress(len(jobs)) as step:
            outcomes = run.run_all(service, jobs, lambda job: run.mask_one(service, job, params, overwrite=overwrite))
            async for outcome in outcomes:
                step()
                failed += outcome.status == "error"
                _report(outcome, as_json)
    finally:
        service.close()
    if failed and len(jobs) > 1:
        run.say(f"{failed} of {len(jobs)} pictures failed")
    return failed


def _report(outcome: run.Outcome, as_json: bool) -> None:
    if outcome.status == "error":
        run.say(f"{outcome.job.name}: {outcome.error} ({outcome.code})")
    if as_json:
        typer.echo(json.dumps(outcome.row(), ensure_ascii=False))


@app.command(cls=MaskCommand)
@with_parameters(MaskParams, without=("output", "mode"))
def batch(
    folder: Annotated[Path, typer.Argument(metavar="INPUT", help="Folder of pictures.")],
    output: Annotated[Path, typer.Argument(metavar="OUTPUT", help="Folder for results and manifest.jsonl.")],
    action: Annotated[batches.Action, typer.Option(help="What is made of each picture.")] = "mask",
    mode: Annotated[
        str | None, typer.Option(metavar="first|combined|separate", help="Which faces. [default: first]")
    ] = None,
    overwrite: Overwrite = False,
    *,
    params: MaskParams,
) -> None:
    """A whole folder, one row per picture in manifest.jsonl; what is there already is skipped, so a broken run goes on."""
    chosen = batches.with_action(params, action, mode)
    settings = run.command_settings(load(), params.engine)
    failed = asyncio.run(batches.run_folder(_service(params.engine, settings), folder, output, chosen, overwrite))
    if failed:
        raise typer.Exit(1)


@app.command()
def doctor(
    image: Annotated[Path | None, typer.Option(help="Try this picture instead of a drawn one.")] = None,
    pull: Annotated[bool, typer.Option("--pull", help="Fetch SAM's weights first when they are not here.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per finding.")] = False,
) -> None:
    """What is installed, which engine and device would serve and why, and a self-test on a picture."""
    from ..compose import build

    if not doctors.report(doctors.examine(image, build, pull=pull), as_json):
        raise typer.Exit(1)


def _service(engine: str, settings: Settings | None = None) -> Service:
    chosen = settings or run.command_settings(load(), engine)  # a bad setting is said before anything heavy is loaded
    from ..compose import build

    return build(chosen)


def parameters_of(command: str) -> dict[str, Any]:
    """The options of a command by name, for the tests and the documentation."""
    return {p.name: p for p in typer.main.get_command(app).commands[command].params}  # type: ignore[attr-defined]
