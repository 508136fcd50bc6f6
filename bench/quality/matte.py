"""The matte beside the hard mask, region=head: ``python -m bench.quality.matte``. Writes the tables into
docs/quality.md.

Two measures. On sets with hair labels, the mean distance between alpha and label in a band round the label's outline,
where that is hair and where it is skin, and the soft IoU: labels are two-valued and smooth, so this shows harm rather
than good. On portraits with drawn strands (``bench/quality/drawn_hair.py``), where alpha is known to the pixel: mean
absolute and mean squared error, and the error of the gradient (Rhemann et al., CVPR 2009), in the band that holds all
strands.

The hard mask is asked with an edge two pixels soft, which the matte has too: the difference is the strands' alone. The
sets and their folder are those of ``bench/quality``; the hard outlines, and so much of the error, are the engine's in
both.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from bench.quality import RUNS, SHARED, server
from bench.quality.drawn_hair import Labelled, with_strands
from bench.quality.report import number, table, write
from sam_mask_service.geometry import RGB, Bits
from sam_mask_service.mask import distance_to, expand, fill_holes
from sam_mask_service.segment.soften import Soft

DATA = SHARED / "eval" / "data"
FIELDS = {"mode": "combined", "region": "head", "invert": "false", "expand_pixels": "0", "feather_pixels": "2"}
LABELLED = (
    "seg_celebamask_ce7454", "seg_ccp_fullbody", "seg_fasseg_frontal", "seg_fasseg_multipose", "seg_nprportrait_small",
)  # fmt: skip
STRANDS, GROUNDS = "seg_celebamask_ce7454", "neg_nonface_imagenet"
ENGINES = ("mesh", "mesh+hair+parsing")
BAND, STRANDS_BAND = 0.04, 0.03
"""Half the bands' widths as shares of the head's size."""
NO_NECK = "seg_celebamask_ce7454"
"""The set that labels the neck apart from the face, without which a jaw has no outline."""
GRADIENT = 1.4


@dataclass(frozen=True, eq=False)
class Case:
    """``picture``: as a file. ``alpha``: (H, W) float32, what is true; ``hair``, ``skin``: (H, W) bool, where it is
    judged.
    """

    picture: bytes
    alpha: Soft
    hair: Bits
    skin: Bits


def ask(client: httpx.Client, picture: bytes, matte: bool) -> Soft | None:
    data = {**FIELDS, "matte": str(matte).lower()}
    answer = client.post("/create_mask", files={"image": picture}, data=data, headers={"Accept": "image/png"})
    if answer.status_code != httpx.codes.OK:
        return None
    return np.asarray(np.asarray(Image.open(io.BytesIO(answer.content))) / 255, np.float32)


def read(path: Path) -> RGB:
    return np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))


def known(folder: Path, path: Path) -> Labelled:
    meta: dict[str, Any] = json.loads((folder / "meta.json").read_text())
    label = np.array(Image.open(folder / "labels" / f"{path.stem}.png"))
    head, hair = np.isin(label, meta["head_ids"]), np.isin(label, meta["hair_ids"])
    return Labelled(read(path), fill_holes(head) if meta.get("fill_holes") else head, hair, label > 0)


def outlines(it: Labelled) -> tuple[Bits, Bits]:
    """(hair, skin): the bands round the head's labelled outline where its inside is hair, and where it is not."""
    reach = BAND * it.size
    outside, nearest = cv2.distanceTransformWithLabels(
        (~it.head).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_hair = np.zeros(int(nearest.max()) + 1, bool)
    of_hair[nearest[it.head]] = it.hair[it.head]
    band = (outside <= reach) & (distance_to(~it.head) <= reach)
    hair = np.where(it.head, it.hair, of_hair[nearest])
    return band & hair, band & ~hair


def labelled(name: str) -> Iterator[Case]:
    folder = DATA / name
    for path in sorted((folder / "images").iterdir()):
        it = known(folder, path)
        hair, skin = outlines(it)
        if np.count_nonzero(it.hair) >= 200:
            yield Case(path.read_bytes(), it.head.astype(np.float32), hair, skin & (name == NO_NECK))


def drawn() -> Iterator[Case]:
    grounds = [read(path) for path in sorted((DATA / GROUNDS / "images").iterdir())]
    folder = DATA / STRANDS
    for path in sorted((folder / "images").iterdir()):
        it = known(folder, path)
        seed = int(hashlib.md5(path.name.encode(), usedforsecurity=False).hexdigest()[:8], 16)
        made = with_strands(it, grounds[seed % len(grounds)], seed)
        if made is not None:
            reach = int(STRANDS_BAND * it.size)
            fringe = expand(it.hair, reach) & ~it.person & (made[1] > 0.02)
            hair = expand(fringe, reach) | (expand(it.hair & it.head, reach) & expand(~it.person, reach))
            out = io.BytesIO()
            Image.fromarray(made[0]).save(out, "PNG")
            yield Case(out.getvalue(), made[1], hair, outlines(it)[1] & ~hair)


def gradient(alpha: Soft) -> NDArray[np.float32]:
    smooth = cv2.GaussianBlur(alpha, (0, 0), GRADIENT)
    return np.stack([cv2.Sobel(smooth, -1, dx, 1 - dx) / 8 for dx in (1, 0)])


def errors(alpha: Soft, case: Case) -> list[float]:
    """Absolute, squared and gradient error (× 1, 1, 100) in the hair's band, absolute error in the skin's, soft IoU."""
    off = np.abs(alpha - case.alpha)
    steps = np.square(gradient(alpha) - gradient(case.alpha)).sum(0)
    both = float(np.minimum(alpha, case.alpha).sum() / np.maximum(alpha, case.alpha).sum())
    hair = [float(x[case.hair].mean()) if case.hair.any() else np.nan for x in (off, off**2, 100 * steps)]
    return [*hair, float(off[case.skin].mean()) if case.skin.any() else np.nan, both]


def scored(client: httpx.Client, cases: Iterable[Case]) -> tuple[int, NDArray[np.float64]]:
    """(pictures, (2, 5) means of ``errors``: hard, matte). Pictures without a face found are left out."""
    rows = []
    for case in cases:
        pair = [ask(client, case.picture, matte) for matte in (False, True)]
        found = [errors(alpha, case) for alpha in pair if alpha is not None and alpha.any()]
        if len(found) == len(pair):
            rows.append(found)
    values = np.array(rows, np.float64)
    seen = ~np.isnan(values)
    return len(rows), np.where(seen, values, 0).sum(0) / np.maximum(1, seen.sum(0))


def arrow(pair: NDArray[np.float64]) -> str:
    return " → ".join(number(float(v)) for v in pair) if pair.any() else "–"


def main() -> None:
    labels: list[list[str]] = []
    strands: list[list[str]] = []
    portraits = list(drawn())
    for run in (run for run in RUNS if run.name in ENGINES):
        with server(run) as url, httpx.Client(base_url=url, timeout=60) as client:
            count, means = scored(client, portraits)
            strands.append([run.name, str(count), *(arrow(means[:, k]) for k in range(4))])
            for name in LABELLED:
                count, means = scored(client, labelled(name))
                labels.append([run.name, name, str(count), *(arrow(means[:, k]) for k in (0, 3, 4))])
    text = "\n\n".join(
        [
            "Portraits with drawn strands, where alpha is known:",
            table(["run", "pictures", "hair: error", "hair: squared", "hair: gradient, × 100", "skin: error"], strands),
            "Two-valued labels:",
            table(["run", "set", "pictures", "hair: error", "skin: error", "soft IoU"], labels),
        ]
    )
    write("matte", text)
    print(text)


if __name__ == "__main__":
    main()
