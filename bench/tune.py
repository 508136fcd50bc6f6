"""Sweeps the tuned numbers of SAM's evidence and of refining on one half of the labelled pictures, and reports the other half.

    python -m bench.tune [--part face|head|refine] [--field gain] [--rounds 1]

The real MobileSAM encodes each picture once. What is maximised: the mean IoU of the sets without CelebA,
a quarter of their boundary F, and a third of CelebA's IoU; for ``refine`` the boundary F at two pixels on faces over 400 pixels.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench.parity_real import loaded
from bench.score_masks_local import ALL_SETS, Bench, together
from sam_mask_service.deadline import NO_DEADLINE, Deadline
from sam_mask_service.geometry import RGB
from sam_mask_service.sam.backend import Features, Sam
from sam_mask_service.sam.config import F32
from sam_mask_service.sam.prompt import Prompt
from sam_mask_service.segment.mesh import MeshSegmenter
from sam_mask_service.segment.sam import SamSegmenter
from sam_mask_service.segment.tuning import TUNED, Tuning
from tests.support.real_weights import mobile_sam

SHARED = Path(__file__).resolve().parents[2] / "shared"
FACTORS = (0.5, 0.75, 1.5, 2.0)
GAIN = 2e-4
"""A smaller step up is noise."""
LARGE = 400.0
"""Diagonal in pixels of the faces on which refining is judged."""


class OnceEncoded:
    """A SAM that encodes every view of a picture once, and answers every prompt once."""

    def __init__(self, sam: Sam) -> None:
        self.sam = sam
        self.name, self.precision, self.device, self.image_size = sam.name, sam.precision, sam.device, sam.image_size
        self._embeddings: dict[bytes, F32] = {}
        self._answers: dict[bytes, tuple[F32, F32]] = {}

    def encode(self, image: RGB, deadline: Deadline = NO_DEADLINE) -> F32:
        key = hashlib.sha256(image.tobytes()).digest()
        if key not in self._embeddings:
            self._embeddings[key] = self.sam.encode(image, deadline)
        return self._embeddings[key]

    def decode(
        self, embedding: Features, prompts: Sequence[Prompt], deadline: Deadline = NO_DEADLINE
    ) -> tuple[F32, F32]:
        assert isinstance(embedding, np.ndarray)
        parts = [embedding[0, :2].tobytes()]
        parts += [x.tobytes() for p in prompts for x in (p.points, p.labels, p.box, p.mask) if x is not None]
        key = hashlib.sha256(b"".join(parts)).digest()
        if key not in self._answers:
            logits, predicted = self.sam.decode(embedding, prompts, deadline)
            self._answers[key] = logits.astype(np.float16).astype(np.float32), predicted
        return self._answers[key]


@dataclass(frozen=True)
class Score:
    iou: float
    bf: float
    celeb: float
    large: float
    """Boundary F at two pixels, faces over 400 pixels."""

    def value(self, part: str) -> float:
        return self.large if part == "refine" else self.iou + self.bf / 4 + self.celeb / 3

    def __str__(self) -> str:
        return f"IoU {self.iou:.4f}  bF {self.bf:.4f}  CelebA {self.celeb:.4f}  bF 2 px {self.large:.4f}"


class Judge:
    """Scores a tuning on one half of the labelled pictures."""

    def __init__(self, half: str, backend: OnceEncoded, regions: Sequence[str]) -> None:
        self.bench, self.backend, self.regions = Bench(SHARED, None, half), backend, regions
        self._faces: dict[tuple[str, str], Any] = {}

    def score(self, tuning: Tuning) -> Score:
        engine = SamSegmenter(self.backend, MeshSegmenter(tuning=tuning), threads=1)
        sets = {name: list(self._pictures(engine, name)) for name in ALL_SETS}
        means = {name: np.mean([row[:2] for row in rows], axis=0) for name, rows in sets.items() if rows}
        others = np.mean([mean for name, mean in means.items() if "celeba" not in name], axis=0)
        celeb = next((float(mean[0]) for name, mean in means.items() if "celeba" in name), 0.0)
        large = [row[2] for rows in sets.values() for row in rows if not np.isnan(row[2])]
        return Score(float(others[0]), float(others[1]), celeb, float(np.mean(large)) if large else 0.0)

    def _pictures(self, engine: SamSegmenter, name: str) -> Any:
        for file, rgb, truths in self.bench.pictures(name):
            wanted = [truth for truth in truths if truth[0] in self.regions]
            faces = self._found(name, file, rgb) if wanted else []
            embedding = engine.embed(rgb, faces) if faces else None
            for region, truth, valid, diagonal in wanted:
                masks = engine.masks(embedding, faces, region, pixels=lambda: rgb) if embedding else []  # noqa: B023
                got = together(masks, rgb.shape[:2])
                figures = self.bench.scorer.compare(got, truth, valid, diagonal)
                fine = self.bench.scorer.compare(got, truth, valid, 200)["bf"] if diagonal > LARGE else float("nan")
                yield figures["iou"], figures["bf"], fine

    def _found(self, name: str, file: str, rgb: Any) -> Any:
        if (name, file) not in self._faces:
            self._faces[name, file] = self.bench.found(name, file, rgb)
        return self._faces[name, file]


def swept(judge: Judge, part: str, only: str | None, rounds: int) -> Tuning:
    """Each field in turn times FACTORS; what is better is kept."""
    best, top = TUNED, judge.score(TUNED)
    print(f"as it is: {top}", flush=True)
    for name in [f.name for f in fields(getattr(best, part)) if only in (None, f.name)] * rounds:
        start = getattr(getattr(best, part), name)
        for value in (tuple(np.multiply(start, k)) if isinstance(start, tuple) else start * k for k in FACTORS):
            one = replace(best, **{part: replace(getattr(best, part), **{name: value})})
            score = judge.score(one)
            better = score.value(part) > top.value(part) + GAIN
            print(f"{name} = {np.round(value, 3)}: {score}{'  *' if better else ''}", flush=True)
            best, top = (one, score) if better else (best, top)
    return best


def real_sam() -> Sam:
    return loaded(mobile_sam(), "auto")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=[f.name for f in fields(Tuning)], default="face")
    parser.add_argument("--field")
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    backend = OnceEncoded(real_sam())
    regions = {"face": ["face"], "head": ["head"]}.get(options.part, ["face", "head"])
    best = swept(Judge("dev", backend, regions), options.part, options.field, options.rounds)
    print(f"best: {getattr(best, options.part)}")
    held = Judge("held", backend, regions)
    print(f"other half, as it is: {held.score(TUNED)}\nother half, best:     {held.score(best)}")


if __name__ == "__main__":
    main()
