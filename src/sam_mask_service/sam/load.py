"""From an opened checkpoint to a SAM that runs: read, recognise, choose the arithmetic, build and compile (about a
second).
"""

from __future__ import annotations

from typing import IO

from ..errors import DeviceFull, DeviceLost
from ..runtime.devices import Device, DeviceUnavailable
from ..runtime.machine import EXACT, Arithmetic, ArithmeticUnavailable, Wish, choose, cpu_threads
from .architecture import detect
from .architectures import family_of
from .backend import Sam, SamBackend
from .card import CardSam
from .checkpoint import State, read_state
from .config import Architecture


def load_sam(
    file: IO[bytes], *, precision: Wish = "auto", threads: int | None = None, image_size: int | None = None
) -> Sam:
    """On the CPU. ``file``: an opened checkpoint of SAM ViT-B/-L/-H or MobileSAM (doors/weights.py opens it); may be
    closed afterwards.

    ``threads``: at most so many (default ``OMP_NUM_THREADS``), never more than the cgroup allows. Raises a
    CheckpointError, or ArithmeticUnavailable.
    """
    state = read_state(file)
    return _on_cpu(state, detect(state, image_size), precision, cpu_threads(threads))


def load_sam_on(
    device: Device,
    file: IO[bytes],
    *,
    precision: Wish = "auto",
    threads: int | None = None,
    image_size: int | None = None,
) -> SamBackend:
    """As ``load_sam``, on any device. Raises DeviceUnavailable too."""
    if device.name == "cpu":
        return load_sam(file, precision=precision, threads=threads, image_size=image_size)
    state = read_state(file)
    architecture, cores = detect(state, image_size), cpu_threads(threads)
    if device.name == "intel-gpu":
        return _on_intel(state, architecture, precision, cores)
    return _on_card(state, architecture, precision, cores, device)


def _on_cpu(state: State, architecture: Architecture, precision: Wish, cores: int) -> Sam:
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


def _on_intel(state: State, architecture: Architecture, precision: Wish, cores: int) -> Sam:
    from ..runtime.openvino import INTEL_GPU

    chosen = "f16" if precision == "auto" else precision
    if chosen not in ("f16", "f32") or (chosen == "f16" and not family_of(architecture).f16):
        raise ArithmeticUnavailable(f"SAM_PRECISION={precision} does not go on intel-gpu; set f32.")
    try:
        return Sam(state, architecture, Arithmetic(chosen, chosen), cores, INTEL_GPU)
    except RuntimeError as e:
        raise DeviceUnavailable("The Intel GPU cannot run SAM; SAM_DEVICE=cpu does.") from e


def _on_card(state: State, architecture: Architecture, precision: Wish, cores: int, device: Device) -> CardSam:
    from ..runtime.torch_card import card_of, unusable  # brings torch: only who has a card pays for it

    card = card_of(device.name, cores)
    family = family_of(architecture)
    chosen = card.precision(precision)
    if chosen == "f16" and not family.f16:
        if precision == "f16":
            raise ArithmeticUnavailable(f"{family.title} leaves the range of f16; set SAM_PRECISION to bf16 or f32.")
        chosen = "f32"
    try:
        return CardSam(state, architecture, chosen, card)
    except DeviceFull as e:
        raise DeviceUnavailable(
            f"{device.name} has not enough free memory for {architecture.name}: another program may hold it, or "
            "SAM_MODEL=mobile_sam needs less."
        ) from e
    except DeviceLost as e:
        raise DeviceUnavailable(unusable(device.name, e.__cause__ or e)) from e
