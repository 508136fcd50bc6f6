"""A network that is ready to run: all that the rest of the service knows of a runtime.

OpenVINO's is in ``openvino.py``. Another runtime is another ``Runtime``, whose sessions compute on a device of their
own: inputs go there and outputs come back in ``run``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..deadline import NO_DEADLINE, Deadline
from .machine import Arithmetic
from .ops import Model

Tensor = NDArray[np.float32]


class Session(Protocol):
    """Thread-safe: callers beyond those that it can serve at once take turns."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of what ``run`` returns, in its order; empty words where the network names nothing."""
        ...

    def run(self, inputs: Sequence[Tensor], deadline: Deadline = NO_DEADLINE) -> list[Tensor]:
        """The network's outputs for its inputs, both in its own order. The arrays returned are the caller's own; those
        given are not kept. A turn is waited for until ``deadline``; a run that has begun is not broken off.

        Raises DeadlinePassed, ClientLeft.
        """
        ...


@dataclass(frozen=True, slots=True)
class Runtime:
    """``device``: what ``/health`` calls it. ``session`` makes a graph of ``ops`` ready to run, in this arithmetic,
    with so many CPU threads at most. It raises RuntimeError where the machine cannot compute so."""

    device: str
    session: Callable[[Model, Arithmetic, int], Session]
