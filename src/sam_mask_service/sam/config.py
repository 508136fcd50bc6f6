"""The sizes of a SAM network: plain values that the checkpoint reader finds and the graph builders follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

EMBEDDING_STRIDE = 16
"""Pixels of the model's input per cell of its embedding."""
DECODER_HEADS = 8


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
    epsilon: float = 1e-5
    """Of the norms in its transformer."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """``image_size``: side of the square in which pictures are prompted; ``grid``: of the embedding (image_size / 16);
    ``encoder``: the sizes of the image encoder, of a type that its family knows (``architectures``)."""

    name: str
    image_size: int
    encoder: object
    decoder: DecoderConfig

    @property
    def grid(self) -> int:
        return self.image_size // EMBEDDING_STRIDE
