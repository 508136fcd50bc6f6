"""Broken pictures by the thousand into the decoder, and the collected ones over HTTP. Part of
``bench.reliability.fuzz``.
"""

from __future__ import annotations

import csv
import io
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import httpx
import numpy as np
from PIL import Image
from skimage import data as pictures

from bench.reliability.ballast import LARGEST, ballast
from bench.reliability.mutants import STRUCTURED
from bench.started import ROOT, started
from sam_mask_service.errors import ServiceError
from sam_mask_service.image import decode
from sam_mask_service.sam.checkpoint_errors import CheckpointError

SEEDED = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM")
"""Formats of which small pictures can be made to begin with; HEIC has no encoder here."""
SLOW = 2.0
"""Seconds that no single input may take."""
SHARED = ROOT.parent / "shared" / "eval" / "data" / "torture"


@dataclass
class Report:
    """Outcomes of one target by kind, and what must not have happened."""

    name: str
    outcomes: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def run(self, seed: int, work: Callable[[], object]) -> None:
        """One input. ServiceError and CheckpointError are answers; anything else is a finding."""
        start = time.perf_counter()
        try:
            work()
            self.outcomes["taken"] += 1
        except ServiceError as error:
            self.outcomes[error.code] += 1
            if error.status >= 500:
                self.findings.append(f"seed {seed}: {error.code}")
        except CheckpointError as error:
            self.outcomes[type(error).__name__] += 1
        except Exception as error:
            self.findings.append(f"seed {seed}: {type(error).__name__}: {error}")
        seconds = time.perf_counter() - start
        self.slowest = max(self.slowest, seconds)
        if seconds > SLOW:
            self.findings.append(f"seed {seed}: {seconds:.1f} s")

    def line(self) -> str:
        counts = " ".join(f"{name}:{count}" for name, count in self.outcomes.most_common())
        state = "FAIL" if self.findings else "ok  "
        return (
            f"{state} {self.name:<16} {sum(self.outcomes.values()):>7} tried, slowest {self.slowest:.2f} s   {counts}"
        )


def mutant(chance: random.Random, seeds: Sequence[bytes]) -> bytes:
    """One of ``seeds`` with bytes changed, ranges dropped, doubled or exchanged with another seed's."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(data) + 1)
        length = chance.choice((1, 1, 2, 4, chance.randint(1, 200)))
        other = chance.choice(seeds)
        start = chance.randrange(len(other))
        match chance.randrange(6):
            case 0:
                data[at : at + length] = chance.randbytes(length)
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = data[at : at + length]
            case 3:
                data[at : at + length] = other[start : start + length]
            case 4:
                data[at : at + 4] = chance.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\1"))
            case _:
                data = data[: max(1, at)] if chance.random() < 0.2 else data
        if not data:
            data += b"\0"
    return bytes(data)


def small_pictures(kind: str) -> list[bytes]:
    base = Image.fromarray(pictures.astronaut()).resize((64, 64))
    made = []
    for image in (base, base.convert("L"), base.convert("P"), base.convert("CMYK"), base.convert("RGBA")):
        out = io.BytesIO()
        try:
            image.save(out, kind, **({"progressive": True} if kind == "JPEG" and image.mode == "L" else {}))
        except (OSError, ValueError):
            continue
        made.append(out.getvalue())
    return made


def fuzz_pictures(kind: str, count: int) -> Report:
    return _fuzz_pictures(kind, count, mutant, small_pictures(kind))


def fuzz_structure(kind: str, count: int) -> Report:
    """Mutants whose checksums, sizes and offsets are right (``bench.reliability.mutants``)."""
    return _fuzz_pictures(f"{kind} structure", count, STRUCTURED[kind], small_pictures(kind))


def fuzz_ballast(count: int) -> Report:
    """Files of up to 20 MB of which nearly nothing is the picture (``bench.reliability.ballast``)."""
    return _fuzz_pictures("ballast", count, lambda chance, _: ballast(chance), [], most=52_000_000)


def _fuzz_pictures(
    name: str,
    count: int,
    make: Callable[[random.Random, Sequence[bytes]], bytes],
    seeds: list[bytes],
    most: int = 4_000_000,
) -> Report:
    report = Report(name)
    for seed in range(count):
        data = make(random.Random(seed), seeds)  # noqa: S311
        report.run(seed, partial(_decoded, data, most))
    return report


def _decoded(data: bytes, most: int) -> None:
    """What is taken as a picture is one: its size and type are as promised."""
    picture = decode(data, max_bytes=LARGEST, max_pixels=most)
    assert picture.rgb.dtype == np.uint8 and picture.rgb.shape == (picture.height, picture.width, 3)
    assert min(picture.width, picture.height) >= 16 and picture.width * picture.height <= most


VERDICTS = {"decodable": (200, 415, 422), "bomb": (413, 415, 422), "undecodable": (413, 415, 422)}
"""What a file of the collection may be answered with, by its verdict in ``index.csv``."""
WHOLE = ("pillow/truncated_jpeg.jpg", "pngsuite/bugfixes/issue#430.png")
"""Called undecodable, yet every pixel is there: the one lacks the last byte of its end marker, the other's EXIF is
broken.
"""


def torture() -> Report:
    """The collected files over HTTP, against a started server: its answer, and that it takes the next one."""
    report = Report("torture over HTTP")
    index = SHARED / "index.csv"
    if not index.exists():
        return report
    with index.open(newline="") as file:
        rows = [(row["path"], row["expected"]) for row in csv.DictReader(file)]
    with started(engine="mesh", log_level="warning") as server, httpx.Client(timeout=60) as client:

        def send(path: str, expected: str) -> None:
            answer = client.post(
                f"{server.url}/create_mask?on_no_face=empty", content=(SHARED / path).read_bytes(), headers=_ANY_PICTURE
            )
            report.outcomes[f"{expected}:{answer.status_code}"] += 1
            allowed = (200,) if path in WHOLE else VERDICTS.get(expected, (200, 413, 415, 422))
            assert answer.status_code in allowed, f"{path}: {answer.status_code}"

        for number, (path, expected) in enumerate(rows):
            report.run(number, partial(send, path, expected))
    report.outcomes.pop("taken", None)
    return report


_ANY_PICTURE = {"Content-Type": "application/octet-stream"}
