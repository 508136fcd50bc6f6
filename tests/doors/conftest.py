"""A host of model files."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sam_mask_service.doors.package_index import VARIABLES

from ..support.model_host import Host, hosting

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """On the loopback, met without the machine's proxies and package index."""
    for name in (*PROXIES, *VARIABLES):
        monkeypatch.delenv(name, raising=False)
    with hosting() as state:
        yield state
