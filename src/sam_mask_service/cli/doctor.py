"""``sam-mask doctor``: what is installed, what would serve and why, and a self-test on a picture. One line per
finding.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import typer

from .. import __version__
from ..doors import weights
from ..runtime.devices import DeviceUnavailable, choose_device, intel_gpu, look
from ..runtime.machine import cpu_threads, measure
from ..sam.advice import Advice, advise
from ..service import Service
from ..settings import SMALL_SAM, Settings, SettingsError, load, strays
from . import models
from .finding import Finding, Status
from .machine import cpu_flags, cpu_name, memory_bytes
from .recommend import recommended
from .selftest import masks

PACKAGES = ("numpy", "opencv-python-headless", "pillow", "openvino", "fastapi", "uvicorn")
CARD_WORKERS = 4
"""Fewer pictures at once make no batches worth the name."""
LOW_DISK = 1_000_000_000


def examine(image: Path | None, build: Callable[[Settings], Service], *, pull: bool = False) -> Iterator[Finding]:
    """All findings, as they come; the self-test and one recommendation last, and only where the settings are sound.
    ``pull``: fetch SAM first."""
    yield from machine()
    yield from packages()
    try:
        settings = load()
    except SettingsError as e:
        yield from (Finding("fail", "settings", line) for line in str(e).splitlines())
        return
    yield from (Finding("warn", "settings", line) for line in strays())
    yield from folders(settings)
    yield from access(settings)
    yield from model_files(settings, pull)
    yield from device(settings)
    advice = speed(settings)
    yield Finding("note", "speed", advice.text)
    trials = yield from masks(settings, image, build)
    yield Finding("note", "advice", recommended(settings, advice, trials))


def machine() -> Iterator[Finding]:
    """Version, system, processor and memory."""
    yield Finding(
        "note",
        "version",
        f"sam-mask {__version__}, Python {platform.python_version()}, {platform.platform(terse=True)}",
    )
    wide = [word for word in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if word in cpu_flags()]
    yield Finding(
        "note",
        "processor",
        f"{cpu_name()}, {cpu_threads(environment={})} of {os.cpu_count()} cores, {' '.join(wide) or 'no AVX2'}",
    )
    memory = memory_bytes()
    if memory is not None:
        status: Status = "ok" if memory >= 1e9 else "warn"
        yield Finding(status, "memory", f"{memory / 1e9:.1f} GB may be used")


def packages() -> Iterator[Finding]:
    """Versions of what masks are made with."""
    found = {name: _version(name) for name in PACKAGES}
    missing = [name for name, version in found.items() if version is None]
    if missing:
        yield Finding("fail", "packages", f"not installed: {', '.join(missing)}")
    yield Finding("note", "packages", ", ".join(f"{name} {version}" for name, version in found.items() if version))


def folders(settings: Settings) -> Iterator[Finding]:
    """The three folders of the service: can they be used as they must be?"""
    yield _writable("SAM_MODELS_DIR", settings.models_dir, "downloaded weights")
    yield _writable("SAM_OUTPUT_ROOT", settings.output_root, "/create_mask_file")
    there = settings.image_root.is_dir()
    use = "image_path may read from it" if there else "is not there: image_path finds nothing"
    yield Finding("ok" if there else "note", "SAM_IMAGE_ROOT", f"{settings.image_root} {use}")


def access(settings: Settings) -> Iterator[Finding]:
    """Who may call, and what the service may fetch."""
    if settings.api_key is None:
        yield Finding("note", "SAM_API_KEY", "not set: whoever reaches the port may use it")
    else:
        yield Finding("ok", "SAM_API_KEY", "set")
    if not settings.url_input:
        yield Finding("ok", "SAM_URL_INPUT", "off: no image_url")
    if settings.url_allow_networks:
        yield Finding("warn", "SAM_URL_ALLOW_NETWORKS", f"image_url may reach {', '.join(settings.url_allow_networks)}")


def device(settings: Settings) -> Iterator[Finding]:
    """Where SAM would compute, and why there."""
    try:
        found = choose_device(settings.device, settings.cuda_visible_devices, look, intel_gpu)
    except DeviceUnavailable as e:
        yield Finding("fail", "device", str(e))
        return
    yield Finding("ok", "device", f"{found.name}: {found.reason}")
    if found.by_torch and settings.workers < CARD_WORKERS:
        yield Finding(
            "note", "device", f"SAM_WORKERS={settings.workers} pictures at once keep a card idle; set one for each core"
        )


def speed(settings: Settings) -> Advice:
    """The machine's matrix rates, measured for a moment, and which SAM suits them."""
    threads = cpu_threads(settings.threads)
    return advise(measure(threads), threads)


def model_files(settings: Settings, pull: bool) -> Iterator[Finding]:
    """Which models are here, each verified. What nothing works without is fetched first, as every start does; SAM's own
    when that is asked for."""
    try:
        models.bring_needed(settings)
        if pull:
            models.fetch(weights.model(settings.model), settings)
    except weights.WeightsError as e:
        yield Finding("fail", "models", str(e))
    here = [item.row for item in weights.listing(settings.models_dir) if item.status != "absent"]
    for row in here:
        sound = weights.verify(row, settings.models_dir) == "ok"
        text = row.what if sound else f"{row.what}: damaged; sam-mask models pull {row.name}"
        yield Finding("ok" if sound else "fail", f"model {row.name}", text)
    if settings.engine != "mesh" and settings.checkpoint is None and settings.model not in {row.name for row in here}:
        yield Finding("note", "models", f"the weights of SAM {settings.model} are not here: {_absent(settings)}")


def _absent(settings: Settings) -> str:
    if settings.offline:
        return f"downloads are off (SAM_OFFLINE); put {weights.model(settings.model).file} into the models folder"
    small = weights.find(weights.model(SMALL_SAM), settings.models_dir) is not None
    meanwhile = SMALL_SAM if small or settings.engine == "auto" else "nothing"
    return (
        f"a server fetches them when it starts, {meanwhile} draws meanwhile; sam-mask models pull "
        f"{settings.model} does it now"
    )


def _writable(name: str, folder: Path, use: str) -> Finding:
    there = folder if folder.is_dir() else next((p for p in folder.resolve().parents if p.is_dir()), Path("/"))
    if not os.access(there, os.W_OK):
        return Finding("warn", name, f"{folder} cannot be written: no {use}")
    free = shutil.disk_usage(there).free
    return Finding("ok" if free >= LOW_DISK else "warn", name, f"{folder}, {free / 1e9:.1f} GB free ({use})")


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def report(findings: Iterator[Finding], as_json: bool) -> bool:
    """Prints the findings as they come; true when nothing failed."""
    sound = True
    for finding in findings:
        sound &= finding.status != "fail"
        line = (
            json.dumps(asdict(finding)) if as_json else f"{finding.status.upper():4}  {finding.topic}: {finding.text}"
        )
        typer.echo(line)
    return sound
