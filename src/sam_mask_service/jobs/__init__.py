"""Jobs: work that is taken in now, worked off beside requests, and asked for later.

Where they are kept is a row of ``STORES``: in one SQLite file, for the processes of one machine, or in a Redis that any
number of machines share, with Taskiq for who works on what.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from urllib.parse import urlsplit

from ..doors.webhook import Webhooks
from ..errors import InvalidParameter, JobsOff
from ..reader import line_of
from ..service import Service
from ..settings import Settings, SettingsError
from ..tasks import Task
from .job import DELIVERIES, STATES, Entry, Job, Limits, Wanted
from .local_queue import LocalQueue
from .runner import Render, Runner
from .sqlite_store import SqliteStore
from .store import JobStore, Queue
from .taskiq_queue import open_redis

__all__ = ["DELIVERIES", "STATES", "STORES", "Entry", "Job", "JobStore", "Jobs", "Render", "Wanted"]


class Jobs:
    """What the shell needs. ``endpoints``: the tasks that a job may ask for, by their paths without the slash."""

    def __init__(
        self, service: Service, tasks: Sequence[Task], render: Render, webhooks: Webhooks | None = None
    ) -> None:
        settings = service.settings
        self.endpoints = {task.path.removeprefix("/"): task for task in tasks if task.later}
        self._webhooks = webhooks or Webhooks(line_of(settings))
        self._secret = settings.webhook_secret.get_secret_value() if settings.webhook_secret else ""
        self._store: JobStore | None = None
        self.runner: Runner | None = None
        if settings.jobs_dir is not None or settings.jobs_at:
            self._store, queue = STORES[urlsplit(settings.jobs_at).scheme](settings, _limits(settings))
            self.runner = Runner(service, self.endpoints, self._store, queue, self._webhooks, self._secret, render)

    @property
    def on(self) -> bool:
        return self._store is not None

    @property
    def store(self) -> JobStore:
        """Raises JobsOff."""
        if self._store is None:
            raise JobsOff
        return self._store

    async def check_webhook(self, url: str) -> None:
        """Raises InvalidParameter and WebhookRefused for one that would not be called."""
        if not self._secret:
            raise InvalidParameter("webhook: this service signs none (setting SAM_WEBHOOK_SECRET); ask for the status.")
        await self._webhooks.check(url)

    def wake(self) -> None:
        """There is a new job."""
        if self.runner is not None:
            self.runner.wake()

    def start(self) -> None:
        if self.runner is not None:
            self.runner.start()

    async def close(self) -> None:
        if self.runner is not None:
            await self.runner.close()
        if self._store is not None:
            self._store.close()


def _limits(settings: Settings) -> Limits:
    return Limits(settings.jobs_max, settings.jobs_bytes, settings.jobs_seconds)


def _sqlite(settings: Settings, limits: Limits) -> tuple[JobStore, Queue]:
    assert settings.jobs_dir is not None  # noqa: S101 - asked before
    try:
        store = SqliteStore(settings.jobs_dir, limits)
    except OSError as error:
        raise SettingsError(f"SAM_JOBS_DIR: jobs cannot be kept in {settings.jobs_dir}: {error}") from None
    return store, LocalQueue(store, settings.jobs_dir / "runner.lock")


def _redis(settings: Settings, limits: Limits) -> tuple[JobStore, Queue]:
    return open_redis(settings.jobs_at, limits)


STORES: Mapping[str, Callable[[Settings, Limits], tuple[JobStore, Queue]]] = MappingProxyType(
    {"": _sqlite, "redis": _redis, "rediss": _redis, "unix": _redis}
)
"""Scheme of SAM_JOBS_URL → what it opens. Raises SettingsError."""
