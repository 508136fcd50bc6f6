"""As many connections as the process has file descriptors for."""

from __future__ import annotations

import contextlib
import logging
from typing import Any

from ..limits import WIRE

try:
    import resource as _resource
except ImportError:  # no such limit on this system
    resource: Any = None
else:
    resource = _resource

log = logging.getLogger(__name__)
_OWN = 150
"""Descriptors for models, fetches, files and pipes."""


def fitting(connections: int) -> int:
    """``connections``, or as many as there is room for, which is said in the log. Raises the soft limit where that
    helps.
    """
    if resource is None:
        return connections
    wanted = connections + WIRE.backlog + _OWN
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return connections
    most = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    soft = int(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    room = max(1, soft - WIRE.backlog - _OWN)
    if room < connections:
        log.warning("SAM_MAX_CONNECTIONS=%d does not fit ulimit -n %d: %d are taken", connections, soft, room)
    return min(connections, room)
