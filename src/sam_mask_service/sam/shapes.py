"""Every tensor of an official SAM checkpoint that the graphs read, and its shape: one generator per part."""

from __future__ import annotations

from .architectures import family_of
from .config import Architecture, DecoderConfig
from .tensors import Named, linear, pair


def expected_shapes(a: Architecture) -> Named:
    """Every tensor that the graphs read, with its shape."""
    family = family_of(a)
    yield from family.shapes(a, family.own(a))
    yield from _prompt_shapes(a.decoder)
    yield from _decoder_shapes(a.decoder)


def _prompt_shapes(c: DecoderConfig) -> Named:
    p, (first, second) = "prompt_encoder.", c.mask_channels
    yield p + "pe_layer.positional_encoding_gaussian_matrix", (2, c.dim // 2)
    for name in (*(f"point_embeddings.{i}" for i in range(4)), "not_a_point_embed", "no_mask_embed"):
        yield f"{p}{name}.weight", (1, c.dim)
    yield from pair(p + "mask_downscaling.0", first, 1, 2, 2)
    yield from pair(p + "mask_downscaling.1", first)
    yield from pair(p + "mask_downscaling.3", second, first, 2, 2)
    yield from pair(p + "mask_downscaling.4", second)
    yield from pair(p + "mask_downscaling.6", c.dim, second, 1, 1)


def _attention_shapes(p: str, dim: int, inner: int) -> Named:
    for name in ("q_proj", "k_proj", "v_proj"):
        yield from linear(f"{p}.{name}", inner, dim)
    yield from linear(f"{p}.out_proj", dim, inner)


def _decoder_shapes(c: DecoderConfig) -> Named:
    d, t, dim = "mask_decoder.", "mask_decoder.transformer.", c.dim
    for i in range(c.depth):
        p = f"{t}layers.{i}."
        yield from _attention_shapes(p + "self_attn", dim, dim)
        yield from _attention_shapes(p + "cross_attn_token_to_image", dim, c.inner)
        yield from _attention_shapes(p + "cross_attn_image_to_token", dim, c.inner)
        for n in range(1, 5):
            yield from pair(f"{p}norm{n}", dim)
        yield from linear(p + "mlp.lin1", c.hidden, dim)
        yield from linear(p + "mlp.lin2", dim, c.hidden)
    yield from _attention_shapes(t + "final_attn_token_to_image", dim, c.inner)
    yield from pair(t + "norm_final_attn", dim)
    yield d + "iou_token.weight", (1, dim)
    yield d + "mask_tokens.weight", (c.masks, dim)
    yield from pair(d + "output_upscaling.0", dim, dim // 4, 2, 2, bias=dim // 4)
    yield from pair(d + "output_upscaling.1", dim // 4)
    yield from pair(d + "output_upscaling.3", dim // 4, dim // 8, 2, 2, bias=dim // 8)
    for i in range(c.masks):
        yield from _mlp_shapes(f"{d}output_hypernetworks_mlps.{i}", dim, dim, dim // 8, 3)
    yield from _mlp_shapes(d + "iou_prediction_head", dim, c.iou_hidden, c.masks, c.iou_depth)


def _mlp_shapes(p: str, inputs: int, hidden: int, outputs: int, depth: int) -> Named:
    widths = [inputs, *[hidden] * (depth - 1), outputs]
    for i in range(depth):
        yield from linear(f"{p}.layers.{i}", widths[i + 1], widths[i])
