"""Equal pictures in a cluster: one line claims them, the others' turn comes when that one is done."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from pathlib import Path
from typing import Any

from ...wire import Json
from ..index import Index
from ..line import Line
from ..one import Later

log = logging.getLogger(__name__)


class Claims:
    """One actor for the whole run; on disk, so that its memory stays flat. When it dies, equal pictures are made anew
    and nothing is lost."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="sam-mask-claims-")
        self._index = Index(Path(self._folder.name, "claims.sqlite"))

    def claim(self, sha256: str, number: int) -> int:
        """The number of the line that makes this picture; asked again, the answer is the same."""
        found = self._index.made(sha256)
        if found is None:
            self._index.keep([(number, 0, 0, sha256)])
            return number
        return found[0]


class Claimed:
    def __init__(self, claims: Any) -> None:
        self._claims = claims

    async def first(self, line: Line, sha256: str) -> Json | None:
        try:
            owner = await asyncio.wrap_future(self._claims.claim.remote(sha256, line.number).future())
        except Exception as error:  # its machine died: it comes back elsewhere, and knows nothing
            log.warning("equal pictures may be made twice: %s", type(error).__name__)
            return None
        if owner != line.number:
            raise Later(sha256)
        return None

    def settle(self, sha256: str, row: Json | None) -> None: ...


class Unclaimed:
    async def first(self, _line: Line, _sha256: str) -> Json | None:
        return None

    def settle(self, sha256: str, row: Json | None) -> None: ...
