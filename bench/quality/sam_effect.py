"""What turning SAM on brings: both engines on the same faces of the labelled pictures, ``python -m
bench.quality.sam_effect [--nets]``.

IoU and boundary F as the shared scorer has them, boundary F at two pixels on faces over 400 pixels with and without
refining, and how much of the visible neck lies in ``face`` (CelebA labels necks). MobileSAM's published weights;
``--nets``: with the hair and the face-parsing network of the shared models folder. The pictures' second half (``held``)
was not tuned on.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from PIL import Image

from bench.quality import HAIR, PARSING, SHARED
from bench.quality.judges import LARGE, OnceEncoded, real_sam
from bench.quality.score_masks_local import ALL_SETS, FACE_SETS, Bench, together
from sam_mask_service.segment.mesh import MeshSegmenter
from sam_mask_service.segment.sam import SamSegmenter

CELEB: Final = "seg_celebamask_ce7454"
NECK: Final = 17
REGIONS: Final = ("face", "head")
Rows = dict[tuple[str, str, str], list[dict[str, float]]]
"""(region, set, way) → a picture's figures."""


def measured(bench: Bench, mesh: MeshSegmenter, sam: SamSegmenter) -> Rows:
    rows: Rows = defaultdict(list)
    for name in (*ALL_SETS, "seg_nprportrait_small"):
        for file, rgb, truths in bench.pictures(name):
            faces = bench.found(name, file, rgb)
            seen = sam.embed(rgb, faces)
            for region, truth, valid, diagonal in truths:
                if region not in REGIONS:
                    continue
                for way, engine, fine in (("mesh", mesh, True), ("sam", sam, True), ("sam, unrefined", sam, False)):
                    masks = engine.masks(
                        seen if engine is sam else seen.mesh,
                        faces,
                        region,
                        pixels=(lambda: rgb) if fine else None,  # noqa: B023
                    )
                    got = together(masks, rgb.shape[:2])
                    rows[region, name, way].append(figures(bench, got, truth, valid, diagonal, neck(bench, name, file)))
    return rows


def figures(bench: Bench, got: Any, truth: Any, valid: Any, diagonal: float, necks: Any) -> dict[str, float]:
    found = bench.scorer.compare(got, truth, valid, diagonal)
    fine = bench.scorer.compare(got, truth, valid, 200)["bf"] if diagonal > LARGE else float("nan")
    share = float((got & necks).sum() / necks.sum()) if necks is not None and necks.sum() > 200 else float("nan")
    return {"iou": found["iou"], "bf": found["bf"], "bf2": fine, "neck": share}


def neck(bench: Bench, name: str, file: str) -> Any:
    if name != CELEB:
        return None
    return np.array(Image.open(bench.data / name / "labels" / f"{Path(file).stem}.png")) == NECK


def mean(rows: list[dict[str, float]], key: str) -> float:
    return float(np.nanmean([row[key] for row in rows]))


def table(rows: Rows, region: str) -> str:
    lines = ["| set | pictures | mesh IoU / bF | SAM IoU / bF |", "|---|---|---|---|"]
    for name in sorted({name for where, name, _ in rows if where == region}):
        mesh, sam = rows[region, name, "mesh"], rows[region, name, "sam"]
        cells = [f"{mean(one, 'iou'):.3f} / {mean(one, 'bf'):.3f}" for one in (mesh, sam)]
        lines.append(f"| {name} | {len(mesh)} | {' | '.join(cells)} |")
    sets = [name for name in FACE_SETS if (region, name, "mesh") in rows]
    cells = [
        " / ".join(f"{np.mean([mean(rows[region, name, way], key) for name in sets]):.3f}" for key in ("iou", "bf"))
        for way in ("mesh", "sam")
    ]
    return "\n".join([*lines, f"| **mean of {len(sets)} sets** | | {' | '.join(cells)} |"])


def large(rows: Rows) -> str:
    ways = ("mesh", "sam, unrefined", "sam")
    found = {way: [row["bf2"] for (_, _, w), many in rows.items() if w == way for row in many] for way in ways}
    return ", ".join(f"{way} {np.nanmean(values):.3f}" for way, values in found.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", action="store_true")
    parser.add_argument("--half", choices=("dev", "held", "all"), default="all")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    folder = SHARED / "models"
    mesh = MeshSegmenter(folder / HAIR, folder / PARSING) if options.nets else MeshSegmenter()
    rows = measured(Bench(SHARED, None, options.half), mesh, SamSegmenter(OnceEncoded(real_sam()), mesh, threads=1))
    for region in REGIONS:
        print(
            f"\n{region}, {options.half} of the "
            f"pictures{', with nets' if options.nets else ''}\n\n{table(rows, region)}"
        )
    print(f"\nboundary F at 2 px, outlines over {LARGE:.0f} px: {large(rows)}")
    for way in ("mesh", "sam"):
        print(f"neck in face, median ({way}): {np.nanmedian([r['neck'] for r in rows['face', CELEB, way]]):.3f}")


if __name__ == "__main__":
    main()
