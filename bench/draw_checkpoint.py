"""Draw a checkpoint in the official format, of the official shapes, with random weights: for speed, memory and
start-up, not masks.

python -m bench.draw_checkpoint vit_b /tmp/vit_b.pth        (vit_b, vit_l, vit_h, mobile_sam, efficientvit_sam_l0)
"""

from __future__ import annotations

import sys
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam_mask_service.sam.architectures.efficientvit import Block, EfficientVitConfig
from sam_mask_service.sam.architectures.tinyvit import TinyVitConfig
from sam_mask_service.sam.architectures.vit import VitConfig
from sam_mask_service.sam.config import Architecture, DecoderConfig
from sam_mask_service.sam.shapes import expected_shapes
from tests.support import torchzip

DECODER = DecoderConfig(
    dim=256, depth=2, inner=128, hidden=2048, masks=4, mask_channels=(4, 16), iou_depth=3, iou_hidden=256
)


def _vit(name: str, dim: int, depth: int, heads: int) -> Architecture:
    """Every depth/4-th block is global, the others have windows of 14."""
    windows = tuple(0 if (i + 1) % (depth // 4) == 0 else 14 for i in range(depth))
    return Architecture(name, 1024, VitConfig(dim, heads, 4 * dim, 16, windows), DECODER)


TINY = TinyVitConfig((64, 128, 160, 320), (2, 2, 6, 2), (0, 4, 5, 10), (0, 7, 14, 7), (256, 512, 640, 1280), 3)
L0 = EfficientVitConfig(
    stem=32,
    stages=(
        (Block("res", 32, 32, 32),),
        (Block("fmb", 32, 512, 64), Block("fmb", 64, 256, 64)),
        (Block("fmb", 64, 1024, 128), Block("fmb", 128, 512, 128)),
        (Block("mb", 128, 2048, 256, biased=True), *[Block("mb", 256, 1024, 256, biased=True)] * 4),
        (Block("mb", 256, 6144, 512, biased=True), *[Block("att", 512, 3072, 512, biased=True, depth=32, scale=5)] * 4),
    ),
    inputs=(4, 3, 2),
    width=256,
    neck=(Block("fmb", 256, 256, 256),) * 4,
)
OFFICIAL = {
    "vit_b": _vit("vit_b", 768, 12, 12),
    "vit_l": _vit("vit_l", 1024, 24, 16),
    "vit_h": _vit("vit_h", 1280, 32, 16),
    "mobile_sam": Architecture("mobile_sam", 1024, TINY, DECODER),
    "efficientvit_sam_l0": Architecture("efficientvit_sam_l0", 1024, L0, replace(DECODER, epsilon=1e-6)),
}


def weight(key: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Of about the size of trained weights, so that no number overflows and no activation dies."""
    x = np.random.default_rng(zlib.crc32(key.encode())).standard_normal(shape, np.float32)
    if key.endswith("running_var"):
        return np.asarray(1 + 0.1 * np.abs(x), np.float32)
    if len(shape) == 1:
        norm = "norm" in key or ".bn." in key or "neck" in key or "upscaling.1" in key
        return np.asarray(0.1 * x + (1 if norm and key.endswith("weight") else 0), np.float32)
    if "rel_pos" in key or "pos_embed" in key:
        return np.asarray(0.1 * x, np.float32)
    fan = shape[0] if "output_upscaling" in key else int(np.prod(shape[1:]))
    return np.asarray(x / np.sqrt(fan), np.float32)


def draw(name: str, path: Path) -> Path:
    """Writes the checkpoint, unless it is there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        state: dict[str, NDArray[Any]] = {key: weight(key, shape) for key, shape in expected_shapes(OFFICIAL[name])}
        torchzip.write(path.with_suffix(".new"), state).rename(path)
    return path


def main() -> None:
    if len(sys.argv) != 3 or sys.argv[1] not in OFFICIAL:
        sys.exit(__doc__)
    print(draw(sys.argv[1], Path(sys.argv[2])))


if __name__ == "__main__":
    main()
