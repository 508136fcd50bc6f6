"""The doctor's proof: a picture all the way through the engines that are loaded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ..deadline import NO_DEADLINE
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

GOOD_IOU = 0.9
"""Below this agreement with the drawn face's true outline something is wrong; the mesh engine reaches 0.98."""
GOOD_AGREEMENT = 0.75
"""SAM and mesh differ at hair and jaw; drawn or damaged weights do not come near."""


def masks(settings: Settings, image: Path | None, build: Callable[[Settings], Service]) -> Iterator[Finding]:
    """Which engine would serve and why, and one picture all the way through it."""
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
    """A picture through each engine that is loaded; a drawn one is compared with its true outline, SAM with the mesh."""
    pixels, truth = drawn_portrait()
    source = inputs.Job(str(image), image, None)
    data = encode(pixels) if image is None else inputs.read(source, service.settings.max_bytes)
    engines = ("mesh",) if service.engines.sam is None else ("mesh", "sam")
    answers = [await _timed(service, data, engine) for engine in engines]
    found = [_judged(answer, words, None if image is not None else truth, image) for answer, words in answers]
    return found if len(answers) == 1 else [*found, _verdict(answers[0][0], answers[1][0])]


def _judged(answer: Answer, words: str, truth: Bits | None, image: Path | None) -> Finding:
    if truth is None:
        return Finding("ok", "self-test", f"{image}, {words}")
    iou = _iou(_bits(answer), truth)
    status: Status = "ok" if iou >= GOOD_IOU else "fail"
    return Finding(status, "self-test", f"drawn portrait, {words}; IoU with its outline {iou:.3f}")


def _verdict(mesh: Answer, sam: Answer) -> Finding:
    """SAM is held near the mesh's mask and replaced by it where it errs, so that the mask alone would prove nothing."""
    agreement = _iou(_bits(mesh), _bits(sam))
    if "segmenter_disagreed" in sam.stats["faces"][0]["warnings"] or agreement < GOOD_AGREEMENT:
        return Finding(
            "fail", "SAM", f"draws something else than the mesh engine (agreement {agreement:.3f}): wrong weights?"
        )
    return Finding("ok", "SAM", f"agrees with the mesh engine to {agreement:.3f}: the installation is right")


async def _timed(service: Service, data: bytes, engine: str) -> tuple[Answer, str]:
    """One face's mask, twice: the second time from the cache."""
    params = parse(MaskParams, {"expand_pixels": 0, "invert": False, "engine": engine})
    times = []
    for _ in range(2):
        start = time.perf_counter()
        answer = await service.run(MASK, Source("bytes", data), params, NO_DEADLINE)
        times.append(time.perf_counter() - start)
    return answer, f"{engine}: {_what(answer)}; {times[0] * 1000:.0f} ms, again {times[1] * 1000:.0f} ms"


def _what(answer: Answer) -> str:
    face = answer.stats["faces"][0]
    return f"{answer.stats['faces_detected']} face(s), confidence {face['confidence']}, score {face['score']}"


def _bits(answer: Answer) -> Bits:
    size = answer.stats["image_width"] * answer.stats["image_height"]
    return np.asarray(decode(answer.picture, max_bytes=len(answer.picture), max_pixels=size).rgb[..., 0] > 127)


def _iou(one: Bits, other: Bits) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))
