"""gunicorn's settings, for ``-c python:sam_mask_service.http.gunicorn``; the repository's ``gunicorn.conf.py`` takes
them too.
"""

from __future__ import annotations

import itertools
import os
import signal
from pathlib import Path
from types import FrameType
from typing import Any

from ..runtime.devices import WORKER_NUMBER

worker_class = "sam_mask_service.http.worker.Worker"
graceful_timeout = 60
"""Longer than any SAM_GRACE_SECONDS in use: the worker keeps its own time."""
keepalive = 5
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - heartbeats off a read-only or slow disk
control_socket_disable = True
"""The control socket would be one more door, and wants a writable home."""

_asked: list[int] = []
"""The signals to stop that came."""


def pre_fork(server: Any, worker: Any) -> None:
    """Gives the worker the lowest number that no other has: with several cards, each serves by its own."""
    taken = {getattr(other, "number", None) for other in server.WORKERS.values()}
    worker.number = next(number for number in itertools.count() if number not in taken)


def post_fork(_: Any, worker: Any) -> None:
    os.environ[WORKER_NUMBER] = str(worker.number)


def child_exit(server: Any, worker: Any) -> None:
    """Says what goes with a worker that nobody told to stop."""
    if not _asked:
        server.log.warning(
            "Worker %s has ended: pictures uploaded to /images are lost, a new worker starts", worker.pid
        )


def when_ready(server: Any) -> None:
    """A second SIGTERM or SIGINT ends everything at once; gunicorn itself would only queue it."""

    def stop(sig: int, frame: FrameType | None) -> None:
        if _asked:
            server.kill_workers(signal.SIGKILL)
            os._exit(1)
        _asked.append(sig)
        # SIGINT's own meaning here is a quick stop that cuts off accepted work; Ctrl-C deserves better.
        server.signal(signal.SIGTERM, frame)

    for sig in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sig, stop)
