"""Builds a ``Service`` from settings with the real detector, nets and engines."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

import cv2

from .doors import weights
from .doors.weights_errors import WeightsError
from .engines import Engines, Loader, Report, Rung
from .errors import EngineUnavailable
from .faces.build import build_detector
from .faces.detector import FaceDetector
from .faces.ensemble import MEMBERS
from .models.row import ModelRow
from .nets import Net, Nets
from .runtime import devices, heap
from .runtime.devices import Device, DeviceUnavailable
from .sam.checkpoint_errors import CheckpointError
from .segment.cutter import Cutter
from .segment.mesh import MeshSegmenter
from .segment.segmenter import Segmenter
from .service import Service
from .settings import SMALL_SAM, Settings

if TYPE_CHECKING:
    from .sam.backend import SamBackend

log = logging.getLogger(__name__)


def build(settings: Settings, *, fetch_nets: bool = True) -> Service:
    """The service that a user gets. Loads the face models (a fraction of a second, once they are here); SAM is loaded
    by ``Service.start``, its network from now on where the weights are on the disk. ``fetch_nets``: small nets that are
    not here come after the start. Raises EngineUnavailable where what nothing works without can be had from nowhere,
    and where the device that was asked for is not there."""
    heap.restrain()
    device = device_of(settings)
    bring_needed(settings)
    cv2.setNumThreads(1)  # requests run beside one another; threads inside each would only get in their way
    steps = sam_steps(settings)
    network = begin(steps[0], device) if steps else None
    with ThreadPoolExecutor(2) as pool:  # compiling is most of the start, and each takes one core
        mesh_soon = pool.submit(build_mesh, settings)
        detector = detector_of(settings)
        mesh = mesh_soon.result()
    ladder = [
        Rung(step.model, sam_loader(step, mesh, device, None if i else network), here=not i and network is not None)
        for i, step in enumerate(steps)
    ]
    service = Service(settings, detector, Engines(settings.engine, mesh, ladder))
    service.device = device
    if fetch_nets and not settings.offline:
        service.nets = Nets(small_nets(service))
    return service


def device_of(settings: Settings) -> Device:
    """Where SAM is to compute. Raises EngineUnavailable."""
    if settings.engine == "mesh":
        return Device("cpu", "SAM_ENGINE=mesh")
    try:
        wish, visible = settings.device, settings.cuda_visible_devices
        return devices.choose_device(wish, visible, devices.look, devices.intel_gpu, devices.worker_number())
    except DeviceUnavailable as e:
        raise EngineUnavailable(str(e)) from e


def bring_needed(settings: Settings) -> None:
    """Fetches the face models where they are not on this machine. Raises EngineUnavailable."""
    try:
        weights.pull_needed(settings.models_dir, mirror=settings.models_mirror, offline=settings.offline)
    except WeightsError as e:
        raise EngineUnavailable(str(e)) from e


def sam_steps(settings: Settings) -> list[Settings]:
    """The settings of each SAM to load, in their order. ``auto`` does not wait for a download: ``SMALL_SAM`` draws
    until then.
    """
    if settings.engine == "mesh":
        return []
    at_once = settings.checkpoint is not None or weights.seems_whole(weights.model(settings.model), settings.models_dir)
    if settings.engine == "sam" or settings.model == SMALL_SAM or at_once:
        return [settings]
    return [settings.model_copy(update={"model": SMALL_SAM}), settings]


def build_mesh(settings: Settings) -> MeshSegmenter:
    """The mesh engine with whichever of its optional nets are installed."""
    hair, parsing = optional("hair", settings), optional("face-parsing", settings)
    return MeshSegmenter(hair, parsing, requests=settings.workers, models=settings.models_dir)


def detector_of(settings: Settings) -> FaceDetector:
    """The detector, with whichever of the ensemble's other networks are installed."""
    files = {member.name: optional(member.name, settings) for member in MEMBERS}
    return build_detector(files, settings.models_dir, threads=settings.workers)


def small_nets(service: Service) -> list[Net]:
    """The small nets that are not on this machine: how each is fetched, and put in force."""
    settings = service.settings
    install: dict[str, Callable[[], None]] = {
        **{member.name: lambda: service.renew_detector(detector_of(settings)) for member in MEMBERS},
        "hair": lambda: service.engines.renew(build_mesh(settings)),
    }
    missing = [row for row in map(weights.model, install) if weights.find(row, settings.models_dir) is None]
    return [Net(row.name, partial(_pull, row, settings), install[row.name]) for row in missing]


def optional(name: str, settings: Settings) -> Path | None:
    """The path of an installed optional model; None when it is not installed. A damaged one is said in the log and not
    used.
    """
    row = weights.model(name)
    file = weights.find(row, settings.models_dir)
    if file is not None and weights.verify(row, settings.models_dir) != "ok":
        log.error("The file of the model %s is damaged and is not used: sam-mask models pull %s", name, name)
        return None
    return file


@dataclass(frozen=True, slots=True)
class PendingSam:
    """SAM's network on its way: read and compiled in a thread of its own. ``row``: what ``file`` must turn out to be
    before anything is answered by it; None for a file of the user's own."""

    row: ModelRow | None
    file: IO[bytes]
    soon: Future[SamBackend]

    def result(self) -> SamBackend:
        """The file is read through for its hash beside compiling. Raises WeightsError, CheckpointError,
        ArithmeticUnavailable, DeviceUnavailable.
        """
        with self.file:
            if self.row is not None:
                weights.check(self.row, self.file)
            return self.soon.result()


def begin(settings: Settings, device: Device) -> PendingSam | None:
    """None where the weights are not there, or cannot be used (who then loads them is told why)."""
    try:
        return _network(settings, device)
    except WeightsError:
        return None


def _network(settings: Settings, device: Device) -> PendingSam:
    if settings.checkpoint is not None:
        row, file = None, weights.open_checkpoint(settings.checkpoint)
    else:
        row = weights.model(settings.model)
        file = weights.open_unverified(row, settings.models_dir)
    pool = ThreadPoolExecutor(1, "sam-network")
    soon = pool.submit(_compiled, file, settings, device)
    pool.shutdown(wait=False)
    return PendingSam(row, file, soon)


def _compiled(file: IO[bytes], settings: Settings, device: Device) -> SamBackend:
    from .sam.load import load_sam_on  # brings the network's graphs: only who wants SAM pays for them

    return load_sam_on(device, file, precision=settings.precision, threads=settings.threads)


def sam_loader(settings: Settings, mesh: Cutter, device: Device, network: PendingSam | None = None) -> Loader:
    """What ``Engines`` runs in the background: awaits ``network``; without one, downloads SAM where it is missing and
    loads it.
    """

    def load(report: Report) -> Segmenter:
        from .runtime.machine import ArithmeticUnavailable
        from .segment.sam import SamSegmenter

        try:
            if network is None:
                _fetch_missing(settings, report)
            report("loading", None)
            backend = (network or _network(settings, device)).result()
        except CheckpointError as e:
            own = "SAM_CHECKPOINT: " if settings.checkpoint is not None else ""
            raise EngineUnavailable(f"{own}{e}") from e
        except (WeightsError, ArithmeticUnavailable, DeviceUnavailable) as e:
            raise EngineUnavailable(str(e)) from e
        return SamSegmenter(backend, mesh, threads=settings.threads)

    return load


def _fetch_missing(settings: Settings, report: Report) -> None:
    """Downloads the chosen model unless its file, or a file of the user's own, is there."""
    row = weights.model(settings.model)
    if settings.checkpoint is not None or weights.find(row, settings.models_dir) is not None:
        return

    def progress(done: int, total: int) -> None:
        report("downloading", 100 * done / max(1, total))

    report("downloading", 0.0)
    _pull(row, settings, progress)


def _pull(row: ModelRow, settings: Settings, progress: weights.Progress | None = None) -> None:
    weights.pull(row, settings.models_dir, mirror=settings.models_mirror, offline=settings.offline, progress=progress)
