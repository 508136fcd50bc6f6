"""SAM's mask decoder and its mask-prompt convolutions as OpenVINO graphs (reference: modeling/mask_decoder.py, transformer.py,
prompt_encoder.py). Both take any number of prompts at once and always run in float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino as ov
from openvino import opset15 as op

from .checkpoint import State
from .config import DECODER_HEADS, F32, Architecture
from .graph import Graph, Node, axis, constant, gelu, multiply_transposed, reshape, scalar, transpose, whole

EPSILON = 1e-5


def build_mask_prompt(state: State, architecture: Architecture) -> Any:
    """``ov.Model``: (B, 1, 4g, 4g) float32 logits of a mask → (B, C, g, g): what is added to the embedding."""
    side = 4 * architecture.grid
    g = Graph(state, "prompt_encoder.mask_downscaling.")
    logits = op.parameter([-1, 1, side, side], np.float32, "mask")
    x = gelu(g.layer_norm_2d(g.convolution(logits, "0", stride=2, bias=True), "1"))
    x = gelu(g.layer_norm_2d(g.convolution(x, "3", stride=2, bias=True), "4"))
    return ov.Model([op.result(g.convolution(x, "6", bias=True))], [logits], "sam_mask_prompt")


def build(state: State, architecture: Architecture, positions: F32) -> Any:
    """``ov.Model`` of the mask decoder.

    Inputs: ``embedding`` (1, C, g, g); ``dense`` (1 or B, C, 1 or g, 1 or g), added to it; ``sparse`` (B, N, C) prompt tokens.
    ``positions`` (g², C) is the grid's positional encoding. Outputs: mask logits (B, M, 4g, 4g) and predicted IoU (B, M); mask 0
    is the single-mask output, 1… the multi-mask ones.
    """
    return _Decoder(state, architecture, positions).model()


class _Decoder:
    def __init__(self, state: State, architecture: Architecture, positions: F32) -> None:
        self.config = architecture.decoder
        self.grid = architecture.grid
        self.g = Graph(state, "mask_decoder.")
        self.positions = constant(positions[None])

    def model(self) -> Any:
        dim, grid, masks = self.config.dim, self.grid, self.config.masks
        embedding = op.parameter([1, dim, grid, grid], np.float32, "embedding")
        dense = op.parameter([-1, dim, -1, -1], np.float32, "dense")
        sparse = op.parameter([-1, -1, dim], np.float32, "sparse")
        source = transpose(reshape(op.add(embedding, dense), 0, dim, grid * grid, keep_zero=True), 0, 2, 1)
        tokens, pixels = self._transformer(self._tokens(sparse), source)
        pixels = reshape(transpose(pixels, 0, 2, 1), 0, dim, grid, grid, keep_zero=True)
        upscaled = reshape(self._upscale(pixels), 0, dim // 8, 16 * grid * grid, keep_zero=True)
        weights = op.concat([op.unsqueeze(self._hyper(tokens, i), whole(1)) for i in range(masks)], 1)
        logits = op.matmul(weights, upscaled, False, False)
        logits = reshape(logits, 0, masks, 4 * grid, 4 * grid, keep_zero=True)
        iou = self.g.multilayer(_token(tokens, 0), "iou_prediction_head", self.config.iou_depth)
        return ov.Model([op.result(logits), op.result(iou)], [embedding, dense, sparse], "sam_mask_decoder")

    def _tokens(self, sparse: Node) -> Node:
        """The learned output tokens before each prompt's own."""
        fixed = np.concatenate([self.g["iou_token.weight"], self.g["mask_tokens.weight"]])
        batch = op.gather(op.shape_of(sparse), whole(0), axis(0))
        shape = op.concat([batch, whole(len(fixed), self.config.dim)], 0)
        return op.concat([op.broadcast(constant(fixed[None]), shape), sparse], 1)

    def _transformer(self, tokens: Node, source: Node) -> tuple[Node, Node]:
        """Two-way attention: (tokens, pixels) after all layers and the last look at the picture."""
        q, k = tokens, source
        for i in range(self.config.depth):
            q, k = self._layer(f"transformer.layers.{i}", q, k, tokens, first=i == 0)
        seen = self._attend(op.add(q, tokens), op.add(k, self.positions), k, "transformer.final_attn_token_to_image")
        return self.g.layer_norm(op.add(q, seen), "transformer.norm_final_attn", EPSILON), k

    def _layer(self, name: str, q: Node, k: Node, tokens: Node, *, first: bool) -> tuple[Node, Node]:
        def norm(x: Node, number: int) -> Node:
            return self.g.layer_norm(x, f"{name}.norm{number}", EPSILON)

        if first:  # without positions and without the residual, as in the reference
            q = self._attend(q, q, q, f"{name}.self_attn")
        else:
            placed = op.add(q, tokens)
            q = op.add(q, self._attend(placed, placed, q, f"{name}.self_attn"))
        q = norm(q, 1)
        look = f"{name}.cross_attn_token_to_image"
        q = norm(op.add(q, self._attend(op.add(q, tokens), op.add(k, self.positions), k, look)), 2)
        hidden = op.relu(self.g.linear(q, f"{name}.mlp.lin1"))
        q = norm(op.add(q, self.g.linear(hidden, f"{name}.mlp.lin2")), 3)
        back = f"{name}.cross_attn_image_to_token"
        k = norm(op.add(k, self._attend(op.add(k, self.positions), op.add(q, tokens), q, back)), 4)
        return q, k

    def _attend(self, q: Node, k: Node, v: Node, name: str) -> Node:
        inner = self.g[f"{name}.q_proj.weight"].shape[0]
        depth = inner // DECODER_HEADS

        def heads(x: Node, part: str) -> Node:
            y = self.g.linear(x, f"{name}.{part}_proj")
            return transpose(reshape(y, 0, 0, DECODER_HEADS, depth, keep_zero=True), 0, 2, 1, 3)

        scores = multiply_transposed(op.multiply(heads(q, "q"), scalar(depth**-0.5)), heads(k, "k"))
        out = op.matmul(op.softmax(scores, 3), heads(v, "v"), False, False)
        out = reshape(transpose(out, 0, 2, 1, 3), 0, 0, inner, keep_zero=True)
        return self.g.linear(out, f"{name}.out_proj")

    def _upscale(self, x: Node) -> Node:
        x = self.g.transposed_convolution(x, "output_upscaling.0", 2)
        x = gelu(self.g.layer_norm_2d(x, "output_upscaling.1"))
        return gelu(self.g.transposed_convolution(x, "output_upscaling.3", 2))

    def _hyper(self, tokens: Node, mask: int) -> Node:
        return self.g.multilayer(_token(tokens, 1 + mask), f"output_hypernetworks_mlps.{mask}", 3)


def _token(tokens: Node, index: int) -> Node:
    return op.gather(tokens, axis(index), axis(1))
