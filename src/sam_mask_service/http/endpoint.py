"""One task over HTTP: its request is read, sorted and run, its answer rendered. The same for every task."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request, Response

from ..service import Service
from ..tasks import Answer, Task
from ..tasks.notices import codes_of
from .caller import caller_of
from .connected import while_connected
from .incoming import owner_of, rules_of, sort
from .metrics import Metrics
from .negotiate import rendered, settled, wants_picture
from .observe import Exchange
from .request import Rules, read
from .reserve import BodyReserve


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """What all endpoints of a process share. ``reserve``: the memory for bodies."""

    service: Service
    metrics: Metrics
    rules: Rules
    reserve: BodyReserve

    def owner(self, request: Request) -> bytes:
        return owner_of(request, self.service.settings.api_key is not None)

    def note(self, request: Request, answer: Answer) -> None:
        """Counts the work and its faces, and tells them to the log."""
        if (faces := answer.stats.get("faces_detected")) is None:
            return
        self.metrics.worked(answer.body["timings"], faces)
        codes = codes_of(answer.stats)
        self.metrics.warned(codes)
        exchange: Exchange = request.state.exchange
        exchange.notes = {"faces": faces, "engine": answer.stats.get("engine")}
        if codes:
            exchange.notes["warnings"] = list(codes)


class Endpoint:
    """``task`` behind its path."""

    def __init__(self, task: Task, shared: Shared) -> None:
        self.task, self.shared = task, shared
        self.rules = rules_of(task, shared.rules)

    async def ask(self, request: Request) -> Response:
        return await self.ask_kept(request, "")

    async def ask_kept(self, request: Request, image_id: str) -> Response:
        """The same of a picture that is kept under ``image_id``."""
        service, render, owner = self.shared.service, self.task.render, self.shared.owner(request)
        with self.shared.reserve.share() as share:
            incoming = await read(request, self.rules, share)
            sent = sort(self.task, incoming, self.rules, image_id, owner)
            accept = request.headers.get("accept", "")
            picture = wants_picture(render, sent.params, accept)
            params, deadline = settled(render, sent.params, picture, accept), service.deadline()
            whose = {"owner": owner, "caller": caller_of(request.scope).encode()}
            work = service.run(self.task, sent.source, params, deadline, files=sent.files, **whose)
            answer = await while_connected(request, work, deadline)
            self.shared.note(request, answer)
            return await rendered(render, answer, picture)
