"""The way to a cluster: what is refused, and in which words."""

from __future__ import annotations

import importlib.util
import sys
import types
from typing import Any

import pytest

from sam_mask_service.bulk.cluster import connect as connecting
from sam_mask_service.bulk.cluster.connect import Cluster, connect
from sam_mask_service.errors import InvalidParameter, ServiceError, StoreRefused, StoreUnreachable


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A Ray that connects to anything; ``ray.raises`` is raised instead."""
    fake: Any = types.ModuleType("ray")
    fake.__version__, fake.raises, fake.data = "2.60.0", None, types.ModuleType("ray.data")

    def init(**_: Any) -> None:
        if fake.raises is not None:
            raise fake.raises

    fake.init = init
    monkeypatch.setitem(sys.modules, "ray", fake)
    monkeypatch.setitem(sys.modules, "ray.data", fake.data)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 64)
    monkeypatch.setattr(connecting, "_is_open", lambda address: False)
    return fake


def test_a_cluster_without_a_token_is_refused(ray: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_AUTH_MODE")
    with pytest.raises(InvalidParameter, match="RAY_AUTH_MODE=token"):
        connect(Cluster("auto"))
    assert connect(Cluster("auto", insecure=True)) is ray


def test_a_cluster_that_is_open_to_all_is_refused(ray: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "_is_open", lambda address: True)
    with pytest.raises(InvalidParameter, match="open to all"):
        connect(Cluster("auto"))
    assert connect(Cluster("auto", insecure=True)) is ray and connect(Cluster()) is ray


def test_an_old_ray_is_refused(ray: Any) -> None:
    ray.__version__ = "2.9.3"
    with pytest.raises(InvalidParameter, match=r"2\.60 or newer; 2\.9\.3"):
        connect(Cluster())


@pytest.mark.parametrize(
    ("raised", "kind", "words"),
    [
        (RuntimeError("Version mismatch: The cluster has: Ray: 2.50.0"), InvalidParameter, "another version"),
        (RuntimeError("RPC error: InvalidAuthToken: Authentication token is incorrect"), StoreRefused, "this token"),
        (ConnectionError("Could not find any running Ray instance"), StoreUnreachable, "no Ray cluster at auto"),
    ],
)
def test_what_ray_raises_is_said_in_a_sentence(
    ray: Any, raised: Exception, kind: type[ServiceError], words: str
) -> None:
    ray.raises = raised
    with pytest.raises(kind, match=words):
        connect(Cluster("auto"))


def test_a_cluster_that_is_not_there(ray: Any) -> None:
    with pytest.raises(StoreUnreachable, match="no Ray cluster at 127"):
        connect(Cluster("127.0.0.1:9"))


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed")
def test_without_ray_the_extra_is_named() -> None:
    with pytest.raises(InvalidParameter, match=r"sam-mask-api\[ray\]"):
        connect(Cluster())
