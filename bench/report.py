"""What the long runs share: a line of their report, and the process that they look at."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

from bench.started import Server

MIB = 1 << 20


@dataclass(frozen=True)
class Row:
    """One line of the report."""

    name: str
    value: str
    bound: str
    ok: bool


def worker_of(server: Server) -> psutil.Process:
    """gunicorn's worker: the process that serves."""
    return psutil.Process(server.process.pid).children()[0]
