"""Builds a ``Service`` from settings with the real detector, nets and engines."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import cv2

from .doors import weights
from .doors.weights_errors import WeightsError
from .engines import Engines, Loader, Report
from .errors import EngineUnavailable
from .faces.build import build_detector
from .sam.checkpoint import CheckpointError
from .segment.mesh import MeshSegmenter
from .segment.segmenter import Segmenter
from .service import Service
from .settings import Settings

log = logging.getLogger(__name__)


def build(settings: Settings) -> Service:
    """The service that a user gets. Loads the face models (a fraction of a second); SAM is loaded by ``Service.start``."""
    cv2.setNumThreads(1)  # requests run beside one another; threads inside each would only get in their way
    with ThreadPoolExecutor(2) as pool:  # compiling is most of the start, and each takes one core
        mesh_soon = pool.submit(build_mesh, settings)
        detector = build_detector(optional("yunet", settings), threads=settings.workers)
        mesh = mesh_soon.result()
    return Service(settings, detector, Engines(settings.engine, mesh, sam_loader(settings, mesh)))


def build_mesh(settings: Settings) -> MeshSegmenter:
    """The mesh engine with whichever of its optional nets are installed."""
    return MeshSegmenter(optional("hair", settings), optional("face-parsing", settings), requests=settings.workers)


def optional(name: str, settings: Settings) -> Path | None:
    """The path of an installed optional model; None when it is not installed. A damaged one is said in the log and not used."""
    row = weights.model(name)
    status = weights.verify(row, settings.models_dir)
    if status == "damaged":
        log.error("The file of the model %s is damaged and is not used: sam-mask models pull %s", name, name)
    return weights.path(row, settings.models_dir) if status == "ok" else None


def sam_loader(settings: Settings, mesh: Segmenter) -> Loader:
    """What ``Engines`` runs in the background: downloads SAM where it is missing, then loads it."""

    def load(report: Report) -> Segmenter:
        from .sam.load import load_sam  # brings the network's graphs: only who wants SAM pays for them
        from .sam.machine import ArithmeticUnavailable
        from .segment.sam import SamSegmenter

        try:
            with _weights(settings, report) as file:
                report("loading", None)
                backend = load_sam(file, precision=settings.precision, threads=settings.threads)
        except (WeightsError, CheckpointError, ArithmeticUnavailable) as e:
            raise EngineUnavailable(str(e)) from e
        return SamSegmenter(backend, mesh)

    return load


def _weights(settings: Settings, report: Report) -> IO[bytes]:
    """The checkpoint, opened: the user's own file, or the chosen model's, downloaded first where it is missing."""
    if settings.checkpoint is not None:
        return weights.open_checkpoint(settings.checkpoint)
    row = weights.model(settings.model)

    def progress(done: int, total: int) -> None:
        report("downloading", 100 * done / max(1, total))

    if not weights.path(row, settings.models_dir).exists():
        report("downloading", 0.0)
        weights.pull(
            row, settings.models_dir, mirror=settings.models_mirror, offline=settings.offline, progress=progress
        )
    return weights.open_model(row, settings.models_dir)
