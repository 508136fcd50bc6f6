"""Our SAM on MobileSAM's published weights against the reference's own values: ``python -m bench.quality.parity_real
[GOLDEN] [--device torch-cpu|cuda:0] [--exact] [--at-most 1e-5]``.

``real_mobile_sam.json`` names pictures of the labelled sets and prompts on them, ``.npz`` what the reference answers:
masks, predicted IoU, thinned logits and embedding. f32 is compared by values; bf16 and int8 by the IoU of their masks
with f32's, since that is what a user sees. Where the CPU does not multiply in bf16, OpenVINO computes f32 instead and
says nothing: bf16 is imitated there, both factors of every product rounded to it, and the table says so.

``--exact``: f32 alone. ``--at-most``: ends with 1 where a larger share of f32's mask pixels differs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from openvino import opset15 as op
from PIL import Image, ImageOps

from bench.quality.parity import embedding_of, relative
from sam_mask_service.geometry import RGB, Bits
from sam_mask_service.mask import iou
from sam_mask_service.runtime import openvino
from sam_mask_service.runtime.devices import Device
from sam_mask_service.runtime.machine import Wish, cpu_threads, measure
from sam_mask_service.runtime.openvino import OpenVinoSession
from sam_mask_service.runtime.openvino_ops import lowered
from sam_mask_service.sam.backend import Features, Sam, SamBackend
from sam_mask_service.sam.config import F32
from sam_mask_service.sam.frame import Frame, upscale
from sam_mask_service.sam.load import load_sam, load_sam_on
from sam_mask_service.sam.prompt import INSIDE, OUTSIDE, Prompt
from sam_mask_service.settings import default_models_dir

GOLDEN = Path(__file__).resolve().parents[3] / "shared" / "golden"
PAIR = "real_mobile_sam"
PRODUCTS: Final = frozenset({"MatMul", "Convolution", "GroupConvolution", "ConvolutionBackpropData"})


@dataclass(frozen=True)
class Case:
    """One question of the pair: ``frame`` of its picture, ``prompt`` in the model's pixels, ``key`` of the reference's
    answer.
    """

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


def compared(sam: SamBackend, case: Case, features: Features, reference: Any) -> dict[str, float]:
    """Relative errors against the reference, and the share of mask pixels that differ."""
    embedding = embedding_of(sam, features)
    logits, predicted = sam.decode(features, [case.prompt])
    ours = masks(logits[0, 1:], case.frame)
    bits = np.unpackbits(reference[f"{case.key}_masks"])[: ours.size].reshape(ours.shape).astype(bool)
    return {
        "embedding": relative(embedding[0, ::8, ::4, ::4], reference[f"{case.number}_emb"]),
        "logits": relative(logits[0, 1:, ::4, ::4], reference[f"{case.key}_low"]),
        "iou": relative(predicted[0, 1:], reference[f"{case.key}_iou"]),
        "pixels": float(np.mean(ours != bits)),
    }


def answers(sam: SamBackend, asked: list[Case]) -> list[NDArray[np.bool_]]:
    """Of each case its best candidate's mask by predicted IoU."""
    out: list[NDArray[np.bool_]] = []
    embedded: dict[int, Features] = {}
    for case in asked:
        if case.number not in embedded:
            embedded = {case.number: sam.encode(case.image)}
        logits, predicted = sam.decode(embedded[case.number], [case.prompt])
        out.append(upscale(logits[0, 1 + int(np.argmax(predicted[0, 1:]))], case.frame) > 0)
    return out


def loaded(path: Path, precision: Wish) -> Sam:
    with path.open("rb") as file:
        return load_sam(file, precision=precision)


def loaded_on(device: str, path: Path, precision: Wish) -> SamBackend:
    with path.open("rb") as file:
        return load_sam_on(Device(device), file, precision=precision)


class _Rounded(OpenVinoSession):
    """A graph whose products get their factors rounded to bf16; sums stay f32, as the instructions have them."""

    def __init__(self, graph: Any, options: dict[str, Any], requests: int = 1) -> None:
        model = lowered(graph)
        products = [node for node in model.get_ordered_ops() if node.get_type_name() in PRODUCTS]
        for factor in [node.input(i) for node in products for i in (0, 1)]:
            rough = op.convert(op.convert(factor.get_source_output(), "bf16"), "f32")
            factor.replace_source_output(rough.output(0))
        super().__init__(model, options, requests)


def in_bf16(path: Path) -> tuple[str, SamBackend]:
    """How it is computed, and the network."""
    if measure(cpu_threads(), quantized=False).bf16:
        return "bf16", loaded(path, "bf16")
    with patch.object(openvino, "OpenVinoSession", _Rounded):
        return "bf16, imitated", loaded(path, "f32")


def in_int8(path: Path) -> tuple[str, SamBackend]:
    return "int8", loaded(path, "int8")


def rougher(path: Path, device: str) -> Iterator[tuple[str, SamBackend]]:
    """In lower precision, with what it is called."""
    if device == "cpu":
        yield in_bf16(path)
        yield in_int8(path)
        return
    yield "bf16", loaded_on(device, path, "bf16")
    yield "f16", loaded_on(device, path, "f16")


def row(name: str, sam: SamBackend, asked: list[Case], exact: F32, truth: list[Bits]) -> str:
    """``exact``: f32's embedding of the first case, ``truth``: its masks."""
    found = [iou(mine, theirs) for mine, theirs in zip(answers(sam, asked), truth, strict=True)]
    error = relative(embedding_of(sam, sam.encode(asked[0].image)), exact)
    return f"| {name} | {error:.1e} | {np.mean(found):.4f} | {min(found):.4f} |"


def exact_lines(sam: SamBackend, asked: list[Case], reference: Any) -> Iterator[tuple[Case, dict[str, float]]]:
    """Each picture is encoded once: its cases stand one behind the other."""
    for _, same in groupby(asked, key=lambda case: case.number):
        group = list(same)
        features = sam.encode(group[0].image)
        for case in group:
            yield case, compared(sam, case, features, reference)


def rough_table(exact: SamBackend, asked: list[Case], device: str) -> Iterator[str]:
    truth, embedding = answers(exact, asked), embedding_of(exact, exact.encode(asked[0].image))
    yield "\n| precision | embedding, first picture | mask IoU, mean | least |\n|---|---|---|---|"
    for name, sam in rougher(weights(), device):
        yield row(name, sam, asked, embedding, truth)


def weights() -> Path:
    return default_models_dir() / "mobile_sam.pt"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("golden", nargs="?", type=Path, default=GOLDEN)
    parser.add_argument("--device", default="cpu", help="cpu (OpenVINO), torch-cpu, cuda:0")
    parser.add_argument("--exact", action="store_true")
    parser.add_argument("--at-most", type=float, default=float("inf"))
    given = parser.parse_args()
    pair = given.golden / f"{PAIR}.npz"
    for needed in (weights(), pair, given.golden.parent / "eval" / "data"):
        if not needed.exists():
            print(f"real weights are not compared: {needed} is not there")
            return
    exact, asked, most = loaded_on(given.device, weights(), "f32"), list(cases(given.golden)), 0.0
    for case, errors in exact_lines(exact, asked, np.load(pair)):
        print(case.key, {name: f"{value:.1e}" for name, value in errors.items()}, flush=True)
        most = max(most, errors["pixels"])
    for line in () if given.exact else rough_table(exact, asked, given.device):
        print(line, flush=True)
    if most > given.at_most:
        sys.exit(f"masks differ in up to {most:.1e} of their pixels")


if __name__ == "__main__":
    main()
