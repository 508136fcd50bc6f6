"""Every tensor of an official SAM or MobileSAM checkpoint that the graphs read, and its shape: one generator per part."""

from __future__ import annotations

from collections.abc import Iterator

from .config import Architecture, DecoderConfig, TinyVitConfig, VitConfig

Named = Iterator[tuple[str, tuple[int, ...]]]


def expected_shapes(a: Architecture) -> Named:
    """Every tensor that the graphs read, with its shape."""
    if isinstance(a.encoder, VitConfig):
        yield from _vit_shapes(a.encoder, a.grid)
    else:
        yield from _tinyvit_shapes(a.encoder)
    yield from _neck_shapes(a)
    yield from _prompt_shapes(a.decoder)
    yield from _decoder_shapes(a.decoder)


def _linear(name: str, outputs: int, inputs: int) -> Named:
    yield f"{name}.weight", (outputs, inputs)
    yield f"{name}.bias", (outputs,)


def _pair(name: str, *weight: int, bias: int | None = None) -> Named:
    yield f"{name}.weight", weight
    yield f"{name}.bias", (weight[0] if bias is None else bias,)


def _conv_bn(name: str, *weight: int) -> Named:
    yield f"{name}.c.weight", weight
    for part in ("weight", "bias", "running_mean", "running_var"):
        yield f"{name}.bn.{part}", (weight[0],)


def _vit_shapes(c: VitConfig, grid: int) -> Named:
    e = "image_encoder."
    yield e + "pos_embed", (1, grid, grid, c.dim)
    yield from _pair(e + "patch_embed.proj", c.dim, 3, c.patch, c.patch)
    for i, window in enumerate(c.windows):
        p = f"{e}blocks.{i}."
        rows = 2 * (window or grid) - 1
        yield from _pair(p + "norm1", c.dim)
        yield p + "attn.rel_pos_h", (rows, c.dim // c.heads)
        yield p + "attn.rel_pos_w", (rows, c.dim // c.heads)
        yield from _linear(p + "attn.qkv", 3 * c.dim, c.dim)
        yield from _linear(p + "attn.proj", c.dim, c.dim)
        yield from _pair(p + "norm2", c.dim)
        yield from _linear(p + "mlp.lin1", c.hidden, c.dim)
        yield from _linear(p + "mlp.lin2", c.dim, c.hidden)


def _tinyvit_shapes(c: TinyVitConfig) -> Named:
    e, dims = "image_encoder.", c.dims
    yield from _conv_bn(e + "patch_embed.seq.0", dims[0] // 2, 3, 3, 3)
    yield from _conv_bn(e + "patch_embed.seq.2", dims[0], dims[0] // 2, 3, 3)
    for i in range(c.depths[0]):
        p = f"{e}layers.0.blocks.{i}."
        yield from _conv_bn(p + "conv1", c.hidden[0], dims[0], 1, 1)
        yield from _conv_bn(p + "conv2", c.hidden[0], 1, 3, 3)
        yield from _conv_bn(p + "conv3", dims[0], c.hidden[0], 1, 1)
    for s in range(len(dims) - 1):
        p = f"{e}layers.{s}.downsample."
        yield from _conv_bn(p + "conv1", dims[s + 1], dims[s], 1, 1)
        yield from _conv_bn(p + "conv2", dims[s + 1], 1, 3, 3)
        yield from _conv_bn(p + "conv3", dims[s + 1], dims[s + 1], 1, 1)
    for s in range(1, len(dims)):
        for i in range(c.depths[s]):
            yield from _tinyvit_block(f"{e}layers.{s}.blocks.{i}.", c, s)


def _tinyvit_block(p: str, c: TinyVitConfig, s: int) -> Named:
    dim = c.dims[s]
    yield p + "attn.attention_biases", (c.heads[s], c.windows[s] ** 2)
    yield from _pair(p + "attn.norm", dim)
    yield from _linear(p + "attn.qkv", 3 * dim, dim)
    yield from _linear(p + "attn.proj", dim, dim)
    yield from _pair(p + "mlp.norm", dim)
    yield from _linear(p + "mlp.fc1", c.hidden[s], dim)
    yield from _linear(p + "mlp.fc2", dim, c.hidden[s])
    yield from _conv_bn(p + "local_conv", dim, 1, c.local, c.local)


def _neck_shapes(a: Architecture) -> Named:
    n, out = "image_encoder.neck.", a.decoder.dim
    width = a.encoder.dim if isinstance(a.encoder, VitConfig) else a.encoder.dims[-1]
    yield n + "0.weight", (out, width, 1, 1)
    yield from _pair(n + "1", out)
    yield n + "2.weight", (out, out, 3, 3)
    yield from _pair(n + "3", out)


def _prompt_shapes(c: DecoderConfig) -> Named:
    p, (first, second) = "prompt_encoder.", c.mask_channels
    yield p + "pe_layer.positional_encoding_gaussian_matrix", (2, c.dim // 2)
    for name in (*(f"point_embeddings.{i}" for i in range(4)), "not_a_point_embed", "no_mask_embed"):
        yield f"{p}{name}.weight", (1, c.dim)
    yield from _pair(p + "mask_downscaling.0", first, 1, 2, 2)
    yield from _pair(p + "mask_downscaling.1", first)
    yield from _pair(p + "mask_downscaling.3", second, first, 2, 2)
    yield from _pair(p + "mask_downscaling.4", second)
    yield from _pair(p + "mask_downscaling.6", c.dim, second, 1, 1)


def _attention_shapes(p: str, dim: int, inner: int) -> Named:
    for name in ("q_proj", "k_proj", "v_proj"):
        yield from _linear(f"{p}.{name}", inner, dim)
    yield from _linear(f"{p}.out_proj", dim, inner)


def _decoder_shapes(c: DecoderConfig) -> Named:
    d, t, dim = "mask_decoder.", "mask_decoder.transformer.", c.dim
    for i in range(c.depth):
        p = f"{t}layers.{i}."
        yield from _attention_shapes(p + "self_attn", dim, dim)
        yield from _attention_shapes(p + "cross_attn_token_to_image", dim, c.inner)
        yield from _attention_shapes(p + "cross_attn_image_to_token", dim, c.inner)
        for n in range(1, 5):
            yield from _pair(f"{p}norm{n}", dim)
        yield from _linear(p + "mlp.lin1", c.hidden, dim)
        yield from _linear(p + "mlp.lin2", dim, c.hidden)
    yield from _attention_shapes(t + "final_attn_token_to_image", dim, c.inner)
    yield from _pair(t + "norm_final_attn", dim)
    yield d + "iou_token.weight", (1, dim)
    yield d + "mask_tokens.weight", (c.masks, dim)
    yield from _pair(d + "output_upscaling.0", dim, dim // 4, 2, 2, bias=dim // 4)
    yield from _pair(d + "output_upscaling.1", dim // 4)
    yield from _pair(d + "output_upscaling.3", dim // 4, dim // 8, 2, 2, bias=dim // 8)
    for i in range(c.masks):
        yield from _mlp_shapes(f"{d}output_hypernetworks_mlps.{i}", dim, dim, dim // 8, 3)
    yield from _mlp_shapes(d + "iou_prediction_head", dim, c.iou_hidden, c.masks, c.iou_depth)


def _mlp_shapes(p: str, inputs: int, hidden: int, outputs: int, depth: int) -> Named:
    widths = [inputs, *[hidden] * (depth - 1), outputs]
    for i in range(depth):
        yield from _linear(f"{p}.layers.{i}", widths[i + 1], widths[i])
