"""``sam-mask batch``: pictures from anywhere to a folder or a store of results with a manifest.

Nothing that INPUT holds stops the run, nothing is passed over unsaid, and a result is only taken for what was asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import typer

from ..bulk import ledger, parquet
from ..bulk.cluster.actor import Kit, builder
from ..bulk.cluster.connect import Cluster, connect
from ..bulk.cluster.runner import RayRunner
from ..bulk.errors import BadInput, BadOutput, BadTable
from ..bulk.local import LocalRunner
from ..bulk.naming import shown
from ..bulk.one import Wanted
from ..bulk.outcome import Tally
from ..bulk.places import Place, open_place
from ..bulk.ready import until_ready
from ..bulk.run import Run, Runner
from ..bulk.sources import Options, Source, open_source
from ..doors import stores
from ..service import Service
from ..settings import load
from ..wire import Json
from . import run as runs


@dataclass(frozen=True, slots=True)
class Batch:
    """What the command line says of a run."""

    source: str
    output: str
    wanted: Wanted
    column: str | None = None
    parquet: bool = False
    watch: float | None = None
    cluster: Cluster | None = None


Build = Callable[[], Service]


async def run_batch(batch: Batch, build: Build) -> Tally:
    """Works through INPUT and writes ``manifest.jsonl``, a row per file as it gets done. Raises typer.BadParameter for
    a command line that makes no sense, StorageFull, StoreUnreachable and StoreRefused.

    A picture that has its result to the same question is ``skipped`` and keeps what its row said, warnings and faces
    left included.
    """
    with tempfile.TemporaryDirectory(prefix="sam-mask-") as scratch:
        with _as_command_line():
            source, place = _opened(batch, Path(scratch))
            bulk = Run(source, place, batch.wanted, Path(scratch))
        tally = Tally()
        with bulk:
            await _worked(bulk, source, place, batch, build, tally)
    return tally


def _opened(batch: Batch, scratch: Path) -> tuple[Source, Place]:
    """Raises BadInput, BadOutput, BadTable and what ``open_place`` raises."""
    if batch.parquet:
        parquet.check()
    _apart(batch.source, batch.output)
    source = open_source(batch.source, Options(scratch, batch.column, batch.output))
    if batch.watch is not None and not source.changing:
        raise BadInput(f"--watch wants a folder, a pattern or a store: {batch.source} is none")
    return source, open_place(batch.output)


def _apart(source: str, output: str) -> None:
    """Raises BadOutput where results would take the place of pictures."""
    if stores.is_address(source) or stores.is_address(output):
        same = source.rstrip("/") == output.rstrip("/")
    else:
        same = Path(source).resolve() == Path(output).resolve()
    if same:
        raise BadOutput("the results need a folder of their own")
    if not stores.is_address(output) and Path(output).exists() and not Path(output).is_dir():
        raise BadOutput(f"{output} is a file")


async def _worked(bulk: Run, source: Source, place: Place, batch: Batch, build: Build, tally: Tally) -> None:
    with _as_command_line():
        await asyncio.to_thread(bulk.look, settled=batch.watch is not None)
        if batch.watch is None:
            bulk.check_work()
    async with _runner(batch, place, build) as runner:
        told = Told(source, tally)
        await told.work(bulk, runner)
        if batch.watch is not None:
            await _watch(bulk, runner, told, batch.watch)
    bulk.finish()
    if batch.parquet:
        await asyncio.to_thread(bulk.write_table)
    typer.echo(shown(tally.more()), err=True)
    typer.echo(shown(f"{tally}: {place.shown(ledger.NAME)}"), err=True)


@contextlib.asynccontextmanager
async def _runner(batch: Batch, place: Place, build: Build) -> AsyncIterator[Runner]:
    """What does the work: this process, or a cluster whose actors each have a service of their own."""
    if batch.cluster is not None:
        yield connected(batch.cluster, batch.output, batch.wanted)
        return
    service = build()
    try:
        await until_ready(service, batch.wanted.params.drawn_by, runs.say)
        yield LocalRunner(service, place, batch.wanted)
    finally:
        service.close()


def connected(cluster: Cluster, output: str, wanted: Wanted) -> Runner:
    """Raises InvalidParameter, StoreUnreachable, StoreRefused."""
    settings = runs.command_settings(load(), wanted.params.drawn_by)
    there = output if stores.is_address(output) else str(Path(output).absolute())
    return RayRunner(connect(cluster), cluster, Kit(builder(settings, cluster.cpus), there, wanted))


async def _watch(bulk: Run, runner: Runner, told: Told, seconds: float) -> None:
    """Takes what comes, until SIGINT or SIGTERM; then what is at work is done."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C ends the run there, and the next goes on
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    while not stop.is_set():
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)
        first = await asyncio.to_thread(bulk.look, settled=True)
        await told.work(bulk, runner, first)


class Told:
    """Says what becomes of a run: a bar, a line for whatever is amiss, counts."""

    def __init__(self, source: Source, tally: Tally) -> None:
        self._source, self._tally = source, tally
        self._told: set[str] = set()

    async def work(self, bulk: Run, runner: Runner, first: int = 0) -> None:
        with runs.progress(bulk.lines - first) as step:

            def each(row: Json) -> None:
                step()
                self._tally.add(row)
                runs.say_row(row, self._source.shown(row["input"]), self._told)

            await bulk.work(runner, each, first)


@contextlib.contextmanager
def _as_command_line() -> Iterator[None]:
    """What is wrong with INPUT, OUTPUT or --parquet, as the command line tells it."""
    try:
        yield
    except (BadInput, BadOutput, BadTable) as error:
        raise typer.BadParameter(error.detail, param_hint=error.place) from None
