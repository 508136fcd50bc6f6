"""``sam-mask doctor``: what is installed, what would serve and why, and a self-test on a picture. One line per finding."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import typer

from .. import __version__
from ..answer import MaskAnswer
from ..errors import ServiceError
from ..image import decode, encode
from ..params import MaskParams, Source
from ..service import Service
from ..settings import Settings, SettingsError, allowed_cores, load
from . import inputs, run
from .machine import cpu_flags, cpu_name, memory_bytes
from .portrait import drawn_portrait

Status = Literal["ok", "note", "warn", "fail"]
PACKAGES = ("numpy", "opencv-python-headless", "pillow", "openvino", "mediapipe", "fastapi", "uvicorn", "gunicorn")
GOOD_IOU = 0.9
"""Below this agreement with the drawn face's true outline something is wrong; the mesh engine reaches 0.98."""
LOW_DISK = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """``fail``: masks cannot be made; ``warn``: worth a change; ``note``: a fact."""

    status: Status
    topic: str
    text: str


def examine(image: Path | None, build: Callable[[Settings], Service]) -> Iterator[Finding]:
    """All findings, as they come; the self-test last, and only where the settings are sound."""
    yield from machine()
    yield from packages()
    try:
        settings = load()
    except SettingsError as e:
        yield from (Finding("fail", "settings", line) for line in str(e).splitlines())
        return
    yield from folders(settings)
    yield from access(settings)
    yield from masks(settings, image, build)


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
        f"{cpu_name()}, {allowed_cores()} of {os.cpu_count()} cores, {' '.join(wide) or 'no AVX2'}",
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


def masks(settings: Settings, image: Path | None, build: Callable[[Settings], Service]) -> Iterator[Finding]:
    """Which engine would serve and why, and one picture all the way through it."""
    import asyncio

    try:
        started = time.perf_counter()
        service = build(run.command_settings(settings, "auto"))
    except ServiceError as e:
        yield Finding("fail", "engine", e.detail)
        return
    try:
        yield Finding("note", "start", f"face models loaded in {time.perf_counter() - started:.2f} s")
        yield from asyncio.run(_engine_and_test(service, image))
    finally:
        service.close()


async def _engine_and_test(service: Service, image: Path | None) -> list[Finding]:
    try:
        await run.until_ready(service, "auto", run.say)
    except ServiceError as e:
        return [Finding("fail", "engine", e.detail)]
    health = service.health()
    facts = f"{health['engine']} ({health['model']}) on {health['device']}, {health['precision']}; faces by {health['detector']}"
    reason = service.engines.reason()
    engine = Finding("note" if reason else "ok", "engine", f"{facts}. {reason or ''}".strip())
    try:
        return [engine, *await _self_test(service, image)]
    except ServiceError as e:
        return [engine, Finding("fail", "self-test", f"{e.detail} ({e.code})")]


async def _self_test(service: Service, image: Path | None) -> list[Finding]:
    """Twice the same picture, the second time from the cache; a drawn one is compared with its true outline."""
    pixels, truth = drawn_portrait()
    data = (
        encode(pixels)
        if image is None
        else inputs.read(inputs.Job(str(image), image, None), service.settings.max_bytes)
    )
    params = MaskParams(expand_pixels=0, invert=False)
    times = []
    for _ in range(2):
        start = time.perf_counter()
        answer = await service.mask(Source("bytes", data), params)
        times.append(time.perf_counter() - start)
    words = f"{_what(answer)}; {times[0] * 1000:.0f} ms, again {times[1] * 1000:.0f} ms"
    if image is not None:
        return [Finding("ok", "self-test", f"{image}: {words}")]
    iou = _iou(answer, truth)
    return [
        Finding(
            "ok" if iou >= GOOD_IOU else "fail", "self-test", f"drawn portrait: {words}; IoU with its outline {iou:.3f}"
        )
    ]


def _what(answer: MaskAnswer) -> str:
    face = answer.stats["faces"][0]
    return f"{answer.stats['faces_detected']} face(s), confidence {face['confidence']}, score {face['score']}"


def _iou(answer: MaskAnswer, truth: np.ndarray) -> float:
    mask = decode(answer.png, max_bytes=len(answer.png), max_pixels=truth.size).rgb[..., 0] > 127
    return float((mask & truth).sum() / max(1, (mask | truth).sum()))


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
