"""EfficientViT-SAM beside its reference package, on drawn weights, and its speed beside MobileSAM and ViT-B.

    python -m bench.speed.efficientvit [--record] [--speed] [--work DIR]

Installs torch, torchvision and ``efficientsam`` into ``.venv-reference``. Prints the relative L2 errors of embedding,
logits and predicted IoU, and the share of mask pixels that differ. ``--record`` stores a thinned part of the
reference's answers for ``tests/sam/test_efficientvit.py``; ``--speed`` times the encoders turn by turn in one process.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench.draw_checkpoint import draw
from bench.quality.parity import relative
from bench.speed.sam_turns import REFERENCE, ROOT
from sam_mask_service.geometry import RGB
from sam_mask_service.runtime.machine import cpu_threads, measure
from sam_mask_service.sam.backend import Sam
from sam_mask_service.sam.config import F32
from sam_mask_service.sam.frame import Frame, upscale
from sam_mask_service.sam.load import load_sam
from sam_mask_service.sam.prompt import Prompt

NAME = "efficientvit_sam_l0"
PACKAGES = ("torch==2.13.0", "torchvision", "numpy", "pillow")
GOLDEN = ROOT / "tests" / "sam" / f"{NAME}.npz"
BOX = np.array([60, 40, 300, 250], np.float32)
POINTS, LABELS = np.array([[150, 120], [20, 280]], np.float32), np.array([1, 0], np.int64)
THIN = (slice(None), slice(None, None, 8), slice(None, None, 8), slice(None, None, 8))
"""What is kept of an embedding."""


def picture() -> RGB:
    """300 × 420: soft waves and noise, no side a multiple of anything."""
    y, x = np.mgrid[:300, :420]
    waves = [np.sin(x / (17 + 9 * c)) * np.cos(y / (23 + 5 * c)) for c in range(3)]
    noise = np.random.default_rng(0).normal(0, 8, (300, 420, 3))
    return np.clip(128 + 90 * np.stack(waves, -1) + noise, 0, 255).astype(np.uint8)


def prompts() -> dict[str, Prompt]:
    """In pixels of the model's square."""
    frame = Frame(420, 300, 1024)
    box, points = frame.to_model(BOX.reshape(2, 2)).reshape(4), frame.to_model(POINTS)
    return {"box": Prompt(box=box), "points": Prompt(points, LABELS), "both": Prompt(points, LABELS, box)}


def install_reference() -> None:
    marker = REFERENCE / ".ok-efficientvit"
    if marker.exists():
        return
    subprocess.run([sys.executable, "-m", "venv", str(REFERENCE)], check=True)
    pip = [str(REFERENCE / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, *PACKAGES], check=True)
    subprocess.run([*pip, "--no-deps", "efficientsam==1.0.0"], check=True)
    marker.touch()


def asked_reference(work: Path, checkpoint: Path) -> dict[str, Any]:
    """The reference's answers: embedding, and of each prompt logits, predicted IoU and packed masks."""
    np.save(work / "picture.npy", picture())
    np.savez(work / "prompts.npz", box=BOX, points=POINTS, labels=LABELS)
    files = [work / "picture.npy", work / "prompts.npz", work / "answers.npz"]
    command = [REFERENCE / "bin" / "python", ROOT / "bench" / "speed" / "efficientvit_worker.py", checkpoint, *files]
    subprocess.run([str(part) for part in command], check=True)
    return dict(np.load(work / "answers.npz"))


def loaded(checkpoint: Path, precision: Any) -> Sam:
    with checkpoint.open("rb") as file:
        return load_sam(file, precision=precision)


def compared(sam: Sam, theirs: dict[str, Any]) -> Iterator[str]:
    embedding = sam.encode(picture())
    yield f"{sam.precision}: embedding {relative(embedding, theirs['embedding']):.1e}"
    for name, prompt in prompts().items():
        logits, iou = sam.decode(embedding, [prompt])
        masks = np.stack([upscale(one, Frame(420, 300, 1024)) > 0 for one in logits[0, 1:]])
        bits = np.unpackbits(theirs[f"{name}_masks"])[: masks.size].reshape(masks.shape).astype(bool)
        errors = relative(logits[0, 1:], theirs[f"{name}_logits"]), relative(iou[0, 1:], theirs[f"{name}_iou"])
        yield f"  {name}: logits {errors[0]:.1e}, iou {errors[1]:.1e}, mask pixels {np.mean(masks != bits):.1e}"


def recorded(theirs: dict[str, Any]) -> dict[str, F32]:
    """So much of the answers as a test needs."""
    kept = {name: value[:, ::16, ::16] for name, value in theirs.items() if name.endswith("_logits")}
    return {
        "embedding": theirs["embedding"][THIN],
        **kept,
        **{name: value for name, value in theirs.items() if name.endswith("_iou")},
    }


def speed(work: Path, runs: int) -> Iterator[str]:
    """Milliseconds of each encoder, all loaded, turn by turn: the least and the median by the wall, and the least that
    the process took of all cores, which other programs disturb less."""
    names = ("vit_b", "mobile_sam", NAME)
    sams = {name: loaded(draw(name, work / f"{name}.pth"), "auto") for name in names}
    image = np.ascontiguousarray(np.resize(picture(), (768, 1024, 3)))
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for _ in range(runs + 1):
        for name, sam in sams.items():
            start, before = time.perf_counter(), time.process_time()
            sam.encode(image)
            times[name].append((1000 * (time.perf_counter() - start), 1000 * (time.process_time() - before)))
    yield f"{cpu_threads()} threads, {runs} turns; ms by the wall, least and median; core-ms, least"
    for name, each in times.items():
        wall, cores = zip(*each[1:], strict=True)
        yield (
            f"| {name} | {sams[name].precision} | {min(wall):.0f} | {statistics.median(wall):.0f} | {min(cores):.0f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--work", type=Path, default=ROOT / "out" / "bench-sam")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    if given.speed:
        print("\n".join(speed(given.work, given.runs)))
        return
    install_reference()
    checkpoint = draw(NAME, given.work / f"{NAME}.pth")
    theirs = asked_reference(given.work, checkpoint)
    bf16 = measure(cpu_threads(), quantized=False).bf16 > 0  # else OpenVINO computes f32 and does not say so
    for precision in ("f32", "bf16") if bf16 else ("f32",):
        print("\n".join(compared(loaded(checkpoint, precision), theirs)), flush=True)
    if given.record:
        np.savez_compressed(GOLDEN, **recorded(theirs))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
