"""What gunicorn's hooks do: each worker gets the lowest free number, also one that takes another's place."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sam_mask_service.http import gunicorn
from sam_mask_service.runtime.devices import worker_number


def test_workers_are_numbered_and_their_successors_take_over(monkeypatch: pytest.MonkeyPatch) -> None:
    server: Any = SimpleNamespace(WORKERS={})
    for pid in (10, 11, 12):
        server.WORKERS[pid] = SimpleNamespace()
        gunicorn.pre_fork(server, server.WORKERS[pid])
    assert [worker.number for worker in server.WORKERS.values()] == [0, 1, 2]
    del server.WORKERS[11]
    heir = SimpleNamespace()
    gunicorn.pre_fork(server, heir)
    assert heir.number == 1
    monkeypatch.setenv("_SAM_MASK_WORKER", "")
    gunicorn.post_fork(server, heir)
    assert worker_number() == 1
