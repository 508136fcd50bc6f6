"""One task for many pictures over HTTP: a line of JSON for each, as it gets done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, ExitStack, aclosing
from dataclasses import replace
from typing import Any

from fastapi import Request, Response
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from ..errors import InvalidParameter
from ..many import Item, run_many
from ..params import Params, parse
from ..tasks import Answer, Task
from ..tasks.notices import codes_of
from .batch import batch_limits, items_of, line
from .caller import caller_of
from .endpoint import Shared
from .observe import Exchange
from .request import read
from .reserve import BodyReserve


class Lines:
    """``task`` behind its path."""

    def __init__(self, task: Task, shared: Shared) -> None:
        self.task, self.shared = task, shared
        self.rules = replace(shared.rules, limits=batch_limits(shared.rules.limits))
        # They last as long as their clients take the lines; half of the memory stays for everybody else.
        self.reserve = BodyReserve(shared.reserve.most // 2, within=shared.reserve)

    async def ask(self, request: Request) -> Response:
        with ExitStack() as stack:
            batches = self.shared.service.batches
            batches.check()
            share = stack.enter_context(self.reserve.share())
            incoming = await read(request, self.rules, share)
            stack.enter_context(batches.hold())  # not before: those who send slowly would keep everybody else out
            items, values = items_of(incoming, self.shared.rules.limits)
            params = parse(self.task.params, values, textual=incoming.textual)
            if getattr(params, "output", None) not in (None, "base64"):
                raise InvalidParameter("output: lines hold base64, not png.")
            return Holding(self._lines(request, items, params), stack.pop_all())

    async def _lines(self, request: Request, items: Sequence[Item], params: Params) -> AsyncIterator[bytes]:
        exchange: Exchange = request.state.exchange
        caller = caller_of(request.scope).encode()
        answers = run_many(self.shared.service, self.task, items, params, caller)
        index = 0
        async with aclosing(answers):
            async for outcome in answers:
                if isinstance(outcome, Answer):
                    self.shared.metrics.warned(codes_of(outcome.stats))
                yield await line(outcome, index, items[index], exchange.request_id)
                index += 1


class Holding(StreamingResponse):
    """Gives its share of the memory for bodies back when it is over, also when the client left before the first
    line.
    """

    def __init__(self, lines: AsyncIterator[bytes], holding: AbstractContextManager[Any]) -> None:
        super().__init__(lines, media_type="application/x-ndjson")
        self._share = holding

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._share.__exit__(None, None, None)
