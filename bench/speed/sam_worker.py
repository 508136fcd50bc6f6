"""A process that has loaded one SAM and answers requests on its standard input, a JSON line each: for side-by-side
timing.

    python -m bench.speed.sam_worker ours CHECKPOINT PRECISION THREADS
    PYTHON-WITH-TORCH bench/speed/sam_worker.py reference CHECKPOINT f32 THREADS      (torch and segment-anything alone)

Requests: {"do": "encode", "picture": NPY, "save": NPY or null}, {"do": "decode", "faces": N}, {"do": "memory"}.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from sam_mask_service.sam.prompt import Prompt

BOX = (300.0, 200.0, 700.0, 760.0)
POINTS = ((500.0, 450.0), (420.0, 520.0), (580.0, 520.0), (500.0, 700.0), (500.0, 330.0), (500.0, 260.0))


class Sam(Protocol):
    def encode(self, picture: Any) -> Any: ...

    def decode(self, faces: int) -> None: ...


class Ours:
    def __init__(self, checkpoint: Path, precision: str, threads: int) -> None:
        from sam_mask_service.sam.load import load_sam

        with checkpoint.open("rb") as file:
            self.sam = load_sam(file, precision=precision, threads=threads)  # type: ignore[arg-type]
        self.embedding: Any = None

    def encode(self, picture: Any) -> Any:
        self.embedding = self.sam.encode(picture)
        return self.embedding

    def decode(self, faces: int) -> None:
        points = np.array(POINTS, np.float32)
        prompt = Prompt(points, np.ones(len(points), np.int64), np.array(BOX, np.float32))
        self.sam.decode(self.embedding, [prompt] * faces)


class Reference:
    """Meta's own predictor. torchvision has no build for this torch on CPUs; of it the predictor needs two functions of
    Pillow.
    """

    def __init__(self, checkpoint: Path, _precision: str, threads: int) -> None:
        stub_torchvision()
        import torch
        from segment_anything import SamPredictor, sam_model_registry

        torch.set_num_threads(threads)
        self.torch = torch
        self.predictor = SamPredictor(sam_model_registry["vit_b"](checkpoint=str(checkpoint)))

    def encode(self, picture: Any) -> Any:
        with self.torch.inference_mode():
            self.predictor.set_image(picture)
        return self.predictor.features.numpy()

    def decode(self, faces: int) -> None:
        labels = np.ones(len(POINTS), int)
        with self.torch.inference_mode():
            for _ in range(faces):
                self.predictor.predict(np.array(POINTS), labels, np.array(BOX), multimask_output=True)


def stub_torchvision() -> None:
    import types

    from PIL import Image

    functional: Any = types.ModuleType("torchvision.transforms.functional")
    functional.to_pil_image = Image.fromarray
    functional.resize = lambda image, size: image.resize(size[::-1], Image.Resampling.BILINEAR)
    boxes: Any = types.ModuleType("torchvision.ops.boxes")
    boxes.batched_nms = boxes.box_area = None
    for name in ("torchvision", "torchvision.transforms", "torchvision.ops"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules |= {functional.__name__: functional, boxes.__name__: boxes}


def memory() -> dict[str, int]:
    """MB: ``private`` is what cannot be had back; ``file`` are pages of files, which the kernel drops when it needs
    room.
    """
    rows = dict(line.split(":", 1) for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:])
    rss, anonymous = (int(rows[name].split()[0]) // 1024 for name in ("Rss", "Anonymous"))
    return {"private": anonymous, "file": rss - anonymous}


def answer(sam: Sam, request: dict[str, Any]) -> dict[str, Any]:
    if request["do"] == "memory":
        return memory()
    start = time.perf_counter()
    if request["do"] == "decode":
        sam.decode(request["faces"])
        return {"seconds": time.perf_counter() - start}
    picture = np.load(request["picture"])
    start = time.perf_counter()
    embedding = sam.encode(picture)
    seconds = time.perf_counter() - start
    if request.get("save"):
        np.save(request["save"], embedding)
    return {"seconds": seconds}


def main() -> None:
    kind, checkpoint, precision, threads = sys.argv[1:5]
    start = time.perf_counter()
    sam = (Ours if kind == "ours" else Reference)(Path(checkpoint), precision, int(threads))
    precision = sam.sam.precision if isinstance(sam, Ours) else precision
    print(json.dumps({"load_s": time.perf_counter() - start, "precision": precision}), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(sam, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
