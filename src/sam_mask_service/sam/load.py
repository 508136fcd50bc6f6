"""From an opened checkpoint to a SAM that runs: read, recognise, choose the arithmetic, build and compile (about a
second).
"""

from __future__ import annotations

from typing import IO

from ..runtime.machine import EXACT, ArithmeticUnavailable, Wish, choose, cpu_threads
from .architecture import detect
from .architectures import family_of
from .backend import Sam
from .checkpoint import read_state


def load_sam(
    file: IO[bytes], *, precision: Wish = "auto", threads: int | None = None, image_size: int | None = None
) -> Sam:
    """``file``: an opened checkpoint of SAM ViT-B/-L/-H or MobileSAM (doors/weights.py opens it); may be closed
    afterwards.

    ``threads``: at most so many (default ``OMP_NUM_THREADS``), never more than the cgroup allows. Raises a
    CheckpointError, or ArithmeticUnavailable.
    """
    state = read_state(file)
    architecture = detect(state, image_size)
    cores = cpu_threads(threads)
    arithmetic = choose(precision, cores)
    if arithmetic.precision == "int8" and not family_of(architecture).linear:
        raise ArithmeticUnavailable(
            f"{family_of(architecture).title} has no layers that int8 would compute; set SAM_PRECISION to auto or f32."
        )
    try:
        return Sam(state, architecture, arithmetic, cores)
    except RuntimeError as e:  # OpenVINO's only kind of error
        if arithmetic == EXACT:
            raise
        raise ArithmeticUnavailable(
            f"This machine cannot run SAM in {precision}; set SAM_PRECISION to auto or f32."
        ) from e
