"""Parity with the reference: runs our graphs on every golden pair NAME.json + NAME.npz of a folder, in float32 and
bfloat16.

    python -m bench.quality.parity DIR [NAME ...] [--device cpu|torch-cpu|cuda:0] [--at-most 1e-5]

The device is OpenVINO's CPU unless said otherwise; others need torch, whose CPU device computes float32 alone here: of
MobileSAM's bf16 it makes many minutes. ``--at-most``: ends with 1 where float32's masks differ in a larger share of
their pixels, or, in a pair without masks, anything else by over ``STORED``. The weights are drawn by DIR/draw.py. One
JSON line per pair and precision: relative L2 errors of the embedding, the mask logits and the predicted IoU, the same
for the logits with a dense mask prompt, and the share of mask pixels that differ; null where the pair has no such
values.

MobileSAM's own code comes in two states. Its attention caches the position biases when ``eval()`` is called, and its
builder calls ``eval()`` before it loads the weights: until ``eval()`` is called again (its README does), the biases are
the zeros of the untrained network. The product runs the trained biases, as in the README. A pair may have been computed
in either state, so both are compared, the closer one is printed, and ``attention_biases`` says which it was: ``loaded``
or ``stale``.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam_mask_service.runtime.machine import Arithmetic, Exact, cpu_threads
from sam_mask_service.sam.architecture import detect
from sam_mask_service.sam.backend import Features, Sam, SamBackend
from sam_mask_service.sam.card import CardSam
from sam_mask_service.sam.config import Architecture
from sam_mask_service.sam.frame import Frame, upscale
from sam_mask_service.sam.prompt import Prompt

State = dict[str, NDArray[Any]]
PRECISIONS: tuple[Exact, ...] = ("f32", "bf16")
STORED = 1e-3
"""Relative error of values that a pair holds as float16."""


def drawn_state(folder: Path, config: Path) -> State:
    """The weights of one pair, by the folder's own draw.py."""
    spec = importlib.util.spec_from_file_location("golden_draw", folder / "draw.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with warnings.catch_warnings():  # draw.py leaves closing its file to the garbage collector
        warnings.simplefilter("ignore", ResourceWarning)
        state: State = module.state_dict(str(config))
    return state


def relative(ours: NDArray[Any], reference: NDArray[Any]) -> float:
    """‖ours − reference‖ / ‖reference‖."""
    reference = reference.astype(np.float64)
    return float(np.linalg.norm(ours.astype(np.float64) - reference) / np.linalg.norm(reference))


def stale(state: State) -> State:
    """The weights as MobileSAM's code sees them between ``load_state_dict`` and the next ``eval()``."""
    return {key: np.zeros_like(value) if key.endswith("attention_biases") else value for key, value in state.items()}


def best(config: Path, state: State, precision: Exact, device: str = "cpu") -> dict[str, Any]:
    """One line; for MobileSAM that of the state of the reference that the pair was computed in."""
    line = compare(config, state, precision, device)
    if not any(key.endswith("attention_biases") for key in state):
        return line
    lines = [
        {**line, "attention_biases": "loaded"},
        {**compare(config, stale(state), precision, device), "attention_biases": "stale"},
    ]
    return min(lines, key=lambda one: float(one["embedding"]))


def compare(config: Path, state: State, precision: Exact, device: str = "cpu") -> dict[str, Any]:
    """Our graph against the values beside ``config``."""
    golden = np.load(config.with_suffix(".npz"))
    architecture = architecture_of(config, state)
    sam = _sam(state, architecture, precision, device)
    features: Features = sam.encode(golden["image"])
    embedding = embedding_of(sam, features)
    asked = zip(golden["points"], golden["labels"], golden["boxes"], strict=True)
    logits, iou = sam.decode(features, [Prompt(*one) for one in asked])
    candidates = logits[:, 1:]
    return {
        "name": str(json.loads(config.read_text()).get("name", config.stem)),
        "precision": precision,
        "device": device,
        "embedding": relative(embedding, golden["embedding"]),
        "logits": relative(candidates, golden["low_res_logits"]),
        "iou": relative(iou[:, 1:], golden["iou"]),
        "logits_with_prior": _with_prior(sam, features, golden),
        "mask_disagreement": _disagreement(candidates, golden, architecture.image_size),
    }


def embedding_of(sam: SamBackend, features: Any) -> NDArray[np.float32]:
    """As an array, wherever it is kept."""
    return np.asarray(sam.embedding(features) if isinstance(sam, CardSam) else features, np.float32)


def _sam(state: State, architecture: Architecture, precision: Exact, device: str) -> Sam | CardSam:
    if device == "cpu":
        return Sam(state, architecture, Arithmetic(precision, precision), cpu_threads())
    from sam_mask_service.runtime.torch_card import card_of

    return CardSam(state, architecture, precision, card_of(device, cpu_threads()))


def architecture_of(config: Path, state: State) -> Architecture:
    """Read off the weights, as in the product; the input size of an encoder without a position table from the pair."""
    return detect(state, json.loads(config.read_text()).get("image_size"))


def _with_prior(sam: SamBackend, features: Features, golden: Any) -> float | None:
    if "low_res_logits_with_prior" not in golden:
        return None
    reference = golden["low_res_logits_with_prior"]
    count, _, side, _ = reference.shape
    rng = np.random.default_rng(int(golden["mask_prior_seed"]))
    priors = rng.standard_normal((count, 1, side, side)).astype(np.float32)[:, 0] * 4
    asked = [Prompt(box=box, mask=prior) for box, prior in zip(golden["boxes"], priors, strict=True)]
    logits, _ = sam.decode(features, asked)
    return relative(logits[:, 1:], reference)


def _disagreement(candidates: NDArray[np.float32], golden: Any, image_size: int) -> float | None:
    if "mask_bits" not in golden:
        return None
    shape = tuple(int(n) for n in golden["mask_shape"])
    reference = np.unpackbits(golden["mask_bits"])[: int(np.prod(shape))].reshape(shape).astype(bool)
    frame = Frame(shape[-1], shape[-2], image_size)
    flat = candidates.reshape(-1, *candidates.shape[-2:])
    ours = np.stack([upscale(one, frame) > 0 for one in flat]).reshape(shape)
    return float(np.mean(ours != reference))


def lines(folder: Path, names: list[str], device: str = "cpu") -> Iterator[dict[str, Any]]:
    configs = [c for c in sorted(folder.glob("*.json")) if c.with_suffix(".npz").exists()]
    for config in configs:
        if (names and config.stem not in names) or config.stem.startswith("real_"):
            continue  # real weights: bench/quality/parity_real.py
        state = drawn_state(folder, config)
        for precision in PRECISIONS[:1] if device == "torch-cpu" else PRECISIONS:
            yield best(config, state, precision, device)


def agrees(line: dict[str, Any], limit: float) -> bool:
    """``limit``: share of mask pixels that may differ. What is computed in bf16 is only shown."""
    if line["precision"] != "f32":
        return True
    if line["mask_disagreement"] is not None:
        return bool(line["mask_disagreement"] <= limit)
    return bool(max(line["embedding"], line["logits"], line["iou"]) <= STORED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--at-most", type=float, default=float("inf"))
    given = parser.parse_args()
    off = []
    for line in lines(given.folder, given.names, given.device):
        print(json.dumps(line), flush=True)
        off += [] if agrees(line, given.at_most) else [line["name"]]
    if off:
        sys.exit(f"not the reference's answers: {', '.join(off)}")


if __name__ == "__main__":
    main()
