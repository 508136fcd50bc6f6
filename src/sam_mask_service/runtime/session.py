"""A network that is ready to run: all that the rest of the service knows of a runtime.

OpenVINO's is in ``openvino.py``. Another runtime brings a class of this protocol for what it compiles; where it computes on a
device of its own, inputs go there and outputs come back in ``run``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..deadline import NO_DEADLINE, Deadline

Tensor = NDArray[np.float32]


class Session(Protocol):
    """Thread-safe: callers beyond those that it can serve at once take turns."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of what ``run`` returns, in its order; empty words where the network names nothing."""
        ...

    def run(self, inputs: Sequence[Tensor], deadline: Deadline = NO_DEADLINE) -> list[Tensor]:
        """The network's outputs for its inputs, both in its own order. The arrays returned are the caller's own; those given are
        not kept. A turn is waited for until ``deadline``; a run that has begun is not broken off.

        Raises DeadlinePassed, ClientLeft.
        """
        ...
