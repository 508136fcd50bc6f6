"""SAM on a card: every figure of docs/gpu.md, in one run of at most eight minutes, without a network.

    python -m bench.speed.gpu [--device cuda|cuda:1|torch-cpu] [--weights FOLDER] [--seconds 420] [--tiny] [--beside]

Wants numpy, pillow, opencv and torch, nothing else; says what is missing. ViT-B and -H have drawn weights (they take
as long as trained ones), MobileSAM its own from FOLDER/mobile_sam.pt where that is given. Where the package
segment-anything is installed, it runs beside ours on the same card. ``--tiny``: networks of a few cells, to see that
the script itself works; so it runs on ``torch-cpu`` in seconds.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NEEDED = {"numpy": "numpy", "PIL": "pillow", "cv2": "opencv-python-headless", "torch": "torch"}
ROOT = Path(__file__).resolve().parents[2]
GFLOP = {"vit_b": 972.0, "vit_h": 5466.0}
"""Of an encoder at 1024 pixels: two for each product of numbers, in linear layers and attention."""


def missing() -> list[str]:
    return [package for module, package in NEEDED.items() if importlib.util.find_spec(module) is None]


@dataclass(frozen=True)
class Plan:
    """``size``: sides of the picture that is masked; ``batches``: of the encoder; ``clients``: threads of the batch
    path; ``runs``: of each timing; ``until``: when nothing new is begun, in seconds of the run."""

    device: str
    size: tuple[int, int]
    batches: tuple[int, ...]
    clients: int
    runs: int
    until: float


def middle(run: Callable[[], object], wait: Callable[[], None], runs: int) -> float:
    """Median seconds of ``run`` until the device is done; the first runs warm up."""
    times = []
    for _ in range(runs + 3):
        wait()
        start = time.perf_counter()
        run()
        wait()
        times.append(time.perf_counter() - start)
    return statistics.median(times[3:])


def matrix_rate(card: Any, size: int) -> float:
    """TFLOP/s of bf16 products of squares."""
    import torch

    a, b = (torch.ones((size, size), dtype=torch.bfloat16, device=card.device) / size for _ in range(2))
    return float(2 * size**3 / middle(lambda: a @ b, card.wait, 5) / 1e12)


def networks(tiny: bool, weights: Path | None) -> Iterator[tuple[str, Any, Any]]:
    """Name, weights and architecture, one after the other: ViT-H's alone take 2.6 GB."""
    from bench.draw_checkpoint import OFFICIAL, weight
    from sam_mask_service.sam.architecture import detect
    from sam_mask_service.sam.checkpoint import read_state
    from sam_mask_service.sam.shapes import expected_shapes

    if tiny:
        from tests.support.drawn_sam import TINYVIT, VIT, draw

        yield "vit_b", draw(VIT), VIT
        yield "mobile_sam", draw(TINYVIT), TINYVIT
        return
    for name in ("vit_b", "mobile_sam", "vit_h"):
        if name == "mobile_sam" and weights is not None:
            with (weights / "mobile_sam.pt").open("rb") as file:
                state = read_state(file)
                yield name, state, detect(state)
            continue
        drawn = {key: weight(key, shape) for key, shape in expected_shapes(OFFICIAL[name])}
        yield name + (" (drawn)" if name == "mobile_sam" else ""), drawn, OFFICIAL[name]


def picture(size: tuple[int, int], seed: int = 0) -> Any:
    """(H, W, 3) uint8 of soft blobs and noise."""
    import numpy as np

    width, height = size
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(x / (37 + 20 * c + seed)) * np.cos(y / (53 + 10 * c)) for c in range(3)], -1)
    noise = np.random.default_rng(seed).normal(0, 8, (height, width, 3))
    return np.clip(128 + 90 * waves + noise, 0, 255).astype(np.uint8)


def jpeg(image: Any) -> bytes:
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(image).save(data, "JPEG", quality=90)
    return data.getvalue()


def asked(side: int, count: int) -> list[Any]:
    import numpy as np

    from sam_mask_service.sam.prompt import Prompt

    return [Prompt(box=np.array([0.2, 0.2, 0.5 + 0.04 * i, 0.7], np.float32) * side) for i in range(count)]


def whole(sam: Any, data: bytes) -> Any:
    """A file's bytes → one face's mask at the picture's size: what a request costs but for faces and HTTP."""
    import numpy as np
    from PIL import Image

    from sam_mask_service.sam.frame import Frame, upscale

    image = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    logits, predicted = sam.decode(sam.encode(image), asked(sam.image_size, 1))
    best = int(predicted[0, 1:].argmax()) + 1
    return upscale(logits[0, best], Frame(image.shape[1], image.shape[0], sam.image_size)) > 0


def encoder_rows(plan: Plan, card: Any, name: str, state: Any, architecture: Any, rate: float) -> Iterator[str]:
    """Of each form of attention and batch size."""
    import torch

    from sam_mask_service.sam.card import CardSam

    forms = ("folded", "bias", "apart") if name.startswith("vit") else ("folded",)
    precision = "bf16" if plan.device != "mps" else "f16"
    for form in forms:
        sam = CardSam(state, architecture, precision, card, form=form, largest=1)  # type: ignore[arg-type]
        one = sam._taken(picture(plan.size))
        for batch in plan.batches:
            if time.perf_counter() > plan.until:
                yield f"| {name} | {precision} | {form} | {batch} | not begun: the time is over | | |"
                return
            x = torch.cat([one] * batch)
            try:
                seconds = middle(lambda: sam._encoder(x), card.wait, plan.runs)  # noqa: B023 - called at once
            except Exception as e:
                yield f"| {name} | {precision} | {form} | {batch} | {type(e).__name__} | | |"
                break
            share = GFLOP.get(name, 0) * batch / seconds / 1e3 / rate if card.cuda else 0
            part = f"{100 * share:.0f} %" if share else ""
            yield f"| {name} | {precision} | {form} | {batch} | {1e3 * seconds:.2f} | {batch / seconds:.1f} | {part} |"


def path_rows(plan: Plan, card: Any, name: str, state: Any, architecture: Any) -> Iterator[str]:
    """Alone and in a crowd: latency, pictures a second, batches, memory."""
    from sam_mask_service.sam.card import CardSam

    sam = CardSam(state, architecture, "bf16" if plan.device != "mps" else "f16", card)
    files = [jpeg(picture(plan.size, seed)) for seed in range(4)]
    alone = middle(lambda: whole(sam, files[0]), card.wait, plan.runs)
    seen = sam.encode(picture(plan.size))
    decoded = [middle(lambda: sam.decode(seen, asked(sam.image_size, n)), card.wait, plan.runs) for n in (1, 10)]  # noqa: B023
    count = plan.clients * max(2, plan.runs)
    start = time.perf_counter()
    with ThreadPoolExecutor(plan.clients) as pool:
        list(pool.map(lambda i: whole(sam, files[i % 4]), range(count)))
    rate = count / (time.perf_counter() - start)
    memory = card.memory()
    yield (
        f"| {name} | {1e3 * alone:.1f} | {1e3 * decoded[0]:.1f} | {1e3 * decoded[1]:.1f} | {rate:.1f} "
        f"| {dict(sorted(sam.batches.sizes.items()))} | {'' if memory is None else f'{memory / 1e6:.0f} MB'} |"
    )


def agreement(card: Any, state: Any, architecture: Any, size: tuple[int, int]) -> str:
    """Masks in lower precision, and as CUDA graphs, against f32 run kernel by kernel."""
    import numpy as np

    from sam_mask_service.sam.card import CardSam

    image, found = picture(size), {}
    for precision in ("f32", "bf16", "f16"):
        sam = CardSam(state, architecture, precision, card, largest=1)
        found[precision] = sam.decode(sam.encode(image), asked(sam.image_size, 3))[0][:, 1:] > 0
    said = [f"{p} {100 * np.mean(found[p] != found['f32']):.3f} %" for p in ("bf16", "f16")]
    return f"Mask pixels that differ from f32's: {', '.join(said)}."


def beside_reference(plan: Plan, card: Any, state: Any, ours: Any) -> str:
    """The package as it is published, f32, one picture after the other; seconds of the wall and of all cores."""
    if importlib.util.find_spec("segment_anything") is None:
        return "The reference is not measured: segment-anything is not installed here."
    import torch

    if importlib.util.find_spec("torchvision") is None:
        from bench.speed.sam_worker import stub_torchvision

        stub_torchvision()
    from segment_anything import SamPredictor, sam_model_registry

    model = sam_model_registry["vit_b"]()
    model.load_state_dict({key: torch.from_numpy(value) for key, value in state.items()}, strict=False)
    predictor, image = SamPredictor(model.to(card.device)), picture(plan.size)
    runs = plan.runs if card.cuda else 2
    theirs = timed(lambda: predictor.set_image(image), card.wait, runs)
    mine = timed(lambda: ours.encode(image), card.wait, runs)
    return (
        f"Reference (ViT-B, f32) {1e3 * theirs[0]:.1f} ms ({theirs[1]:.2f} core-seconds), ours ({ours.precision}) "
        f"{1e3 * mine[0]:.1f} ms ({mine[1]:.2f}): {theirs[0] / mine[0]:.1f} ×."
    )


def timed(run: Callable[[], object], wait: Callable[[], None], runs: int) -> tuple[float, float]:
    """The least of ``runs``, after one that warms up: by the wall, and of all cores."""
    found = []
    for _ in range(runs + 1):
        start, cores = time.perf_counter(), time.process_time()
        run()
        wait()
        found.append((time.perf_counter() - start, time.process_time() - cores))
    return min(one[0] for one in found[1:]), min(one[1] for one in found[1:])


def beside(plan: Plan) -> str:
    """ViT-B alone, beside the reference."""
    from sam_mask_service.runtime.machine import cpu_threads
    from sam_mask_service.runtime.torch_card import Card
    from sam_mask_service.sam.card import CardSam

    card = Card(plan.device, cpu_threads())
    _, state, architecture = next(networks(False, None))
    return beside_reference(plan, card, state, CardSam(state, architecture, card.precision("auto"), card, largest=1))


def report(plan: Plan, tiny: bool, weights: Path | None) -> Iterator[str]:
    import torch

    from sam_mask_service.runtime.machine import cpu_threads
    from sam_mask_service.runtime.torch_card import Card
    from sam_mask_service.sam.card import CardSam

    card = Card(plan.device, cpu_threads())
    model = torch.cuda.get_device_name(card.device) if card.cuda else plan.device
    rate = matrix_rate(card, 8192 if card.cuda else 256)
    yield f"{model}, torch {torch.__version__}, bf16 products {rate:.1f} TFLOP/s, pictures of {plan.size}.\n"
    paths, notes = [], []
    yield "| model | precision | attention | batch | encoder ms | pictures/s | of the matrix rate |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for name, state, architecture in networks(tiny, weights):
        yield from encoder_rows(plan, card, name, state, architecture, rate)
        paths += list(path_rows(plan, card, name, state, architecture))
        if not name.startswith("vit_h"):
            notes.append(f"{name}: {agreement(card, state, architecture, plan.size)}")
        if name == "vit_b" and not tiny:
            ours = CardSam(state, architecture, card.precision("auto"), card, largest=1)
            notes.append(beside_reference(plan, card, state, ours))
    yield f"\n| model | file to mask ms | 1 face ms | 10 faces ms | pictures/s of {plan.clients} | batches | memory |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    yield from paths
    yield ""
    yield from notes


def main() -> None:
    if lacking := missing():
        sys.exit(f"not installed: {', '.join(lacking)}")
    sys.path[:0] = [str(ROOT / "src"), str(ROOT)]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--weights", type=Path, help="folder with mobile_sam.pt")
    parser.add_argument("--seconds", type=float, default=420)
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--beside", action="store_true", help="only ViT-B beside the reference; also on torch-cpu")
    given = parser.parse_args()
    device = "cuda:0" if given.device == "cuda" else given.device
    size, batches = ((128, 96), (1, 2)) if given.tiny else ((1024, 768), (1, 2, 4, 8, 16, 32))
    clients, runs = (4, 2) if given.tiny else (32, 10)
    plan = Plan(device, size, batches, clients, runs, time.perf_counter() + given.seconds)
    if given.beside:
        print(beside(plan))
        return
    for line in report(plan, given.tiny, given.weights):
        print(line, flush=True)


if __name__ == "__main__":
    main()
