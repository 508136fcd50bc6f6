"""What is measured on: networks with drawn weights (they take as long as trained ones), pictures, prompts."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.draw_checkpoint import OFFICIAL, weight
from sam_mask_service.sam.architecture import detect
from sam_mask_service.sam.checkpoint import State, read_state
from sam_mask_service.sam.config import Architecture
from sam_mask_service.sam.prompt import Prompt
from sam_mask_service.sam.shapes import expected_shapes

MOBILE = "mobile_sam"
ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Network:
    """``kind``: the name without a word on its weights."""

    name: str
    state: State
    architecture: Architecture

    @property
    def kind(self) -> str:
        return self.name.partition(" ")[0]


def networks(tiny: bool, weights: Path | None) -> Iterator[Network]:
    """One after the other: ViT-H's weights alone take 2.6 GB. ``weights``: folder of a real ``mobile_sam.pt``."""
    if tiny:
        from tests.support.drawn_sam import TINYVIT, VIT, draw

        yield Network("vit_b (tiny)", draw(VIT), VIT)
        yield Network("mobile_sam (tiny)", draw(TINYVIT), TINYVIT)
        return
    yield official("vit_b", "")
    yield mobile_sam(weights)
    yield official("vit_h", "")


def mobile_sam(weights: Path | None) -> Network:
    return official(MOBILE, " (drawn)") if weights is None else real(weights / f"{MOBILE}.pt")


def official(name: str, said: str) -> Network:
    state = {key: weight(key, shape) for key, shape in expected_shapes(OFFICIAL[name])}
    return Network(name + said, state, OFFICIAL[name])


def real(path: Path) -> Network:
    with path.open("rb") as file:
        state = read_state(file)
    return Network(MOBILE, state, detect(state))


def picture(size: tuple[int, int], seed: int = 0) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 of soft blobs and noise; ``size``: width, height."""
    width, height = size
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(x / (37 + 20 * c + seed)) * np.cos(y / (53 + 10 * c)) for c in range(3)], -1)
    noise = np.random.default_rng(seed).normal(0, 8, (height, width, 3))
    return np.clip(128 + 90 * waves + noise, 0, 255).astype(np.uint8)


def jpeg(image: NDArray[np.uint8]) -> bytes:
    data = io.BytesIO()
    Image.fromarray(image).save(data, "JPEG", quality=90)
    return data.getvalue()


def asked(side: int, count: int) -> list[Prompt]:
    """So many boxes in a model's square of ``side`` pixels."""
    return [Prompt(box=np.array([0.2, 0.2, 0.5 + 0.04 * i, 0.7], np.float32) * side) for i in range(count)]


def portraits(side: int, count: int) -> list[bytes]:
    """JPEGs of a real face, ``side`` pixels square: the photograph in the README's first picture, with other noise in
    each, so that none is known already."""
    with Image.open(ROOT / "docs" / "images" / "first.jpg") as panels:
        photograph = panels.crop((0, 0, panels.height, panels.height)).resize((side, side), Image.Resampling.BICUBIC)
    pixels = np.asarray(photograph.convert("RGB"), np.float32)
    noise = np.random.default_rng(0)
    return [jpeg(np.clip(pixels + noise.normal(0, 2, pixels.shape), 0, 255).astype(np.uint8)) for _ in range(count)]
