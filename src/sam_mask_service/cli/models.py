"""``sam-mask models``: what model files there are, fetch, check and remove them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from tqdm import tqdm

from ..doors import weights
from ..models.registry import NEEDED, ROWS
from ..models.row import ModelRow
from ..settings import Settings, load

app = typer.Typer(no_args_is_help=True, help="List, fetch, check and remove model files.", rich_markup_mode=None)
Names = Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Names from `sam-mask models list`.")]


@app.command("list")
def list_models(as_json: Annotated[bool, typer.Option("--json", help="One JSON object per model.")] = False) -> None:
    """All models that are known, and which of them are here."""
    settings = load()
    for item in weights.listing(settings.models_dir):
        typer.echo(json.dumps({**asdict(item.row), "status": item.status}) if as_json else _line(item, settings))


_WIDEST = max(len(row.name) for row in ROWS)


def _line(item: weights.Installed, settings: Settings) -> str:
    chosen = "*" if item.row.name == settings.model else " "
    size = f"{item.row.bytes / 1e6:.1f} MB"
    return f"{chosen} {item.row.name:{_WIDEST}}  {item.status:9}{size:>10}  {item.row.what} ({item.row.licence})"


@app.command()
def pull(
    names: Names = None,
    accept_licence: Annotated[
        bool, typer.Option(help="Accept the licence of models that come with a caution.")
    ] = False,
    needed: Annotated[bool, typer.Option("--needed", help="Only those that nothing works without.")] = False,
) -> None:
    """Fetch models, every byte verified. Without a name: those that nothing works without, and the one that SAM_MODEL
    names. Goes on where it broke off."""
    settings = load()
    asked = names or ([] if needed else [settings.model])
    for row in [*([] if names else NEEDED), *_rows(asked)]:
        typer.echo(f"{row.name}: {fetch(row, settings, accept_licence=accept_licence)}")


def fetch(row: ModelRow, settings: Settings, *, accept_licence: bool = False) -> Path:
    """The model's file, downloaded with a progress bar unless it is here. Raises a WeightsError."""
    if row.caution and accept_licence:
        typer.echo(f"{row.name}: {row.caution}", err=True)
    with _bar(row.name) as progress:
        return weights.pull(
            row,
            settings.models_dir,
            mirror=settings.models_mirror,
            offline=settings.offline,
            progress=progress,
            accept_licence=accept_licence,
        )


def bring_needed(settings: Settings) -> None:
    """What nothing works without, downloaded with a progress bar where it is not here. Raises a WeightsError."""
    with _bar("face models") as progress:
        weights.pull_needed(
            settings.models_dir, mirror=settings.models_mirror, offline=settings.offline, progress=progress
        )


@contextmanager
def _bar(name: str) -> Iterator[weights.Progress]:
    """A bar on a terminal that appears with the first byte fetched."""
    bars: list[Any] = []

    def move(done: int, total: int) -> None:
        if not bars:
            bars.append(tqdm(total=total, desc=name, unit="B", unit_scale=True, file=sys.stderr, disable=None))
        bars[0].total = total  # of one file after the other
        bars[0].update(done - bars[0].n)

    try:
        yield move
    finally:
        for bar in bars:
            bar.close()


@app.command()
def verify(names: Names = None) -> None:
    """Compare models with their published hash, byte by byte. Without a name: all that are here."""
    folder = load().models_dir
    rows = _rows(names) if names else [item.row for item in weights.listing(folder) if item.status != "absent"]
    states = {row.name: weights.verify(row, folder) for row in rows}
    for name, state in states.items():
        typer.echo(f"{name}: {state}")
    if any(state != "ok" for state in states.values()):
        raise typer.Exit(1)


@app.command()
def remove(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Names from `sam-mask models list`.")],
) -> None:
    """Remove models and what is left of broken-off downloads."""
    folder = load().models_dir
    for row in _rows(names):
        typer.echo(f"{row.name}: {'removed' if weights.remove(row, folder) else 'was not here'}")


def _rows(names: list[str]) -> list[ModelRow]:
    return [weights.model(name) for name in names]
