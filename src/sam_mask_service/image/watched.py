"""Files in memory that ask at each piece: so often a decoder or an encoder of large pictures is back in Python.
Pure.
"""

from __future__ import annotations

import io
from typing import Any

from ..deadline import Check


class Reading(io.BytesIO):
    """``data`` to be read; ``check`` may raise."""

    def __init__(self, data: bytes, check: Check) -> None:
        super().__init__(data)
        self._check = check

    def read(self, size: int | None = -1, /) -> bytes:
        self._check()
        return super().read(size)


class Writing(io.BytesIO):
    """Empty, to be written; ``check`` may raise."""

    def __init__(self, check: Check) -> None:
        super().__init__()
        self._check = check

    def write(self, data: Any) -> int:
        self._check()
        return super().write(data)
