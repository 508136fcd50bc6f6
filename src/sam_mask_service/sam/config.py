"""The sizes of a SAM network: plain values that the checkpoint reader finds and the graph builders follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

EMBEDDING_STRIDE = 16
"""Pixels of the model's input per cell of its embedding."""
DECODER_HEADS = 8


@dataclass(frozen=True, slots=True)
class VitConfig:
    """``windows[i]``: window size of block i in cells, 0 where the attention is global."""

    dim: int
    heads: int
    hidden: int
    patch: int
    windows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TinyVitConfig:
    """One value per stage; stage 0 is convolutional (its head count and window are 0). ``hidden[s]``: inner width of its MLP
    or inverted bottleneck."""

    dims: tuple[int, ...]
    depths: tuple[int, ...]
    heads: tuple[int, ...]
    windows: tuple[int, ...]
    hidden: tuple[int, ...]
    local: int
    """Side of the depthwise convolution behind each attention."""

    def stride(self, stage: int) -> int:
        """Of the merging after ``stage``: MobileSAM's code keeps the resolution before these widths."""
        return 1 if self.dims[stage + 1] in (320, 448, 576) else 2


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    dim: int
    depth: int
    inner: int
    """Width of the cross attentions."""
    hidden: int
    masks: int
    """Mask tokens: the single mask and the three of the multi-mask output."""
    mask_channels: tuple[int, int]
    """Widths of the two convolutions that bring a mask prompt to the embedding's grid."""
    iou_depth: int
    iou_hidden: int


@dataclass(frozen=True, slots=True)
class Architecture:
    """``image_size``: side of the square input; ``grid``: of the embedding (image_size / 16)."""

    name: str
    image_size: int
    encoder: VitConfig | TinyVitConfig
    decoder: DecoderConfig

    @property
    def grid(self) -> int:
        return self.image_size // EMBEDDING_STRIDE

    @property
    def kind(self) -> Literal["vit", "tinyvit"]:
        return "vit" if isinstance(self.encoder, VitConfig) else "tinyvit"
