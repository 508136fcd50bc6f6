"""The way to a cluster. Whoever reaches an open cluster of Ray can run anything on it, so an open one is refused."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from ...errors import InvalidParameter, StoreRefused, StoreUnreachable

LOCAL = "local"
NEEDS = (2, 60)
_PROBE = "import ray, sys; ray.init(sys.argv[1], log_to_driver=False, logging_level='CRITICAL')"
_PROBE_S, _REACH_S = 60, 5
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """``address``: ``local`` starts one here for this run, with a token of its own; else ``auto`` or ``host:port``.
    ``insecure``: an open cluster is taken too. ``actors``: at most; None: as many as fit. ``cpus``, ``gpus``: of each,
    which may be parts of a card."""

    address: str = LOCAL
    insecure: bool = False
    actors: int | None = None
    cpus: float = 1.0
    gpus: float = 0.0


def connect(cluster: Cluster) -> Any:
    """The module ``ray``, connected. Raises InvalidParameter (no Ray, too old, another version than the cluster's, an
    open cluster), StoreUnreachable, StoreRefused (another token)."""
    _quiet()
    if cluster.address == LOCAL:
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    elif os.environ.get("RAY_AUTH_MODE", "").lower() != "token" and not cluster.insecure:
        raise InvalidParameter("Set RAY_AUTH_MODE=token here and on the cluster; --insecure takes an open one.")
    ray = _imported()
    _reached(cluster.address)
    if cluster.address != LOCAL and not cluster.insecure and _is_open(cluster.address):
        raise InvalidParameter("This cluster is open to all. Start it with RAY_AUTH_MODE=token; --insecure takes it.")
    try:
        _started(ray, cluster)
    except Exception as error:
        raise _in_words(error, cluster.address) from error
    return ray


def _imported() -> Any:
    try:
        import ray
        import ray.data
    except ImportError:
        raise InvalidParameter("--runner ray needs a library: pip install 'sam-mask-api[ray]'") from None
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)
    version = tuple(int(part) for part in ray.__version__.split(".")[:2])
    if version < NEEDS:
        wanted = ".".join(map(str, NEEDS))
        raise InvalidParameter(f"--runner ray needs Ray {wanted} or newer; {ray.__version__} is installed.")
    return ray


def _reached(address: str) -> None:
    """Ray itself would try for a minute. Raises StoreUnreachable."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdigit():
        try:
            socket.create_connection((host.strip("[]"), int(port)), _REACH_S).close()
        except OSError:
            raise StoreUnreachable(f"There is no Ray cluster at {address}.") from None


def _started(ray: Any, cluster: Cluster) -> None:
    if cluster.address == LOCAL:
        ray.init(
            address=LOCAL,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    else:
        ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)


def _is_open(address: str) -> bool:
    """Whether a process without a token is let in. Asked in one of its own: Ray reads this once per process."""
    without = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    command = [sys.executable, "-c", _PROBE, address]
    try:
        asked = subprocess.run(  # noqa: S603 - our own interpreter
            command, env={**without, "RAY_AUTH_MODE": "disabled"}, capture_output=True, timeout=_PROBE_S, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0


def _quiet() -> None:
    """No report of use to anyone, and one progress bar: ours."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")


def _in_words(error: Exception, address: str) -> Exception:
    words = str(error)
    if "ersion mismatch" in words:
        return InvalidParameter("This cluster runs another version of Ray or Python: install the same here.")
    if "uthentication" in f"{type(error).__name__} {words}" or "token" in words.lower():
        return StoreRefused("The cluster does not accept this token (RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH).")
    return StoreUnreachable(f"There is no Ray cluster at {address}.")
