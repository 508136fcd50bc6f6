"""SAM's mask decoder and its mask-prompt convolutions as graphs (reference: modeling/mask_decoder.py,
transformer.py, prompt_encoder.py). Both take one prompt.

Every size is known: OpenVINO then lays all tensors of the grid's size into one piece of memory, and has bfloat16
kernels for all products. A prompt with fewer tokens is filled up, and nothing looks at what fills it. An open number of
prompts took 60 MB for each, and two at once a little longer than one after the other.
"""

from __future__ import annotations

import numpy as np

from ..runtime import ops as op
from ..runtime.graph import Graph, to_rows
from ..runtime.ops import Model, Node, constant, gelu, multiply_transposed, reshape, scalar, transpose
from .checkpoint import State
from .config import DECODER_HEADS, F32, Architecture

PREFIX = "mask_decoder."
ABSENT = np.float32(-1e9)
"""Score of a token that only fills a prompt up: its share is zero."""


def build_mask_prompt(state: State, architecture: Architecture) -> Model:
    """(1, 1, 4g, 4g) float32 logits of a mask → (1, C, g, g): what is added to the embedding."""
    side = 4 * architecture.grid
    g = Graph(state, "prompt_encoder.mask_downscaling.")
    logits = op.picture(1, 1, side, side, name="mask")
    x = gelu(g.layer_norm_2d(g.convolution(logits, "0", stride=2, bias=True), "1"))
    x = gelu(g.layer_norm_2d(g.convolution(x, "3", stride=2, bias=True), "4"))
    return op.model([g.convolution(x, "6", bias=True)], [logits], "sam_mask_prompt")


def build_source(architecture: Architecture) -> Model:
    """The embedding (1, C, g, g) and what a mask prompt, or none, adds to it (N, C, g, g) → a decoder's ``source`` (N,
    g², C). Where a prompt has no mask, its part may be (1, C, 1, 1)."""
    dim, grid = architecture.decoder.dim, architecture.grid
    embedding = op.picture(1, dim, grid, grid, name="embedding")
    dense = op.picture(1, dim, grid, grid, name="dense")
    return op.model([to_rows(op.add(embedding, dense), (grid, grid, dim))], [embedding, dense], "sam_source")


def weights(state: State) -> State:
    """What ``build`` reads of a checkpoint, in memory of its own: its file need not stay."""
    return {name: np.array(value) for name, value in state.items() if name.startswith(PREFIX)}


def build(state: State, architecture: Architecture, positions: F32, size: int) -> Model:
    """The mask decoder for prompts of ``size`` tokens.

    Inputs: ``source`` (1, g², C), the embedding and what a mask prompt adds to it, a row for each cell; ``sparse`` (1,
    size, C) prompt tokens; ``absent`` (1, size): 0, or ABSENT for those that fill it up. ``positions`` (g², C) is the
    grid's positional encoding. Outputs: mask logits (1, M, 4g, 4g) and predicted IoU (1, M); mask 0 is the single-mask
    output, the others the multi-mask ones.
    """
    return _Decoder(state, architecture, positions, size).model()


class _Decoder:
    """Pixels stay rows of channels, (1, g², C), from beginning to end: no tensor of the grid's size is ever turned
    about.
    """

    def __init__(self, state: State, architecture: Architecture, positions: F32, size: int) -> None:
        self.config = architecture.decoder
        self.grid = architecture.grid
        self.size = size
        self.g = Graph(state, PREFIX)
        self.positions = constant(positions[None])
        self.filling = op.picture(1, size, name="absent")
        learned = constant(np.zeros((1, 1 + self.config.masks), np.float32))
        self.absent = op.unsqueeze(op.concat([learned, self.filling], 1), 1, 3)
        """(1, 1, T, 1): 0 or ABSENT for each token, the learned ones first."""

    def model(self) -> Model:
        dim = self.config.dim
        source = op.picture(1, self.grid**2, dim, name="source")
        sparse = op.picture(1, self.size, dim, name="sparse")
        tokens, pixels = self._transformer(self._tokens(sparse), source)
        logits = self._logits(tokens, self._upscale(pixels))
        iou = self.g.multilayer(_token(tokens, 0), "iou_prediction_head", self.config.iou_depth)
        # Nobody reads the tokens: what is a result, OpenVINO keeps in float32, and with bfloat16 the logits' error is a
        # sixth less.
        return op.model([logits, iou, tokens], [source, sparse, self.filling], "sam_mask_decoder")

    def _tokens(self, sparse: Node) -> Node:
        """The learned output tokens before each prompt's own."""
        fixed = np.concatenate([self.g["iou_token.weight"], self.g["mask_tokens.weight"]])
        return op.concat([constant(fixed[None]), sparse], 1)

    def _transformer(self, tokens: Node, source: Node) -> tuple[Node, Node]:
        """Two-way attention: (tokens, pixels) after all layers and the last look at the picture."""
        q, k = tokens, source
        for i in range(self.config.depth):
            q, k = self._layer(f"transformer.layers.{i}", q, k, tokens, first=i == 0)
        seen = self._look(op.add(q, tokens), k, op.add(k, self.positions), "transformer.final_attn_token_to_image")
        return self.g.layer_norm(op.add(q, seen), "transformer.norm_final_attn", self.config.epsilon), k

    def _layer(self, name: str, q: Node, k: Node, tokens: Node, *, first: bool) -> tuple[Node, Node]:
        def norm(x: Node, number: int) -> Node:
            return self.g.layer_norm(x, f"{name}.norm{number}", self.config.epsilon)

        if first:  # without positions and without the residual, as in the reference
            q = self._attend(q, q, q, f"{name}.self_attn")
        else:
            own = op.add(q, tokens)
            q = op.add(q, self._attend(own, own, q, f"{name}.self_attn"))
        q = norm(q, 1)
        placed = op.add(k, self.positions)
        q = norm(op.add(q, self._look(op.add(q, tokens), k, placed, f"{name}.cross_attn_token_to_image")), 2)
        hidden = op.relu(self.g.linear(q, f"{name}.mlp.lin1"))
        q = norm(op.add(q, self.g.linear(hidden, f"{name}.mlp.lin2")), 3)
        told = self._tell(placed, op.add(q, tokens), q, f"{name}.cross_attn_image_to_token")
        return q, norm(op.add(k, told), 4)

    def _attend(self, q: Node, k: Node, v: Node, name: str) -> Node:
        """Among the tokens: attention as in the textbook."""
        inner, depth = self._sizes(name)
        scores = multiply_transposed(
            op.multiply(self._heads(q, name, "q"), scalar(depth**-0.5)), self._heads(k, name, "k")
        )
        scores = op.add(scores, transpose(self.absent, 0, 1, 3, 2))
        out = op.matmul(op.softmax(scores, 3), self._heads(v, name, "v"))
        return self.g.linear(reshape(transpose(out, 0, 2, 1, 3), 0, 0, inner), f"{name}.out_proj")

    def _look(self, q: Node, pixels: Node, placed: Node, name: str) -> Node:
        """Tokens look at the pixels. A dozen tokens against thousands of pixels: the projections of keys and values are
        moved to the tokens' side (q·(Kx) = (Kᵀq)·x, A(xV) = (Ax)V), so that the pixels are multiplied as they are. The
        keys' bias adds the same to all scores of a token and falls out of its softmax; the values' comes through it
        unchanged."""
        inner, depth = self._sizes(name)
        keys = constant(self._by_head(name, "k") * np.float32(depth**-0.5))
        asked = self._joined(op.matmul(self._heads(q, name, "q"), keys))
        seen = op.matmul(op.softmax(multiply_transposed(asked, placed), 2), pixels)
        seen = reshape(seen, 0, DECODER_HEADS, -1, self.config.dim)
        seen = multiply_transposed(seen, constant(self._by_head(name, "v")))
        seen = reshape(transpose(seen, 0, 2, 1, 3), 0, 0, inner)
        return self.g.linear(op.add(seen, constant(self.g[f"{name}.v_proj.bias"])), f"{name}.out_proj")

    def _tell(self, placed: Node, k: Node, v: Node, name: str) -> Node:
        """Tokens tell the pixels; ``_look`` the other way round. Here the queries' bias differs from token to token and
        stays.
        """
        _, depth = self._sizes(name)
        keys = op.multiply(self._heads(k, name, "k"), scalar(depth**-0.5))
        bias = op.matmul(keys, constant(self.g[f"{name}.q_proj.bias"].reshape(DECODER_HEADS, depth, 1)))
        bias = op.add(bias, self.absent)
        offered = self._joined(op.matmul(keys, constant(self._by_head(name, "q"))))
        out = self.g[f"{name}.out_proj.weight"].reshape(-1, DECODER_HEADS, depth).transpose(1, 2, 0)
        values = self._joined(op.matmul(self._heads(v, name, "v"), constant(out)))
        scores = op.add(multiply_transposed(placed, offered), reshape(bias, 0, 1, -1))
        weights = op.softmax(reshape(scores, 0, 0, DECODER_HEADS, -1), 3)
        told = op.matmul(reshape(weights, 0, 0, -1), values)
        return op.add(told, constant(self.g[f"{name}.out_proj.bias"]))

    def _sizes(self, name: str) -> tuple[int, int]:
        """Width of the attention, and of each head."""
        inner = self.g[f"{name}.q_proj.weight"].shape[0]
        return inner, inner // DECODER_HEADS

    def _heads(self, x: Node, name: str, part: str) -> Node:
        """(1, T, C) → (1, heads, T, depth)."""
        y = self.g.linear(x, f"{name}.{part}_proj")
        return transpose(reshape(y, 0, 0, DECODER_HEADS, self._sizes(name)[1]), 0, 2, 1, 3)

    def _by_head(self, name: str, part: str) -> F32:
        """(heads, depth, C): a projection's weight."""
        return np.asarray(self.g[f"{name}.{part}_proj.weight"].reshape(DECODER_HEADS, -1, self.config.dim), np.float32)

    def _joined(self, x: Node) -> Node:
        """(1, heads, T, C) → (1, heads · T, C)."""
        return reshape(x, 0, -1, self.config.dim)

    def _upscale(self, pixels: Node) -> Node:
        """(1, g², C) → (1, 16 g², C / 8): each pixel's four quarters one behind the other, and of each its four again.
        Transposed convolutions whose step is their size are products; which quarter lies where matters to none of what
        follows."""
        dim = self.config.dim
        x = reshape(self._quartered(pixels, "output_upscaling.0"), 0, -1, dim // 4)
        x = gelu(self.g.layer_norm(x, "output_upscaling.1", 1e-6))
        return reshape(gelu(self._quartered(x, "output_upscaling.3")), 0, -1, dim // 8)

    def _quartered(self, x: Node, name: str) -> Node:
        """(1, N, C) → (1, N, 4 · D)."""
        weight, bias = self.g[f"{name}.weight"], self.g[f"{name}.bias"]
        matrix = np.asarray(weight.transpose(2, 3, 1, 0).reshape(-1, weight.shape[0]), np.float32)
        return op.add(multiply_transposed(x, constant(matrix)), constant(np.tile(bias, 4)))

    def _logits(self, tokens: Node, upscaled: Node) -> Node:
        """(1, M, 4g, 4g): the mask tokens' vectors against every sixteenth of a pixel, and these put into their
        places.
        """
        grid, masks = self.grid, self.config.masks
        weights = op.concat([op.unsqueeze(self._hyper(tokens, i), 1) for i in range(masks)], 1)
        logits = reshape(multiply_transposed(weights, upscaled), 0, masks, grid, grid, 2, 2, 2, 2)
        logits = transpose(logits, 0, 1, 2, 4, 6, 3, 5, 7)
        return reshape(logits, 0, masks, 4 * grid, 4 * grid)

    def _hyper(self, tokens: Node, mask: int) -> Node:
        return self.g.multilayer(_token(tokens, 1 + mask), f"output_hypernetworks_mlps.{mask}", 3)


def _token(tokens: Node, index: int) -> Node:
    return op.gather(tokens, index, 1)
