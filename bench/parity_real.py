"""Our SAM on MobileSAM's published weights against the reference's own values: ``python -m bench.parity_real [GOLDEN]``.

``real_mobile_sam.json`` names pictures of the labelled sets and prompts on them, ``.npz`` what the reference answers: masks,
predicted IoU, thinned logits and embedding. f32 is compared by values; bf16 and int8 by the IoU of their masks with f32's, since
that is what a user sees.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from bench.parity import relative
from sam_mask_service.geometry import RGB, Bits
from sam_mask_service.sam.config import F32
from sam_mask_service.sam.frame import Frame, upscale
from sam_mask_service.sam.load import load_sam
from sam_mask_service.sam.machine import ArithmeticUnavailable, Wish
from sam_mask_service.sam.prompt import INSIDE, OUTSIDE, Prompt
from sam_mask_service.sam.runtime import OpenVinoSam

GOLDEN = Path(__file__).resolve().parents[2] / "shared" / "golden"
PAIR = "real_mobile_sam"


@dataclass(frozen=True)
class Case:
    """One question of the pair: ``frame`` of its picture, ``prompt`` in the model's pixels, ``key`` of the reference's answer."""

    number: int
    image: RGB
    frame: Frame
    kind: str
    prompt: Prompt

    @property
    def key(self) -> str:
        return f"{self.number}_{self.kind}"


def cases(golden: Path = GOLDEN) -> Iterator[Case]:
    for number, row in enumerate(json.loads((golden / f"{PAIR}.json").read_text())):
        path = golden.parent / "eval" / "data" / row["file"]
        image = np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))
        frame = Frame(image.shape[1], image.shape[0], 1024)
        box = frame.to_model(np.array(row["box"], np.float32).reshape(2, 2)).reshape(4)
        points = frame.to_model(np.array([row["point"], row["negative"]], np.float32))
        labels = np.array([INSIDE, OUTSIDE], np.int64)
        yield Case(number, image, frame, "box", Prompt(box=box))
        yield Case(number, image, frame, "point", Prompt(points[:1], labels[:1]))
        yield Case(number, image, frame, "boxpoints", Prompt(points, labels, box))


def masks(logits: F32, frame: Frame) -> Bits:
    """(3, H, W): the candidates at the picture's size."""
    return np.stack([upscale(one, frame) > 0 for one in logits])


def compared(sam: OpenVinoSam, case: Case, embedding: F32, reference: Any) -> dict[str, float]:
    """Relative errors against the reference, and the share of mask pixels that differ."""
    logits, predicted = sam.decode(embedding, [case.prompt])
    ours = masks(logits[0, 1:], case.frame)
    bits = np.unpackbits(reference[f"{case.key}_masks"])[: ours.size].reshape(ours.shape).astype(bool)
    return {
        "embedding": relative(embedding[0, ::8, ::4, ::4], reference[f"{case.number}_emb"]),
        "logits": relative(logits[0, 1:, ::4, ::4], reference[f"{case.key}_low"]),
        "iou": relative(predicted[0, 1:], reference[f"{case.key}_iou"]),
        "pixels": float(np.mean(ours != bits)),
    }


def overlap(a: Bits, b: Bits) -> float:
    either = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / either if either else 1.0


def answers(sam: OpenVinoSam, asked: list[Case]) -> list[NDArray[np.bool_]]:
    """Of each case its best candidate's mask by predicted IoU."""
    out, embedded = [], {}
    for case in asked:
        if case.number not in embedded:
            embedded = {case.number: sam.encode(case.image)}
        logits, predicted = sam.decode(embedded[case.number], [case.prompt])
        out.append(upscale(logits[0, 1 + int(np.argmax(predicted[0, 1:]))], case.frame) > 0)
    return out


def loaded(path: Path, precision: Wish) -> OpenVinoSam:
    with path.open("rb") as file:
        return load_sam(file, precision=precision)


def main() -> None:
    from tests.support.real_weights import mobile_sam

    golden = Path(sys.argv[1]) if len(sys.argv) > 1 else GOLDEN
    reference = np.load(golden / f"{PAIR}.npz")
    exact, asked = loaded(mobile_sam(), "f32"), list(cases(golden))
    for case in asked:
        row = compared(exact, case, exact.encode(case.image), reference)
        print(case.key, {name: f"{value:.1e}" for name, value in row.items()}, flush=True)
    truth = answers(exact, asked)
    for precision in ("bf16", "int8"):
        try:
            rough = answers(loaded(mobile_sam(), precision), asked)
        except ArithmeticUnavailable as e:
            print(f"{precision}: {e}")
            continue
        found = [overlap(a, b) for a, b in zip(rough, truth, strict=True)]
        print(f"{precision}: IoU with f32's masks mean {np.mean(found):.4f}, least {min(found):.4f}", flush=True)


if __name__ == "__main__":
    main()
