"""Jobs: work that is taken in now and asked for later. One SQLite file in ``SAM_JOBS_DIR``, worked off beside requests;
several processes of one machine may share it, several machines may not.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..doors.webhook import Webhooks
from ..errors import InvalidParameter, JobsOff
from ..reader import line_of
from ..service import Service
from ..settings import Settings, SettingsError
from ..tasks import Task
from .job import DELIVERIES, STATES, Entry, Job, Limits, Wanted
from .runner import Render, Runner
from .store import JobStore

__all__ = ["DELIVERIES", "STATES", "Entry", "Job", "Jobs", "Render", "Wanted"]


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
        if settings.jobs_dir is not None:
            self._store = _opened(settings)
            lock = settings.jobs_dir / "runner.lock"
            self.runner = Runner(service, self.endpoints, self._store, self._webhooks, self._secret, render, lock)

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


def _opened(settings: Settings) -> JobStore:
    assert settings.jobs_dir is not None  # noqa: S101 - asked before
    limits = Limits(settings.jobs_max, settings.jobs_bytes, settings.jobs_seconds)
    try:
        return JobStore(settings.jobs_dir, limits)
    except OSError as error:
        raise SettingsError(f"SAM_JOBS_DIR: jobs cannot be kept in {settings.jobs_dir}: {error}") from None
