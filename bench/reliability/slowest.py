"""The slowest legal request of every endpoint at the size limit: ``python -m bench.reliability.slowest``, the table of
docs/security.md.

In this process, on the real detector and the mesh engine, one at a time, without a cache. Seconds are the processor's,
so that a busy machine says the same. Beside those in all stand the longest ones in which nobody asked the deadline: so
long a slot stays taken after its request was given up. ``--only WORD`` takes the rows that hold the word; ``--where``
says where those seconds went.
"""

from __future__ import annotations

import argparse
import io
import itertools
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from bench.reliability.heaviest import heaviest
from sam_mask_service.compose import build
from sam_mask_service.deadline import Deadline
from sam_mask_service.params import parse
from sam_mask_service.service import Service
from sam_mask_service.settings import load
from sam_mask_service.tasks import ANONYMIZE, COMPOSITE, CUTOUT, DETECT, IMAGE_MASKS, MASK, UPLOAD, Asked, Task

SIDE = 7070
UNASKED = 2.0
"""Seconds that a slot may stay taken after the deadline."""
SOFT = {"expand_pixels": 256, "blur_iterations": 100}
HEAD: dict[str, Any] = {**SOFT, "region": "head", "matte": True}
NONE = {"on_no_face": "empty"}


@dataclass(frozen=True)
class Case:
    """One request: its picture, further files by field, parameters."""

    name: str
    task: Task
    picture: bytes
    params: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


def noise() -> bytes:
    """An ordinary noisy JPEG of 50 megapixels."""
    rng = np.random.default_rng(0)
    small = rng.normal(128, 24, (SIDE // 4, SIDE // 4, 3)).clip(0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(out, "JPEG", quality=60)
    return out.getvalue()


def cases() -> Iterator[Case]:
    """The requests, by endpoint."""
    sent = {name: files for name, (_, files, _) in heaviest().items()}
    face, many, rough = sent["mask"]["image"], sent["63 heads, soft"]["image"], noise()
    backdrop, edit = {"background_image": face}, sent["composite"]
    files = {name: data for name, data in edit.items() if name != "original"}
    box = {"box": [0.0, 0.0, float(SIDE), float(SIDE)]}
    points = [[110.0 * n, 110.0 * (63 - n), float(n % 2)] for n in range(64)]
    yield Case("one face, every width at its most", MASK, face, {**SOFT, "feather_pixels": 256.0})
    yield Case("one head with matte", MASK, face, HEAD)
    yield Case("noise for comfyui", MASK, rough, {**NONE, "target": "comfyui"})
    yield Case("noise for openai", MASK, rough, {**NONE, "target": "openai"})
    yield Case("63 heads with matte", MASK, many, {**HEAD, "mode": "combined"})
    yield Case("63 masks, each as large as the picture", MASK, many, {"mode": "separate"})
    yield Case("63 crops", MASK, many, {"mode": "crop"})
    yield Case("noise, looked at hard", DETECT, rough, {"recall": "high", **NONE})
    yield Case("one face, mosaic", ANONYMIZE, face, {"method": "mosaic"})
    yield Case("one face, blur", ANONYMIZE, face)
    yield Case("63 faces, blur", ANONYMIZE, many)
    yield Case("noise, as WebP", ANONYMIZE, rough, {"format": "webp", "boxes": [[0.0, 0.0, 9.0, 9.0]]})
    yield Case("5 boxes round it all", ANONYMIZE, face, {"boxes": [[float(n), 0.0, 7e3, 7e3] for n in range(5)]})
    yield Case("63 heads on a picture", CUTOUT, many, {"region": "head"}, backdrop)
    yield Case("one head with matte", CUTOUT, face, HEAD)
    yield Case("seam, as PNG", COMPOSITE, edit["original"], {"match": "seam"}, files)
    yield Case("63 faces", UPLOAD, many)
    yield Case("a box round it all", IMAGE_MASKS, face, dict(box))
    yield Case("64 points in a box round it all", IMAGE_MASKS, face, {**box, "points": points})
    yield Case("the same, head with matte", IMAGE_MASKS, face, {**box, **HEAD, "feather_pixels": 256.0})


@dataclass(frozen=True, slots=True)
class Recording(Deadline):
    """A deadline that keeps when it was asked, and by whom."""

    asked: list[tuple[float, str]] = field(default_factory=list, compare=False)

    def check(self, needed: float = 0.0) -> None:  # noqa: ARG002 - all the time in the world
        frames = traceback.extract_stack(limit=4)[:-1]
        self.asked.append((time.process_time(), " < ".join(f"{f.name}:{f.lineno}" for f in reversed(frames))))


def measured(service: Service, case: Case) -> tuple[float, float, str]:
    """(seconds in all, the longest ones unasked, between which two questions)."""
    deadline = Recording()
    params = parse(case.task.params, case.params)
    asked = Asked(case.picture, params, service.engines.pick("mesh"), deadline, case.files)
    start = time.process_time()
    case.task.run(asked, service.tools)
    points = [(start, "start"), *deadline.asked, (time.process_time(), "end")]
    gaps = [(b[0] - a[0], f"{a[1]} … {b[1]}") for a, b in itertools.pairwise(points)]
    return points[-1][0] - start, *max(gaps)


def main() -> int:
    """Exit code 1 when a slot would stay taken too long."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", default="")
    options.add_argument("--where", action="store_true")
    chosen, good = options.parse_args(), True
    service = build(load(engine="mesh", cache_bytes=0, offline=True), fetch_nets=False)
    print("| endpoint | request, 50 megapixels | seconds | of these unasked |\n| --- | --- | --- | --- |")
    for case in cases():
        if chosen.only in f"{case.task.path} {case.name}":
            took, unasked, where = measured(service, case)
            good &= unasked <= UNASKED
            print(f"| `{case.task.path}` | {case.name} | {took:.1f} | {unasked:.1f} |", flush=True)
            if chosen.where:
                print(f"    {where}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
