"""Equal pictures of one run are made once: the first is made, those after it wait and get copies."""

from __future__ import annotations

import asyncio
import json

from ..wire import Json
from .ledger import Ledger
from .line import Line


class LocalDoubles:
    """Of one process; used on its event loop. What is done is known by the ledger, what is on its way by a future."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._soon: dict[str, asyncio.Future[Json | None]] = {}

    async def first(self, _: Line, sha256: str) -> Json | None:
        while (soon := self._soon.get(sha256)) is not None:
            row = await asyncio.shield(soon)
            if row is not None:
                return row
        made = self._ledger.index.made(sha256)
        if made is not None:
            return dict(json.loads(self._ledger.line(*made[1:3])))
        self._soon[sha256] = asyncio.get_running_loop().create_future()
        return None

    def settle(self, sha256: str, row: Json | None) -> None:
        """``row`` None: it failed, and the next equal one tries again."""
        soon = self._soon[sha256]
        if row is None:
            del self._soon[sha256]
        soon.set_result(row)

    def kept(self, sha256: str) -> None:
        """The ledger knows of it by now."""
        self._soon.pop(sha256, None)
