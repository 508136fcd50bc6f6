"""How far ``score`` can be believed: what was told beside what was measured, ``python -m bench.quality.score_trust
[--docs] [--fit]``.

Every labelled picture in which one face is found, as it is and made harder (something before the jaw, shrunk to a face
of 28 pixels), masked by the mesh engine in this process, without networks and with those in the shared models folder.
NPRportrait is left out: its labels count the neck as face. ``--docs`` writes the tables into docs/quality.md; ``--fit``
prints what a least-squares fit would weigh, with its error on pictures that it has not seen (tenfold by picture).
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.quality import HAIR, PARSING, SHARED
from bench.quality.occlusions import Labelled, occluded
from bench.quality.report import table as markdown
from bench.quality.report import write
from bench.quality.score_masks_local import ALL_SETS, Bench, together
from sam_mask_service.geometry import RGB, Bits, Face
from sam_mask_service.segment.mesh import MeshSegmenter

SMALL = 28
"""Pixels that the face's box is wide in the shrunk pictures."""
EDGES: Final = (0.0, 0.80, 0.85, 0.90, 0.95, 1.01)
COVERED: Final = "covered in part"
POOR = 0.75
"""IoU below which a mask would be done again."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One mask: what was told of it, and its IoU with the label."""

    picture: str
    change: str
    told: float
    true: float
    agreement: float


def shrunk(picture: Labelled, face: Face) -> Labelled:
    factor = min(1.0, SMALL / face.box.width)
    size = max(1, round(picture.rgb.shape[1] * factor)), max(1, round(picture.rgb.shape[0] * factor))

    def moved(bits: Bits) -> Bits:
        return np.asarray(cv2.resize(bits.astype(np.float32), size, interpolation=cv2.INTER_AREA)) > 0.5

    rgb = np.asarray(cv2.resize(picture.rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    known = {which: (moved(bits), moved(valid), diag * factor) for which, (bits, valid, diag) in picture.known.items()}
    return Labelled(rgb, picture.label, known)


def harder(picture: Labelled, face: Face) -> Iterator[tuple[str, Labelled]]:
    yield "as they are", picture
    yield COVERED, occluded(picture)
    yield "shrunk", shrunk(picture, face)


def pairs(bench: Bench, engines: dict[str, MeshSegmenter]) -> dict[tuple[str, str], list[Pair]]:
    """(nets, region) → pairs."""
    out: dict[tuple[str, str], list[Pair]] = {}
    for folder in ALL_SETS:
        for name, rgb, truth in bench.pictures(folder):
            known = {which: (bits, valid, diagonal) for which, bits, valid, diagonal in truth}
            faces = bench.found(folder, name, rgb)
            if len(faces) != 1 or "face" not in known:
                continue
            for change, picture in harder(Labelled(rgb, np.zeros(rgb.shape[:2], np.uint8), known), faces[0]):
                found = faces if picture.rgb is rgb else bench.found(folder, name, picture.rgb)
                if len(found) == 1:
                    for key, pair in _drawn(engines, picture, found, f"{folder}/{name}", change):
                        out.setdefault(key, []).append(pair)
    return out


def _drawn(
    engines: dict[str, MeshSegmenter], picture: Labelled, faces: list[Face], name: str, change: str
) -> Iterator[tuple[tuple[str, str], Pair]]:
    for nets, engine in engines.items():
        embedding = engine.embed(picture.rgb, faces)
        for region in ("face", "head"):
            if region not in picture.known:
                continue
            truth, valid, _ = picture.known[region]
            (mask,) = engine.masks(embedding, faces, region)
            bits = together([mask], _shape(picture.rgb))
            true = float((bits & truth & valid).sum() / max(1, ((bits | truth) & valid).sum()))
            yield (nets, region), Pair(name, change, mask.score, true, mask.agreement)


def _shape(rgb: RGB) -> tuple[int, int]:
    return rgb.shape[0], rgb.shape[1]


def columns(found: list[Pair]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.array([p.told for p in found]), np.array([p.true for p in found])


def summary(everything: dict[tuple[str, str], list[Pair]]) -> str:
    rows = []
    for (nets, region), found in sorted(everything.items(), key=lambda item: item[0][1]):
        for change in dict.fromkeys(p.change for p in found):
            told, true = columns([p for p in found if p.change == change])
            flat = np.abs(true - np.median(true)).mean()
            moving = "–" if np.ptp(told) < 1e-9 else f"{np.corrcoef(told, true)[0, 1]:.2f}"
            figures = (told.mean(), true.mean(), np.abs(told - true).mean(), flat)
            rows.append([region, nets, change, str(len(told)), *(f"{v:.3f}" for v in figures), moving])
    head = ["region", "networks", "pictures are", "masks", "told", "true", "mean error", "of the best constant"]
    return markdown([*head, "correlation"], rows)


def classes(found: list[Pair]) -> str:
    """What masks told with a score of this class were worth."""
    rows = []
    told, true = columns(found)
    for low, high in itertools.pairwise(EDGES):
        these = (told >= low) & (told < high)
        if these.any():
            name = f"under {high:.2f}" if low == 0 else f"{low:.2f} to {min(1.0, high):.2f}"
            worst, poor = np.percentile(true[these], 10), (true[these] < POOR).mean()
            rows.append([name, str(int(these.sum())), f"{true[these].mean():.3f}", f"{worst:.3f}", f"{poor:.0%}"])
    return markdown(["told", "masks", "true, mean", "10th percentile", f"worse than {POOR}"], rows)


def fit(found: list[Pair], features: Callable[[Pair], list[float]]) -> None:
    x, y = np.array([[1.0, *features(p)] for p in found]), np.array([p.true for p in found])
    names = sorted({p.picture for p in found})
    lots = np.random.default_rng(0).permutation(len(names)) % 10
    fold = np.array([lots[names.index(p.picture)] for p in found])
    told = np.zeros(len(y))
    for k in range(10):
        told[fold == k] = x[fold == k] @ np.linalg.lstsq(x[fold != k], y[fold != k])[0]
    weights = np.round(np.linalg.lstsq(x, y)[0], 2)
    print(f"{weights}: error {np.abs(told - y).mean():.3f}, correlation {np.corrcoef(told, y)[0, 1]:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", action="store_true")
    parser.add_argument("--fit", action="store_true")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    models: Path = SHARED / "models"
    engines = {"none": MeshSegmenter(), "hair, parsing": MeshSegmenter(models / HAIR, models / PARSING)}
    everything = pairs(Bench(SHARED, None, "all"), engines)
    faces = [p for (_, region), got in everything.items() if region == "face" for p in got if p.change != COVERED]
    text = (
        f"{summary(everything)}\n\nFaces with nothing before them, both kinds of networks together:\n\n{classes(faces)}"
    )
    print(text)
    if options.fit:
        fit(faces, lambda p: [p.told])
        fit(faces, lambda p: [p.told, p.agreement])
    if options.docs:
        write("score", text)


if __name__ == "__main__":
    main()
