#!/usr/bin/env python3
"""Scores the mesh engine in this process with the very functions of the shared scorer (``score_masks.py``): for tuning.

    python bench/quality/score_masks_local.py --shared ../shared [--faces cache.pickle] [--half dev|held] \
        [--hair FILE] [--parsing FILE]

Faces come from the service's own detector, or from a pickle {(set, file): [Face, …]} so that only the masks vary.
``--half`` takes one half of the pictures of each set (by the MD5 of the name). ``--region`` draws another region
expression.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import pickle
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from sam_mask_service.geometry import Face
from sam_mask_service.segment.mesh import MeshSegmenter

FACE_SETS = (
    "seg_ccp_fullbody", "seg_cihp_mini", "seg_fasseg_frontal", "seg_fasseg_multipose", "seg_oldpeople",
    "seg_pratheepan_skin",
)  # fmt: skip
"""The sets of the averages; CelebAMask is shown but left out, since face-parsing networks were trained on it."""
ALL_SETS = (*FACE_SETS, "seg_celebamask_ce7454")
HAIR_SETS = ("seg_celebahq_hair1024", "seg_celebamask_ce7454", "seg_figaro1k_hair", "seg_lfw_hair")
Bits = NDArray[np.bool_]


def load_scorer(shared: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("score_masks", shared / "eval" / "score_masks.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def in_half(folder: str, name: str, half: str) -> bool:
    odd = int(hashlib.md5((folder + name).encode(), usedforsecurity=False).hexdigest(), 16) % 2
    return half == "all" or (half == "held") == bool(odd)


def truths(scorer: ModuleType, folder: Path, name: str, meta: dict[str, Any], reg: dict[str, Any]) -> Iterator[Any]:
    """(region, truth, valid, diagonal) as the shared scorer has them."""
    label = np.array(Image.open(folder / "labels" / f"{Path(name).stem}.png"))
    for region in ("face", "head", "hair"):
        ids = meta.get(f"{region}_ids")
        if not ids:
            continue
        truth = np.isin(label, ids)
        truth = scorer.fill_holes(truth) if meta.get("fill_holes") else truth
        valid = scorer.rects(label.shape, reg.get("head" if region == "hair" else region) if reg else None)
        if (truth & valid).any():
            yield region, truth, valid, _diagonal(label, meta, valid, reg)


def _diagonal(label: NDArray[np.uint8], meta: dict[str, Any], valid: Bits, reg: dict[str, Any]) -> float:
    if reg and reg.get("diag"):
        return float(reg["diag"])
    ys, xs = np.nonzero(np.isin(label, meta["face_ids"]) & valid)
    return float(np.hypot(np.ptp(xs), np.ptp(ys))) if len(xs) else float(np.hypot(*label.shape)) / 4


def together(masks: list[Any], shape: tuple[int, int]) -> Bits:
    out = np.zeros(shape, bool)
    for mask in masks:
        out |= mask.patch.place(shape[1], shape[0])
    return out


class Bench:
    """The pictures, their faces, and one engine to score."""

    def __init__(self, shared: Path, faces: dict[tuple[str, str], list[Face]] | None, half: str) -> None:
        self.scorer, self.data, self.faces, self.half = load_scorer(shared), shared / "eval" / "data", faces, half
        self._pictures: dict[tuple[str, str], Any] = {}
        self._detector: Any = None

    def found(self, folder: str, name: str, rgb: NDArray[np.uint8]) -> list[Face]:
        if self.faces is not None:
            return self.faces[folder, name]
        if self._detector is None:
            from sam_mask_service.faces.build import build_detector

            self._detector = build_detector()
        found: list[Face] = self._detector.detect(rgb)
        return found

    def pictures(self, folder: str) -> Iterator[tuple[str, NDArray[np.uint8], list[Any]]]:
        root = self.data / folder
        meta = json.loads((root / "meta.json").read_text())
        regions_file = root / "regions.json"
        regions = json.loads(regions_file.read_text()) if regions_file.exists() else {}
        for path in sorted((root / "images").iterdir()):
            if not in_half(folder, path.name, self.half) or (regions and path.name not in regions):
                continue
            key = (folder, path.name)
            if key not in self._pictures:
                rgb = np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))
                truth = list(truths(self.scorer, root, path.name, meta, regions.get(path.name, {})))
                self._pictures[key] = rgb, truth
            yield path.name, *self._pictures[key]

    def score(self, engine: MeshSegmenter, folder: str, wanted: tuple[str, ...]) -> list[dict[str, Any]]:
        rows = []
        for name, rgb, truth in self.pictures(folder):
            faces = self.found(folder, name, rgb)
            row: dict[str, Any] = {"file": name, "faces": len(faces)}
            start = time.perf_counter()
            embedding = engine.embed(rgb, faces)
            for region in wanted:
                masks = engine.masks(embedding, faces, region)
                pred = together(masks, rgb.shape[:2])
                row["score"] = [m.score for m in masks]
                for which, bits, valid, diag in truth:
                    if which == region:
                        row[region] = self.scorer.compare(pred, bits, valid, diag)
            row["seconds"] = time.perf_counter() - start
            rows.append(row)
        return rows


def table(results: dict[str, list[dict[str, Any]]], region: str) -> dict[str, float]:
    """Prints a row per set and returns the means over the sets (CelebAMask left out)."""
    means: dict[str, list[float]] = {"iou": [], "bf": [], "p10": []}
    print(f"{region:22} {'n':>3} {'IoU':>6} {'p10':>5} {'prec':>5} {'rec':>5} {'bF':>5}")
    for folder, rows in results.items():
        got = [row[region] for row in rows if region in row]
        if not got:
            continue
        mean = {key: float(np.mean([g[key] for g in got])) for key in ("iou", "precision", "recall", "bf")}
        p10 = float(np.percentile([g["iou"] for g in got], 10))
        rest = " ".join(f"{mean[key]:5.2f}" for key in ("precision", "recall", "bf"))
        print(f"{folder:22} {len(got):3} {mean['iou']:6.3f} {p10:5.2f} {rest}")
        if "celebamask" not in folder:
            for key, value in (("iou", mean["iou"]), ("bf", mean["bf"]), ("p10", p10)):
                means[key].append(value)
    out = {key: float(np.mean(values)) for key, values in means.items() if values}
    print(f"{'mean without celebamask':22}     " + "  ".join(f"{k} {v:.4f}" for k, v in out.items()))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[3] / "shared")
    parser.add_argument("--faces", type=Path)
    parser.add_argument("--half", choices=("dev", "held", "all"), default="all")
    parser.add_argument("--hair", type=Path)
    parser.add_argument("--parsing", type=Path)
    parser.add_argument("--region", action="append", help="default: face and head")
    parser.add_argument("--sets", help="comma separated")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    faces = pickle.loads(args.faces.read_bytes()) if args.faces else None  # noqa: S301 - our own file
    bench = Bench(args.shared, faces, args.half)
    engine = MeshSegmenter(args.hair, args.parsing)
    wanted = tuple(args.region or ("face", "head"))
    results = {s: bench.score(engine, s, wanted) for s in (args.sets.split(",") if args.sets else ALL_SETS)}
    for region in wanted:
        table(results, region)
    if args.json:
        args.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
