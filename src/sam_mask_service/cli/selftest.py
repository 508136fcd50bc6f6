"""The doctor's proof: a picture all the way through the engines that are loaded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..bulk.ready import until_ready
from ..deadline import Deadline
from ..errors import ServiceError
from ..geometry import Bits
from ..image import decode, encode
from ..params import MaskParams, Source, parse
from ..service import Service
from ..settings import Settings
from ..tasks import MASK, Answer
from . import inputs, run
from .finding import Finding, Status
from .portrait import drawn_portrait
from .recommend import Trial

GOOD_IOU = 0.9
"""Below this agreement with the drawn face's true outline something is wrong; the mesh engine reaches 0.98."""
GOOD_AGREEMENT = 0.75
"""SAM and mesh differ at hair and jaw; drawn or damaged weights do not come near."""


def masks(
    settings: Settings, image: Path | None, build: Callable[[Settings], Service]
) -> Generator[Finding, None, dict[str, Trial]]:
    """Which engine would serve and why, and one picture all the way through each; returns how they did, by engine."""
    try:
        started = time.perf_counter()
        service = build(run.command_settings(settings, "auto"))
    except ServiceError as e:
        yield Finding("fail", "engine", e.detail)
        return {}
    try:
        yield Finding("note", "start", f"face models loaded in {time.perf_counter() - started:.2f} s")
        findings, tried = asyncio.run(_engine_and_test(service, image))
        yield from findings
        return {name: answer.trial for name, answer in tried.items()}
    finally:
        service.close()


@dataclass(frozen=True, slots=True)
class _Tried:
    """An engine's mask of the self-test's picture."""

    answer: Answer
    trial: Trial
    words: str


async def _engine_and_test(service: Service, image: Path | None) -> tuple[list[Finding], dict[str, _Tried]]:
    try:
        await until_ready(service, "auto", run.say)
    except ServiceError as e:
        return [Finding("fail", "engine", e.detail)], {}
    health = service.health()
    facts = (
        f"{health['engine']} ({health['model']}) on {health['device']}, {health['precision']}; faces by "
        f"{health['detector']}"
    )
    reason = service.engines.reason()
    engine = Finding("note" if reason else "ok", "engine", f"{facts}. {reason or ''}".strip())
    try:
        tried = await _self_test(service, image)
    except ServiceError as e:
        return [engine, Finding("fail", "self-test", f"{e.detail} ({e.code})")], {}
    found = [engine, *(_judged(one, image) for one in tried.values())]
    return [*found, *([_verdict(tried["mesh"], tried["sam"])] if "sam" in tried else [])], tried


async def _self_test(service: Service, image: Path | None) -> dict[str, _Tried]:
    """A picture through each engine that is loaded; a drawn one is compared with its true outline."""
    pixels, truth = drawn_portrait()
    source = inputs.Job(str(image), image, None)
    data = encode(pixels) if image is None else inputs.read(source, service.settings.max_bytes)
    engines = ("mesh",) if service.engines.sam is None else ("mesh", "sam")
    return {engine: await _tried(service, data, engine, None if image is not None else truth) for engine in engines}


def _judged(tried: _Tried, image: Path | None) -> Finding:
    if tried.trial.iou is None:
        return Finding("ok", "self-test", f"{image}, {tried.words}")
    status: Status = "ok" if tried.trial.iou >= GOOD_IOU else "fail"
    return Finding(status, "self-test", f"drawn portrait, {tried.words}; IoU with its outline {tried.trial.iou:.3f}")


def _verdict(mesh: _Tried, sam: _Tried) -> Finding:
    """SAM is held near the mesh's mask and replaced by it where it errs, so that the mask alone would prove nothing."""
    agreement = _iou(_bits(mesh.answer), _bits(sam.answer))
    if "segmenter_disagreed" in sam.answer.stats["faces"][0]["warnings"] or agreement < GOOD_AGREEMENT:
        return Finding(
            "fail", "SAM", f"draws something else than the mesh engine (agreement {agreement:.3f}): wrong weights?"
        )
    return Finding(
        "ok",
        "SAM",
        f"agrees with the mesh engine to {agreement:.3f}: the installation is right. "
        f"{_compared(sam.trial, mesh.trial)}",
    )


def _compared(sam: Trial, mesh: Trial) -> str:
    if sam.iou is None or mesh.iou is None:
        return f"A new picture takes {sam.model} {sam.seconds:.2f} s, mesh {mesh.seconds:.2f} s"
    return f"{sam.model}: IoU {sam.iou:.3f} in {sam.seconds:.2f} s, mesh: {mesh.iou:.3f} in {mesh.seconds:.2f} s"


async def _tried(service: Service, data: bytes, engine: str, truth: Bits | None) -> _Tried:
    """One face's mask, twice: the second time from the cache."""
    params = parse(MaskParams, {"expand_pixels": 0, "invert": False, "engine": engine})
    times = []
    for _ in range(2):
        start = time.perf_counter()
        answer = await service.run(MASK, Source("bytes", data), params, Deadline())
        times.append(time.perf_counter() - start)
    iou = None if truth is None else _iou(_bits(answer), truth)
    words = f"{engine}: {_what(answer)}; {times[0] * 1000:.0f} ms, again {times[1] * 1000:.0f} ms"
    return _Tried(answer, Trial(answer.stats["model"], times[0], iou), words)


def _what(answer: Answer) -> str:
    face = answer.stats["faces"][0]
    return f"{answer.stats['faces_detected']} face(s), confidence {face['confidence']}, score {face['score']}"


def _bits(answer: Answer) -> Bits:
    size = answer.stats["image_width"] * answer.stats["image_height"]
    return np.asarray(decode(answer.picture, max_bytes=len(answer.picture), max_pixels=size).rgb[..., 0] > 127)


def _iou(one: Bits, other: Bits) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))
