"""Fixtures of the attack cases. Case ids (A01 …) are the ids of the table rows; ``docs/security.md`` lists them by
group.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..support.scene import service
from ..support.wire import Client, Server, started

LIMITS: dict[str, Any] = {
    "head_seconds": 1,
    "body_seconds": 1,
    "write_seconds": 1,
    "max_connections": 80,
    "max_bytes": 1_000_000,
    "grace_seconds": 3,
    "url_seconds": 2,
}
"""Short limits instead of long tests."""


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """The application on fakes in this process."""
    made = Client(service(tmp_path, max_bytes=1_000_000))
    yield made
    made.close()


@pytest.fixture(scope="session", params=["serve", "gunicorn"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A started server with short limits, in both ways to start one; shared by all cases that leave it as it was."""
    with started(request.param, tmp_path_factory.mktemp("server"), **LIMITS) as running:
        yield running
