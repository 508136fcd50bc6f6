"""gunicorn's settings, for ``-c python:sam_mask_service.http.gunicorn``; the repository's ``gunicorn.conf.py`` takes
them too.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..sessions.shared_folder import SharedFolder

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
_folders: list[SharedFolder] = []
"""The folder of uploads that the workers share, where they do. The master alone removes it."""


def on_starting(server: Any) -> None:
    """Several workers keep uploads where each of them finds them."""
    if server.cfg.workers > 1 and (wanted := _in_memory()):
        from ..sessions.shared_folder import SharedFolder

        _folders.append(folder := SharedFolder(wanted))
        os.environ["SAM_IMAGES_URL"] = folder.path.as_uri()
        server.log.info("%s workers share the pictures uploaded to /images in %s", server.cfg.workers, folder.path)
        if folder.free < wanted:
            server.log.warning("SAM_IMAGES_BYTES is %s, and there is room for %s only", wanted, folder.free)


def on_exit(server: Any) -> None:
    del server
    for folder in _folders:
        folder.remove()


def nworkers_changed(server: Any, new_value: int, old_value: int | None) -> None:
    """Says what TTIN breaks: a second worker beside one that keeps uploads for itself."""
    if old_value == 1 and new_value > 1 and _in_memory():
        server.log.warning("A picture uploaded to /images is known to one worker alone: start with --workers 2 or more")


def pre_fork(server: Any, worker: Any) -> None:
    """Gives the worker the lowest number that no other has: with several cards, each serves by its own."""
    taken = {getattr(other, "number", None) for other in server.WORKERS.values()}
    worker.number = next(number for number in itertools.count() if number not in taken)


def post_fork(_: Any, worker: Any) -> None:
    os.environ[WORKER_NUMBER] = str(worker.number)


def child_exit(server: Any, worker: Any) -> None:
    """Says what goes with a worker that nobody told to stop."""
    if not _asked:
        lost = "pictures uploaded to /images are lost, " if _in_memory() else ""
        server.log.warning("Worker %s has ended: %sa new worker starts", worker.pid, lost)


def _in_memory() -> int:
    """Bytes that each worker may keep of uploads in its own memory; 0 where it keeps none there. Settings that are not
    valid are the workers' to name.
    """
    from ..settings import SettingsError, load

    with contextlib.suppress(SettingsError):
        settings = load()
        return 0 if settings.images_url else settings.images_bytes
    return 0


def when_ready(server: Any) -> None:
    """A second SIGTERM or SIGINT ends everything at once; gunicorn itself would only queue it."""

    def stop(sig: int, frame: FrameType | None) -> None:
        if _asked:
            server.kill_workers(signal.SIGKILL)
            on_exit(server)
            os._exit(1)
        _asked.append(sig)
        # SIGINT's own meaning here is a quick stop that cuts off accepted work; Ctrl-C deserves better.
        server.signal(signal.SIGTERM, frame)

    for sig in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sig, stop)
