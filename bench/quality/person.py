"""The region ``person`` on labelled full-body photos (CCP), both engines: ``python -m bench.quality.person``.

Labels are of clothes, skin and hair; bags count as neither. IoU over the whole picture, mean and worst tenth, by half
of the pictures. The numbers of ``segment/tuning/person.py`` were chosen on both halves: nothing here is held out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.quality import HAIR, PARSING, SHARED
from bench.quality.judges import real_sam
from bench.quality.score_masks_local import in_half, together
from sam_mask_service.faces.build import build_detector
from sam_mask_service.geometry import RGB
from sam_mask_service.mask import iou
from sam_mask_service.segment.mesh import MeshSegmenter
from sam_mask_service.segment.sam import SamSegmenter

SET = "seg_ccp_fullbody"
NEITHER = ("bag", "purse", "wallet")


def labelled(half: str) -> Iterator[tuple[RGB, NDArray[np.bool_], NDArray[np.bool_]]]:
    """(picture, its person, what counts)."""
    folder: Path = SHARED / "eval" / "data" / SET
    classes = json.loads((folder / "meta.json").read_text())["classes"]
    neither = [int(number) for number, name in classes.items() if name in NEITHER]
    for path in sorted((folder / "images").iterdir()):
        if in_half(SET, path.name, half):
            label = np.asarray(Image.open(folder / "labels" / f"{path.stem}.png"))
            counts = ~np.isin(label, neither)
            yield np.asarray(Image.open(path).convert("RGB")), (label > 0) & counts, counts


def scores(engine: MeshSegmenter | SamSegmenter, half: str) -> list[float]:
    detector, out = build_detector(), []
    for rgb, truth, counts in labelled(half):
        faces = detector.detect(rgb)
        embedding = engine.embed(rgb, faces, "picture")
        masks = engine.masks(embedding, faces, "person", pixels=lambda rgb=rgb: rgb)  # type: ignore[misc]
        out.append(iou(together(masks, truth.shape) & counts, truth))
    return out


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    mesh = MeshSegmenter(SHARED / "models" / HAIR, SHARED / "models" / PARSING)
    print("| engine | half | pictures | IoU | worst tenth |\n|---|---|---|---|---|")
    for name, engine in (("mesh", mesh), ("sam", SamSegmenter(real_sam(), mesh))):
        for half in ("dev", "held"):
            got = scores(engine, half)
            print(f"| {name} | {half} | {len(got)} | {np.mean(got):.3f} | {np.percentile(got, 10):.3f} |", flush=True)


if __name__ == "__main__":
    main()
