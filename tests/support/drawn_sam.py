"""Tiny SAM networks with drawn weights: every shape of the official state dict, small enough for a test."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam_mask_service.sam.architectures.efficientvit import Block, EfficientVitConfig
from sam_mask_service.sam.architectures.tinyvit import TinyVitConfig
from sam_mask_service.sam.architectures.vit import VitConfig
from sam_mask_service.sam.config import Architecture, DecoderConfig
from sam_mask_service.sam.shapes import expected_shapes

DECODER = DecoderConfig(
    dim=32, depth=2, inner=16, hidden=64, masks=4, mask_channels=(4, 16), iou_depth=3, iou_hidden=32
)
VIT = Architecture("vit", 128, VitConfig(dim=16, heads=2, hidden=32, patch=16, windows=(3, 0)), DECODER)
"""Grid 8 with windows of 3, so that the windows are padded."""
TINYVIT = Architecture(
    "mobile_sam",
    128,
    TinyVitConfig(
        dims=(8, 16, 24, 320),
        depths=(1, 1, 2, 1),
        heads=(0, 2, 3, 10),
        windows=(0, 3, 5, 3),
        hidden=(16, 32, 48, 64),
        local=3,
    ),
    DECODER,
)
EFFICIENTVIT = Architecture(
    "efficientvit_sam",
    128,
    EfficientVitConfig(
        stem=4,
        stages=(
            (Block("res", 4, 4, 4),),
            (Block("fmb", 4, 16, 8), Block("fmb", 8, 16, 8)),
            (Block("fmb", 8, 32, 16),),
            (Block("mb", 16, 32, 24, biased=True), Block("mb", 24, 48, 24, biased=True)),
            (Block("mb", 24, 48, 32, biased=True), Block("att", 32, 64, 32, biased=True, depth=8, scale=5)),
        ),
        inputs=(4, 3, 2),
        width=16,
        neck=(Block("fmb", 16, 16, 16),),
    ),
    replace(DECODER, epsilon=1e-6),
)
"""Grid 8, looked at in 64 pixels."""


def draw(architecture: Architecture, salt: str = "") -> dict[str, NDArray[Any]]:
    """float32 weights under the official keys; depends on keys, shapes and salt alone."""
    return {key: _weight(key, shape, salt) for key, shape in expected_shapes(architecture)}


def _weight(key: str, shape: tuple[int, ...], salt: str) -> NDArray[np.float32]:
    values = np.random.default_rng(zlib.crc32((salt + key).encode())).standard_normal(shape).astype(np.float32)
    if key.endswith("running_var"):
        return np.asarray(1 + 0.1 * np.abs(values), np.float32)
    if len(shape) == 1:
        return np.asarray(0.1 * values + (1 if key.endswith("weight") else 0), np.float32)
    return np.asarray(values / np.sqrt(np.prod(shape[1:])), np.float32)
