"""EfficientViT-SAM's image encoder (reference: mit-han-lab/efficientvit, ``models/efficientvit/{backbone,sam}.py``;
Apache-2.0).

Convolutions, at the end with linear attention: ReLU in softmax's place, so that keys and values are summed up before
queries ask, and the cost grows with the cells and not with their square. L0 to L2 look at the picture in half of SAM's
resolution; prompts, embedding and masks are as large as SAM's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from ...runtime import ops as op
from ...runtime.graph import BatchNorm, Graph, enlarged
from ...runtime.ops import Model, Node, constant, multiply_transposed, reshape, scalar
from ..checkpoint import State
from ..checkpoint_errors import WrongArchitecture
from ..config import Architecture
from ..tensors import MAX_DEPTH, MAX_DIM, Named, conv_bn, depth_of, pair, shape_of
from .family import Family, Found

E, STAGE, NECK = "image_encoder.", "backbone.stages.{}.op_list.", "neck.middle.op_list."
NORM = BatchNorm("conv", "norm", 1e-6)
IMAGE_SIZE = 1024
"""No position table tells the size, as with MobileSAM."""
_NAMES = {(4, 5): "l0", (8, 5): "l1", (12, 5): "l2", (6, 6): "xl0", (12, 6): "xl1"}
"""By blocks of the neck and stages."""
_NO_CELL = 1e-15
"""Added to the sum of weights, which is 0 for a query that no key answers."""

Kind = Literal["res", "fmb", "mb", "att"]


@dataclass(frozen=True, slots=True)
class _Layer:
    name: str
    kernel: int
    depthwise: bool = False
    strided: bool = False


LAYERS: Final[dict[Kind, tuple[_Layer, ...]]] = {
    "res": (_Layer("conv1", 3, strided=True), _Layer("conv2", 3)),
    "fmb": (_Layer("spatial_conv", 3, strided=True), _Layer("point_conv", 1)),
    "mb": (_Layer("inverted_conv", 1), _Layer("depth_conv", 3, depthwise=True, strided=True), _Layer("point_conv", 1)),
}
"""The convolutions of a block; the last has a norm and no activation. ``att``: an ``mb`` behind an attention."""


@dataclass(frozen=True, slots=True)
class Block:
    """``inputs``, ``hidden``, ``outputs``: channels. ``biased``: all but the last layer have a bias instead of a norm.
    ``depth``: channels of an attention's head, ``scale``: side of its depthwise convolution."""

    kind: Kind
    inputs: int
    hidden: int
    outputs: int
    biased: bool = False
    depth: int = 0
    scale: int = 0


@dataclass(frozen=True, slots=True)
class EfficientVitConfig:
    """``stem``: channels of the first convolution. ``stages``: each but the first begins by halving the resolution.
    ``inputs``: the stages that the neck joins, ``width``: in so many channels; ``neck``: its blocks."""

    stem: int
    stages: tuple[tuple[Block, ...], ...]
    inputs: tuple[int, ...]
    width: int
    neck: tuple[Block, ...]

    @property
    def stride(self) -> int:
        """Pixels of the picture, as the encoder gets it, in a cell of the embedding: those of the finest stage that is
        joined.
        """
        return int(2 ** (min(self.inputs) + 1))

    def outputs(self, stage: int) -> int:
        return self.stages[stage][-1].outputs if self.stages[stage] else self.stem


def _read(state: State, image_size: int | None) -> Found[EfficientVitConfig]:
    stem = shape_of(state, E + STAGE.format(0) + "0.conv.weight", 4)[0]
    count = next((s for s in range(MAX_DEPTH) if _kind(state, f"{E}{STAGE.format(s + 1)}0.") is None), MAX_DEPTH) + 1
    stages = tuple(tuple(_blocks(state, E + STAGE.format(s), 0 if s else 1)) for s in range(count))
    middle = tuple(_blocks(state, E + NECK, 0))
    joined = [
        shape_of(state, f"{E}neck.input_ops.{i}.op_list.0.conv.weight", 4)
        for i in range(depth_of(state, E + "neck.input_ops.{}.op_list.0.conv.weight"))
    ]
    widths = [stage[-1].outputs if stage else stem for stage in stages]
    if any(shape[1] not in widths for shape in joined) or max(widths) > MAX_DIM or not middle:
        raise WrongArchitecture("The checkpoint's encoder is not EfficientViT-SAM's: its neck joins no stage.")
    inputs = tuple(widths.index(shape[1]) for shape in joined)
    name = _NAMES.get((len(middle), len(stages)))
    found = EfficientVitConfig(stem, stages, inputs, joined[0][0], middle)
    return Found("efficientvit_sam" + (f"_{name}" if name else ""), image_size or IMAGE_SIZE, found)


def _kind(state: State, p: str) -> Kind | None:
    """What stands at a place, None where nothing does."""
    if f"{p}context_module.main.qkv.conv.weight" in state:
        return "att"
    return next((kind for kind, layers in LAYERS.items() if f"{p}main.{layers[0].name}.conv.weight" in state), None)


def _blocks(state: State, prefix: str, first: int) -> Iterator[Block]:
    for i in range(first, MAX_DEPTH):
        kind = _kind(state, f"{prefix}{i}.")
        if kind is None:
            return
        yield _block_of(state, f"{prefix}{i}.", kind)


def _block_of(state: State, p: str, kind: Kind) -> Block:
    layers, name = _layers(kind, p)
    hidden, inputs = shape_of(state, f"{name}{layers[0].name}.conv.weight", 4)[:2]
    outputs = shape_of(state, f"{name}{layers[-1].name}.conv.weight", 4)[0]
    biased = f"{name}{layers[0].name}.conv.bias" in state
    if kind != "att":
        return Block(kind, inputs, hidden, outputs, biased)
    depth = shape_of(state, f"{p}context_module.main.aggreg.0.1.weight", 4)[1]
    if inputs % depth:
        raise WrongArchitecture(f"The checkpoint's encoder has heads of {depth} in {inputs} channels.")
    return Block(
        kind, inputs, hidden, outputs, biased, depth, shape_of(state, f"{p}context_module.main.aggreg.0.0.weight", 4)[2]
    )


def _layers(kind: Kind, p: str) -> tuple[tuple[_Layer, ...], str]:
    """Its convolutions, and where they stand."""
    return (LAYERS["mb"], f"{p}local_module.main.") if kind == "att" else (LAYERS[kind], f"{p}main.")


def _shapes(a: Architecture, c: EfficientVitConfig) -> Named:
    names = (NORM.convolution, NORM.norm)
    yield from conv_bn(E + STAGE.format(0) + "0", c.stem, 3, 3, 3, names=names)
    for s, stage in enumerate(c.stages):
        for i, block in enumerate(stage, 0 if s else 1):
            yield from _block_shapes(f"{E}{STAGE.format(s)}{i}.", block)
    for i, stage_number in enumerate(c.inputs):
        yield from conv_bn(f"{E}neck.input_ops.{i}.op_list.0", c.width, c.outputs(stage_number), 1, 1, names=names)
    for i, block in enumerate(c.neck):
        yield from _block_shapes(f"{E}{NECK}{i}.", block)
    yield from pair(E + "neck.output_ops.0.op_list.0.conv", a.decoder.dim, c.width, 1, 1)
    yield from pair(E + "norm", a.decoder.dim)


def _block_shapes(p: str, b: Block) -> Named:
    names = (NORM.convolution, NORM.norm)
    if b.kind == "att":
        q = f"{p}context_module.main."
        yield q + "qkv.conv.weight", (3 * b.inputs, b.inputs, 1, 1)
        yield q + "aggreg.0.0.weight", (3 * b.inputs, 1, b.scale, b.scale)
        yield q + "aggreg.0.1.weight", (3 * b.inputs, b.depth, 1, 1)
        yield from conv_bn(q + "proj", b.inputs, 2 * b.inputs, 1, 1, names=names)
    layers, name = _layers(b.kind, p)
    channels = b.inputs
    for layer in layers:
        outputs = b.outputs if layer is layers[-1] else b.hidden
        shape = (outputs, 1 if layer.depthwise else channels, layer.kernel, layer.kernel)
        if b.biased and layer is not layers[-1]:
            yield from pair(f"{name}{layer.name}.conv", *shape)
        else:
            yield from conv_bn(f"{name}{layer.name}", *shape, names=names)
        channels = outputs


def _square(a: Architecture, c: EfficientVitConfig) -> int:
    """In the encoder's own resolution."""
    return a.grid * c.stride


def _build(state: State, a: Architecture, c: EfficientVitConfig, _: bool) -> Model:
    """(1, 3, S, S) float32, normalised and padded → (1, C, g, g) float32."""
    g = Graph(state, E, batch_norm=NORM)
    size = a.grid * c.stride
    picture = op.picture(1, 3, size, size, name="picture")
    x = op.gelu_by_tanh(g.convolution_bn(picture, STAGE.format(0) + "0", stride=2, pad=1))
    side, seen = -(-size // 2), []
    for s, stage in enumerate(c.stages):
        side = -(-side // 2) if s else side
        for i, block in enumerate(stage, 0 if s else 1):
            x = _block(g, x, f"{STAGE.format(s)}{i}.", block, side, halved=s > 0 and i == 0)
        seen.append((x, side))
    x = _joined(g, [seen[stage] for stage in c.inputs], a.grid)
    for i, block in enumerate(c.neck):
        x = _block(g, x, f"{NECK}{i}.", block, a.grid)
    x = g.convolution(x, "neck.output_ops.0.op_list.0.conv", bias=True)
    return op.model([g.layer_norm_2d(x, "norm", NORM.epsilon)], [picture], "efficientvit_sam_image_encoder")


def _joined(g: Graph, seen: list[tuple[Node, int]], grid: int) -> Node:
    """The stages (1, C, side, side) in the neck's width, on its grid, added."""
    parts = []
    for i, (x, side) in enumerate(seen):
        y = g.convolution_bn(x, f"neck.input_ops.{i}.op_list.0")
        parts.append(y if side == grid else enlarged(y, side, grid))
    total = parts[0]
    for part in parts[1:]:
        total = op.add(total, part)
    return total


def _block(g: Graph, x: Node, p: str, b: Block, side: int, *, halved: bool = False) -> Node:
    if b.kind == "att":
        x = op.add(x, _attention(g, x, f"{p}context_module.main.", b, side))
    layers, name = _layers(b.kind, p)
    y = x
    for layer in layers[:-1]:
        y = op.gelu_by_tanh(_convolved(g, y, f"{name}{layer.name}", layer, b, halved))
    y = g.convolution_bn(y, f"{name}{layers[-1].name}", pad=layers[-1].kernel // 2)
    return y if halved else op.add(y, x)


def _convolved(g: Graph, x: Node, name: str, layer: _Layer, b: Block, halved: bool) -> Node:
    stride, pad = 2 if halved and layer.strided else 1, layer.kernel // 2
    if not b.biased:
        return g.convolution_bn(x, name, stride=stride, pad=pad)
    groups = b.hidden if layer.depthwise else 1
    return g.convolution(x, f"{name}.conv", stride=stride, pad=pad, bias=True, groups=groups)


def _attention(g: Graph, x: Node, p: str, b: Block, side: int) -> Node:
    """Each head's queries, keys and values lie side by side, first as they are, then as gathered from their
    surroundings.
    """
    qkv = g.convolution(x, p + "qkv.conv")
    near = g.convolution(qkv, p + "aggreg.0.0", pad=b.scale // 2, groups=3 * b.inputs)
    near = g.convolution(near, p + "aggreg.0.1", groups=3 * b.inputs // b.depth)
    heads, cells = 2 * b.inputs // b.depth, side * side
    parts = op.split_heads(reshape(op.concat([qkv, near], 1), 0, heads, 3 * b.depth, cells), 3, 2)
    q, k, v = op.relu(parts[0]), op.relu(parts[1]), parts[2]
    answers = op.matmul(multiply_transposed(v, k), q)
    sums = op.matmul(multiply_transposed(constant(np.ones((1, 1, 1, cells))), k), q)
    out = op.divide(answers, op.add(sums, scalar(_NO_CELL)))
    return g.convolution_bn(reshape(out, 0, 2 * b.inputs, side, side), p + "proj")


EFFICIENTVIT = Family(
    "EfficientViT-SAM",
    E + STAGE.format(0) + "0.conv.weight",
    EfficientVitConfig,
    _read,
    _shapes,
    _build,
    square=_square,
    norm_epsilon=1e-6,
    linear=False,
    f16=False,
)
