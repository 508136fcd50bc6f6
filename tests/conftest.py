"""No test meets model files of the machine that it runs on, and none downloads: what needs the real weights asks for
them (support/real_weights.py)."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from .support.redis_server import PROGRAM, Running, redis_server


@pytest.fixture(scope="session", autouse=True)
def no_models_of_this_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For started servers and commands too: they inherit the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAM_MODELS_DIR", str(tmp_path_factory.mktemp("no-models")))
        if "SAM_OFFLINE" not in os.environ:
            patch.setenv("SAM_OFFLINE", "true")
        yield


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running | None]:
    """None where there is no redis-server here."""
    if not PROGRAM:
        yield None
        return
    with redis_server(tmp_path_factory.mktemp("redis")) as running:
        yield running
