"""Interactive masks: IoU after 1, 2 and 3 simulated clicks, ours beside the reference predictor's way: ``python -m
bench.quality.clicks``.

The standard protocol: the first click is the point deepest inside the object, each next one the point deepest inside
the largest error, inside or outside as is wrong there. ``reference``: as ``SamPredictor`` is used in Meta's own
notebooks, on our network (whose answers equal theirs: ``bench.quality.parity_real``): of one click the candidate with
the best predicted IoU, of more clicks the single mask, told the logits that it gave before. ``points``: the service,
all clicks so far and nothing else. ``corrected``: the service, the clicks correcting the mask that it draws by itself
(its IoU stands under 0 clicks).
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from PIL import Image

from bench.quality.parity_real import loaded
from bench.quality.score_masks_local import Bench, in_half, together
from sam_mask_service.geometry import RGB, Bits, Face
from sam_mask_service.mask import iou, largest_part
from sam_mask_service.sam.backend import Sam
from sam_mask_service.sam.frame import upscale
from sam_mask_service.sam.prompt import Prompt
from sam_mask_service.segment.mesh import MeshSegmenter
from sam_mask_service.segment.sam import SamSegmenter
from sam_mask_service.segment.sam_view import SamEmbedding
from sam_mask_service.segment.segmenter import FaceMask

SHARED = Path(__file__).resolve().parents[3] / "shared"
CELEB: Final = "seg_celebamask_ce7454"
SETS: Final = {
    "face": ("seg_fasseg_frontal", "seg_oldpeople", CELEB),
    "head": ("seg_fasseg_frontal", "seg_fasseg_multipose", CELEB),
    "hair": (CELEB,),
    "glasses": (CELEB,),
}
GLASSES = 3
CLICKS = 3
LEAST = 100
"""Pixels of an object that is worth clicking on."""
Click = tuple[float, float, int]


@dataclass(frozen=True)
class Object:
    region: str
    half: str
    rgb: RGB
    truth: Bits


def objects(bench: Bench, most: int) -> Iterator[Object]:
    for name in dict.fromkeys(name for names in SETS.values() for name in names):
        for number, (file, rgb, truths) in enumerate(bench.pictures(name)):
            half = "dev" if in_half(name, file, "dev") else "held"
            found = {region: bits for region, bits, _, _ in truths}
            if name == CELEB:
                label = np.array(Image.open(bench.data / name / "labels" / f"{Path(file).stem}.png"))
                found["glasses"] = label == GLASSES
            for region, bits in found.items():
                wanted = number < most or region == "glasses"
                if wanted and name in SETS[region] and np.count_nonzero(bits) > LEAST:
                    yield Object(region, half, rgb, bits)


def deepest(bits: Bits) -> tuple[float, float]:
    depth = cv2.distanceTransform(np.pad(bits, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(int(np.argmax(depth)), depth.shape)
    return float(x), float(y)


def next_click(truth: Bits, shown: Bits) -> Click:
    wrong = {1: largest_part(truth & ~shown), 0: largest_part(shown & ~truth)}
    label = 1 if np.count_nonzero(wrong[1]) >= np.count_nonzero(wrong[0]) else 0
    return (*deepest(wrong[label] if wrong[label].any() else truth), label)


def prompt_of(seen: SamEmbedding, clicks: list[Click]) -> Prompt:
    points = np.array([click[:2] for click in clicks], np.float32)
    return seen.views[0].prompt(Prompt(points, np.array([click[2] for click in clicks], np.int64)))


def reference(sam: Sam, seen: SamEmbedding) -> Callable[[list[Click], Bits], Bits]:
    """Meta's predictor: candidates for one click, the single mask and its own last logits for more."""
    last: list[Any] = []

    def answer(clicks: list[Click], _: Bits) -> Bits:
        asked = prompt_of(seen, clicks)
        asked = replace(asked, mask=last[-1]) if last else asked
        logits, predicted = sam.decode(seen.views[0].embedding, [asked])
        best = 1 + int(np.argmax(predicted[0, 1:])) if len(clicks) == 1 else 0
        last.append(np.clip(logits[0, best], -32, 32))
        return np.asarray(upscale(logits[0, best], seen.views[0].frame) > 0)

    return answer


def ours(engine: SamSegmenter, seen: SamEmbedding, start: FaceMask | None) -> Callable[[list[Click], Bits], Bits]:
    def answer(clicks: list[Click], shown: Bits) -> Bits:
        return together([engine.prompted(seen, start, clicks, None)], shown.shape)

    return answer


def clicked(truth: Bits, answer: Callable[[list[Click], Bits], Bits], start: FaceMask | None) -> list[float]:
    """IoU after 0, 1, … clicks."""
    shown = np.zeros_like(truth) if start is None else together([start], truth.shape)
    clicks, found = [next_click(truth, shown)], [iou(shown, truth)]
    for _ in range(CLICKS):
        shown = answer(clicks, shown)
        found.append(iou(shown, truth))
        clicks.append(next_click(truth, shown))
    return found


class Embedded:
    """Pictures with their faces, each looked at once."""

    def __init__(self, engine: SamSegmenter) -> None:
        self.engine = engine
        self._last: tuple[Any, SamEmbedding, list[Face]] | None = None

    def __call__(self, bench: Bench, one: Object) -> tuple[SamEmbedding, list[Face]]:
        if self._last is None or self._last[0] is not one.rgb:
            found = bench.found("", "", one.rgb)
            self._last = one.rgb, self.engine.embed(one.rgb, found, "picture"), found
        return self._last[1], self._last[2]


def main() -> None:
    from tests.support.real_weights import mobile_sam

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=12, help="pictures of a set (glasses: all)")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    sam = loaded(mobile_sam(), "auto")
    engine, rows = SamSegmenter(sam, MeshSegmenter()), defaultdict(list)
    bench, embedded = Bench(SHARED, None, "all"), Embedded(engine)
    for one in objects(bench, options.most):
        seen, found = embedded(bench, one)
        rows[one.region, one.half, "reference"].append(clicked(one.truth, reference(sam, seen), None))
        rows[one.region, one.half, "points"].append(clicked(one.truth, ours(engine, seen, None), None))
        if one.region in ("face", "head") and found:
            start = engine.masks(seen, found[:1], one.region, pixels=lambda: one.rgb)[0]  # noqa: B023
            rows[one.region, one.half, "corrected"].append(clicked(one.truth, ours(engine, seen, start), start))
    print("| region | half | objects | way | 0 clicks | 1 | 2 | 3 |\n|---|---|---|---|---|---|---|---|")
    for (region, half, way), tries in sorted(rows.items()):
        means = " | ".join(f"{value:.3f}" for value in np.mean(tries, axis=0))
        print(f"| {region} | {half} | {len(tries)} | {way} | {means} |")


if __name__ == "__main__":
    main()
