"""Which SAM a checkpoint holds, read off the names and shapes of its tensors.

The sizes come from the file, so one builder serves ViT-B, -L, -H, MobileSAM and the tiny drawn networks of the tests. They are
bounded, so that no file makes the graph builder allocate without end.
"""

from __future__ import annotations

from .checkpoint import State, WrongArchitecture
from .config import DECODER_HEADS, EMBEDDING_STRIDE, Architecture, DecoderConfig, TinyVitConfig, VitConfig
from .shapes import expected_shapes

MOBILE_SAM_SIZE = 1024
"""MobileSAM's encoder holds no position table, so its input size cannot be read off the file; this is the published one."""

_MAX_GRID, _MAX_DIM, _MAX_DEPTH = 128, 4096, 64
_NAMES = {(768, 12): "vit_b", (1024, 24): "vit_l", (1280, 32): "vit_h"}


def detect(state: State, image_size: int | None = None) -> Architecture:
    """The architecture of ``state``, every needed tensor's shape checked. ``image_size`` matters for MobileSAM alone.

    Raises WrongArchitecture that names the first tensors that are missing or of another shape.
    """
    if "image_encoder.pos_embed" in state:
        encoder: VitConfig | TinyVitConfig = _vit(state)
        size = _shape(state, "image_encoder.pos_embed", 4)[1] * _vit(state).patch
        name = _NAMES.get((_vit(state).dim, len(_vit(state).windows)), "vit")
    elif "image_encoder.patch_embed.seq.0.c.weight" in state:
        encoder, size, name = _tinyvit(state), image_size or MOBILE_SAM_SIZE, "mobile_sam"
    else:
        raise WrongArchitecture(_stranger(state))
    if size % EMBEDDING_STRIDE or not 0 < size <= _MAX_GRID * EMBEDDING_STRIDE:
        raise WrongArchitecture(f"The checkpoint is for pictures of {size} pixels, which this service cannot run.")
    found = Architecture(name, size, encoder, _decoder(state))
    _check(state, dict(expected_shapes(found)))
    return found


def _check(state: State, expected: dict[str, tuple[int, ...]]) -> None:
    missing = [key for key in expected if key not in state]
    wrong = [key for key, shape in expected.items() if key in state and state[key].shape != shape]
    problems = [f"{key!a} is missing" for key in missing[:3]]
    problems += [f"{key!a} is {state[key].shape}, not {expected[key]}" for key in wrong[:3]]
    if problems:
        more = len(missing) + len(wrong) - len(problems)
        tail = f" (and {more} more)" if more else ""
        raise WrongArchitecture(f"The checkpoint does not fit this service's SAM: {'; '.join(problems)}{tail}.")
    whole = next((key for key in expected if state[key].dtype.kind != "f"), None)
    if whole is not None:
        raise WrongArchitecture(f"The tensor {whole!a} holds whole numbers where weights are due.")


def _stranger(state: State) -> str:
    if any(key.startswith("image_encoder.trunk") for key in state):
        return "This is a SAM 2 checkpoint; this service runs SAM 1 (vit_b, vit_l, vit_h) and MobileSAM."
    first = ", ".join(f"{key[:60]!a}" for key in list(state)[:3]) or "no tensors"
    return f"This is no SAM or MobileSAM checkpoint (it holds {first}): image_encoder.pos_embed is missing."


def _shape(state: State, key: str, dims: int) -> tuple[int, ...]:
    if key not in state:
        raise WrongArchitecture(f"The checkpoint does not fit this service's SAM: {key!a} is missing.")
    shape = state[key].shape
    if len(shape) != dims or max(shape) > 16 * _MAX_DIM:
        raise WrongArchitecture(f"The checkpoint does not fit this service's SAM: {key!a} is {shape}.")
    return tuple(shape)


def _depth(state: State, pattern: str) -> int:
    """How many of ``pattern.format(0)``, ``pattern.format(1)``, … there are."""
    depth = 0
    while pattern.format(depth) in state and depth < _MAX_DEPTH:
        depth += 1
    if not depth:
        raise WrongArchitecture(f"The checkpoint does not fit this service's SAM: {pattern.format(0)!a} is missing.")
    return depth


def _vit(state: State) -> VitConfig:
    e = "image_encoder."
    _, grid, _, dim = _shape(state, e + "pos_embed", 4)
    patch = _shape(state, e + "patch_embed.proj.weight", 4)[2]
    windows = []
    for i in range(_depth(state, e + "blocks.{}.attn.qkv.weight")):
        rows = _shape(state, f"{e}blocks.{i}.attn.rel_pos_h", 2)[0]
        windows.append(0 if rows == 2 * grid - 1 else (rows + 1) // 2)
    head = _shape(state, e + "blocks.0.attn.rel_pos_h", 2)[1]
    hidden = _shape(state, e + "blocks.0.mlp.lin1.weight", 2)[0]
    if dim > _MAX_DIM or dim % head or patch != EMBEDDING_STRIDE or max(windows) > grid + 64:
        raise WrongArchitecture(
            f"The checkpoint's encoder ({dim} wide, heads of {head}, patches of {patch}) is not SAM's."
        )
    return VitConfig(dim, dim // head, hidden, patch, tuple(windows))


def _tinyvit(state: State) -> TinyVitConfig:
    e = "image_encoder.layers."
    stages = _depth(state, "image_encoder.layers.{}.blocks.0." + "conv1.c.weight")
    if stages != 1:
        raise WrongArchitecture("The checkpoint's TinyViT has not one convolutional stage.")
    depths, dims = (
        [_depth(state, e + "0.blocks.{}.conv1.c.weight")],
        [_shape(state, e + "0.blocks.0.conv3.c.weight", 4)[0]],
    )
    hidden, heads, windows = [_shape(state, e + "0.blocks.0.conv1.c.weight", 4)[0]], [0], [0]
    local = _shape(state, e + "1.blocks.0.local_conv.c.weight", 4)[2]
    while f"{e}{len(dims)}.blocks.0.attn.qkv.weight" in state and len(dims) < 8:
        p = f"{e}{len(dims)}.blocks."
        depths.append(_depth(state, p + "{}.attn.qkv.weight"))
        dims.append(_shape(state, p + "0.attn.qkv.weight", 2)[1])
        hidden.append(_shape(state, p + "0.mlp.fc1.weight", 2)[0])
        count, cells = _shape(state, p + "0.attn.attention_biases", 2)
        heads.append(count)
        windows.append(round(cells**0.5))
    if any(d % h or w < 1 for d, h, w in zip(dims[1:], heads[1:], windows[1:], strict=True)) or max(dims) > _MAX_DIM:
        raise WrongArchitecture("The checkpoint's TinyViT has widths that its heads do not divide.")
    return TinyVitConfig(tuple(dims), tuple(depths), tuple(heads), tuple(windows), tuple(hidden), local)


def _decoder(state: State) -> DecoderConfig:
    d = "mask_decoder."
    masks, dim = _shape(state, d + "mask_tokens.weight", 2)
    iou = _depth(state, d + "iou_prediction_head.layers.{}.weight")
    found = DecoderConfig(
        dim=dim,
        depth=_depth(state, d + "transformer.layers.{}.norm1.weight"),
        inner=_shape(state, d + "transformer.final_attn_token_to_image.q_proj.weight", 2)[0],
        hidden=_shape(state, d + "transformer.layers.0.mlp.lin1.weight", 2)[0],
        masks=masks,
        mask_channels=(
            _shape(state, "prompt_encoder.mask_downscaling.0.weight", 4)[0],
            _shape(state, "prompt_encoder.mask_downscaling.3.weight", 4)[0],
        ),
        iou_depth=iou,
        iou_hidden=_shape(state, d + "iou_prediction_head.layers.0.weight", 2)[0],
    )
    if dim > _MAX_DIM or dim % DECODER_HEADS or found.inner % DECODER_HEADS or not 2 <= masks <= 16:
        raise WrongArchitecture("The checkpoint's mask decoder is not SAM's.")
    return found
