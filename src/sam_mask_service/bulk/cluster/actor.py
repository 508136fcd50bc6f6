"""What an actor does: it holds a service with its models, and works on the lines that it is handed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from ...errors import ServiceError
from ...service import Service
from ...settings import Settings, load
from ...wire import Json
from ..line import Line
from ..naming import json_line
from ..one import Later, Wanted, Worker, at_once
from ..places import open_place
from ..ready import until_ready
from .claims import Claimed, Unclaimed
from .parcel import opened

T = TypeVar("T")
Build = Callable[[], Service]
"""Builds the service of an actor, where it is to run."""
_OWN = ("api_key", "webhook_secret", "images_url")
"""Settings that no actor needs."""


def builder(settings: Settings, cpus: float) -> Build:
    """What the user has set goes along; what he has not is the machine's own that the actor runs on, and as many
    pictures at once as the actor has cores."""
    cores = max(1, int(cpus))
    given = settings.model_dump(exclude_unset=True, exclude=set(_OWN))
    return partial(_build, {"workers": cores, "threads": cores, **given})


def _build(given: Mapping[str, Any]) -> Service:
    from ...compose import build

    return build(load(**given), fetch_nets=False)


@dataclass(frozen=True)
class Kit:
    """What every actor of a run is made from. ``output``: OUTPUT, which all machines reach by the same name."""

    build: Build
    output: str
    wanted: Wanted


class LineActor:
    """Called by Ray Data with a table of lines, gives one of rows. ``claims``: the actor that knows of equal pictures;
    None: each line is made. Errors that end a run come back as rows, since Ray would try them again."""

    def __init__(self, kit: Kit, claims: Any = None) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._over: ServiceError | None = None
        try:
            self._worker, self._slots = self._run(self._opened(kit, claims))
        except ServiceError as error:
            self._over = error

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[Any]]:
        lines = [opened(str(text)) for text in batch["line"]]
        rows = self._run(self._rows(lines)) if self._over is None else [_end(self._over)]
        return {"number": [line.number for line in lines][: len(rows)], "row": [json_line(row) for row in rows]}

    async def _opened(self, kit: Kit, claims: Any) -> tuple[Worker, asyncio.Semaphore]:
        service = kit.build()
        await until_ready(service, kit.wanted.params.drawn_by, lambda _: None)
        doubles = Unclaimed() if claims is None else Claimed(claims)
        slots = asyncio.Semaphore(at_once(service.settings))
        return Worker(service, open_place(kit.output), kit.wanted, doubles), slots

    async def _rows(self, lines: Sequence[Line]) -> list[Json]:
        done = await asyncio.gather(*map(self._row, lines), return_exceptions=True)
        for row in done:
            if isinstance(row, ServiceError):
                return [_end(row)]
            if isinstance(row, BaseException):
                raise row
        return [row for row in done if isinstance(row, dict)]

    async def _row(self, line: Line) -> Json:
        async with self._slots:
            try:
                return await self._worker.row(line)
            except Later as later:
                return {"later": later.sha256}

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def _end(error: ServiceError) -> Json:
    return {"ends": error.code, "detail": error.detail}


def question_of(kit: Kit) -> Json:
    """The digest of what is asked, by the engine that a machine of the cluster has."""

    async def asked() -> str:
        service = kit.build()
        try:
            await until_ready(service, kit.wanted.params.drawn_by, lambda _: None)
            return Worker(service, open_place(kit.output), kit.wanted, Unclaimed()).question.digest
        finally:
            service.close()

    try:
        return {"question": asyncio.run(asked())}
    except ServiceError as error:
        return _end(error)
