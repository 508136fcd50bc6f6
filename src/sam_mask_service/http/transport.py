"""A transport that knows how much was written to it, and how long its client lets it wait."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from ..limits import MIB

try:
    from fcntl import ioctl
    from termios import TIOCOUTQ  # for a socket it is SIOCOUTQ of tcp(7)
except ImportError:  # Windows
    OUTQ: int | None = None
else:
    OUTQ = TIOCOUTQ if sys.platform == "linux" else None
WRITE_RATE = MIB // 32
"""Bytes a second that a client must take of its answers while something waits for it."""


class CountingTransport:
    """Everything is passed on; ``write`` is counted as well."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._written, self._spent = 0, 0.0
        self._since: float | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        self._written += len(data)
        self._transport.write(data)

    def overdue(self, now: float, patience: float) -> bool:
        """To be asked again and again. Whether the client let its answers wait longer in all than ``patience`` seconds
        and what it took at WRITE_RATE: a slow client gets a long answer to its end, one that takes a byte now and then
        does not."""
        waiting = self._transport.get_write_buffer_size()
        if waiting and self._since is not None:
            self._spent += now - self._since
        self._since = now if waiting else None
        if not waiting or self._spent <= patience:
            return False
        taken = self._written - waiting - _in_the_kernel(self._transport.get_extra_info("socket"))
        return self._spent > patience + max(0, taken) / WRITE_RATE


def _in_the_kernel(sock: Any) -> int:
    """Bytes that this machine's kernel holds for the client, who has not confirmed them: up to some megabytes. 0 where
    it cannot be told."""
    if sock is None or OUTQ is None:
        return 0
    try:
        return int.from_bytes(ioctl(sock.fileno(), OUTQ, bytes(4)), sys.byteorder)
    except (OSError, ValueError):  # closed meanwhile
        return 0
