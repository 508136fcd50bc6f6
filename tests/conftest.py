"""No test meets model files of the machine that it runs on, and none downloads: what needs the real weights asks for
them (support/real_weights.py)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from .support.redis_server import PROGRAM, Running, redis_server

settings.register_profile("suite", deadline=None)  # no test asserts a time
settings.load_profile("suite")


@pytest.fixture(scope="session", autouse=True)
def no_models_of_this_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For started servers and commands too: they inherit the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAM_MODELS_DIR", str(tmp_path_factory.mktemp("no-models")))
        if "SAM_OFFLINE" not in os.environ:
            patch.setenv("SAM_OFFLINE", "true")
        yield


def _is_of_a_traced_part(test: Path, traced: list[str]) -> bool:
    """Whether ``test`` mirrors a part of the source that coverage is asked of: tests/image/…, tests/test_mask.py."""
    first = test.relative_to(Path(__file__).parent).parts[0].removeprefix("test_")
    parts = [pattern.removeprefix("src/sam_mask_service/").split("/")[0].removesuffix(".py") for pattern in traced]
    return any(first.startswith(part) for part in parts)


@pytest.fixture(autouse=True)
def tests_of_the_traced_parts_alone_are_traced(request: pytest.FixtureRequest, cov: Any) -> Iterator[None]:
    """The pure parts owe every branch to their own tests; tracing all others doubles what they compute."""
    if cov is None or _is_of_a_traced_part(request.path, cov.get_option("run:include")):
        yield
        return
    cov.stop()
    yield
    cov.start()


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running | None]:
    """None where there is no redis-server here."""
    if not PROGRAM:
        yield None
        return
    with redis_server(tmp_path_factory.mktemp("redis")) as running:
        yield running
