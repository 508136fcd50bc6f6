"""Scores the face detector in this process, with the matching rule of the shared scorer: for tuning, without a server.

    python -m bench.quality.score_detection_local [--yunet FILE] [--recall high] [--mirrored] [--json OUT]

Prints recall, precision and time of each set, pictures without faces that were hit, which pass found how many, and the
reliability of the reported confidence: of the faces told with 0.8 to 0.9, how many match a label. Labels of crowds
leave out faces in the background, so that the precision there is a lower bound.
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import itertools
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from sam_mask_service.faces.build import build_detector
from sam_mask_service.faces.detector import DetectOptions, FaceDetector
from sam_mask_service.geometry import RGB, Face
from sam_mask_service.image import decode

SHARED = Path(os.environ.get("SAM_SHARED", Path(__file__).resolve().parents[3] / "shared"))
SETS = (
    "det_groups_masks_ilc",
    "det_fddb_sy32",
    "det_exif_fddb",
    "det_rotated_fddb",
    "det_dlib_faces",
    "det_wider_mini",
    "neg_nonface_imagenet",
)
EDGES = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 1.01)
MATCH = 0.4


@functools.cache
def scorer() -> ModuleType:
    """The shared black-box scorer, for its matching rule and size classes."""
    spec = importlib.util.spec_from_file_location("score_detection", SHARED / "eval" / "score_detection.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(slots=True)
class Tally:
    """Of one set. ``verdicts``: (confidence, matched) of every face told; ``sizes``: (truths, found) by size class."""

    pictures: int = 0
    hit: int = 0
    truths: int = 0
    found: int = 0
    seconds: float = 0.0
    verdicts: list[tuple[float, bool]] = field(default_factory=list)
    passes: Counter[str] = field(default_factory=Counter)
    sizes: dict[int, list[int]] = field(default_factory=dict)

    def row(self, names: tuple[str, ...]) -> dict[str, Any]:
        right = sum(matched for _, matched in self.verdicts)
        return {
            "pictures": self.pictures,
            "hit": self.hit,
            "boxes": len(self.verdicts),
            "faces": self.truths,
            "recall": round(self.found / self.truths, 3) if self.truths else None,
            "precision": round(right / len(self.verdicts), 3) if self.verdicts and self.truths else None,
            "by_size": {names[k]: f"{v[1]}/{v[0]}" for k, v in sorted(self.sizes.items()) if k < len(names)},
            "cpu_ms": round(1000 * self.seconds / max(1, self.pictures)),
            "passes": dict(self.passes),
        }


def pictures(name: str) -> Iterator[tuple[Path, list[list[float]]]]:
    """Each picture of a set with its labelled boxes (none in a set of pictures without faces)."""
    folder = SHARED / "eval" / "data" / name
    labels = folder / "boxes.json"
    truth = json.loads(labels.read_text()) if labels.is_file() else {}
    for path in sorted((folder / "images").iterdir()):
        faces = truth.get(path.name, {}).get("faces", [])
        yield path, [face["box"] for face in faces if "box" in face]


def mirrored(image: RGB, boxes: list[list[float]]) -> tuple[RGB, list[list[float]]]:
    width = image.shape[1]
    return np.ascontiguousarray(image[:, ::-1]), [[width - x - w, y, w, h] for x, y, w, h in boxes]


def told(face: Face, image: RGB) -> list[float]:
    """The box as an answer of the service has it: whole pixels, clipped."""
    box = face.box.pixels(image.shape[1], image.shape[0])
    return [box.x, box.y, box.width, box.height]


def look(detector: FaceDetector, image: RGB, truths: list[list[float]], options: DetectOptions, tally: Tally) -> None:
    rule = scorer()
    start = time.process_time()
    faces = detector.detect(image, options)
    tally.seconds += time.process_time() - start
    pairs = rule.match([told(face, image) for face in faces], truths, MATCH)
    hits, seen = {i for i, _ in pairs}, {j for _, j in pairs}
    tally.pictures += 1
    tally.hit += bool(faces)
    tally.truths += len(truths)
    tally.found += len(pairs)
    tally.verdicts += [(face.confidence, i in hits) for i, face in enumerate(faces)]
    tally.passes.update(face.found_by for face in faces)
    for j, box in enumerate(truths):
        row = tally.sizes.setdefault(rule.bucket(box), [0, 0])
        row[0] += 1
        row[1] += j in seen


def reliability(verdicts: list[tuple[float, bool]]) -> list[tuple[str, int, float]]:
    """(class of confidence, faces told, share that matches a label)."""
    rows = []
    for low, high in itertools.pairwise(EDGES):
        inside = [matched for confidence, matched in verdicts if low <= confidence < high]
        if inside:
            rows.append((f"{low:.2f} to {min(1.0, high):.2f}", len(inside), sum(inside) / len(inside)))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--yunet", type=Path)
    parser.add_argument("--recall", choices=("normal", "high"), default="normal")
    parser.add_argument("--min-confidence", type=float)
    parser.add_argument("--mirrored", action="store_true", help="each picture a second time, mirrored")
    parser.add_argument("--sets", nargs="*", default=SETS)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    detector = build_detector({"yunet": args.yunet})
    options = DetectOptions(recall=args.recall, min_confidence=args.min_confidence)
    verdicts: list[tuple[float, bool]] = []
    rows = {}
    for name in args.sets:
        tally = Tally()
        for path, boxes in pictures(name):
            image = decode(path.read_bytes(), max_bytes=1 << 30, max_pixels=1 << 28).rgb
            look(detector, image, boxes, options, tally)
            if args.mirrored:
                look(detector, *mirrored(image, boxes), options, tally)
        rows[name] = tally.row(scorer().NAMES)
        verdicts += tally.verdicts
        print(f"{name:24}", " ".join(f"{key} {value}" for key, value in rows[name].items()), flush=True)
    table = reliability(verdicts)
    for label, count, share in table:
        print(f"confidence {label}: {count:4} faces, {share:.2f} match a label")
    if args.json:
        args.json.write_text(json.dumps({"sets": rows, "reliability": table}, indent=1))


if __name__ == "__main__":
    main()
