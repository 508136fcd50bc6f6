"""Small networks that are fetched beside the first requests: the detector or the mesh engine is made anew when one has
come.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from .doors.weights_errors import WeightsError
from .errors import ServiceError

log = logging.getLogger(__name__)

State = Literal["awaited", "downloading", "ready", "failed"]


@dataclass(frozen=True, slots=True)
class Net:
    """``fetch`` brings its file, or raises a WeightsError; ``install`` makes what uses it and puts it in force."""

    name: str
    fetch: Callable[[], object]
    install: Callable[[], None]


@dataclass(frozen=True, slots=True)
class NetState:
    """``reason``: why it failed, in words fit for the public."""

    state: State = "awaited"
    reason: str | None = None


class Nets:
    """``missing``: what was not on this machine at the start and may be fetched, in order."""

    def __init__(self, missing: Sequence[Net] = ()) -> None:
        self._missing = missing
        self.states = {net.name: NetState() for net in missing}
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins in the background; returns at once."""
        if self._missing and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="fetch-nets", daemon=True)
            self._thread.start()

    def json(self) -> dict[str, dict[str, str]]:
        """For ``/health``: state by name, and the reason where there is one."""
        return {name: {k: v for k, v in asdict(state).items() if v} for name, state in self.states.items()}

    def _run(self) -> None:
        for net in self._missing:
            self.states[net.name] = NetState("downloading")
            self.states[net.name] = _brought(net)


def _brought(net: Net) -> NetState:
    try:
        net.fetch()
        net.install()
    except WeightsError as e:
        return _failed(net, str(e))
    except ServiceError as e:
        return _failed(net, e.detail)
    except Exception:
        log.exception("the net %s could not be loaded", net.name)
        return _failed(net, "It could not be loaded; the log says why.")
    log.info("The net %s is in force from now on", net.name)
    return NetState("ready")


def _failed(net: Net, reason: str) -> NetState:
    log.warning("The net %s is not there, masks are made without it: %s", net.name, reason)
    return NetState("failed", reason)
