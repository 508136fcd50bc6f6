"""Which SAM a checkpoint holds, read off the names and shapes of its tensors.

The sizes come from the file, so one builder serves ViT-B, -L, -H, MobileSAM and the tiny drawn networks of the tests.
They are bounded, so that no file makes the graph builder allocate without end.
"""

from __future__ import annotations

from dataclasses import replace

from . import architectures
from .checkpoint import State
from .checkpoint_errors import WrongArchitecture
from .config import DECODER_HEADS, EMBEDDING_STRIDE, Architecture, DecoderConfig
from .shapes import expected_shapes
from .tensors import MAX_DIM, MAX_GRID, depth_of, shape_of


def detect(state: State, image_size: int | None = None) -> Architecture:
    """The architecture of ``state``, every needed tensor's shape checked. ``image_size`` matters where
    an encoder does not tell its own.

    Raises WrongArchitecture that names the first tensors that are missing or of another shape.
    """
    family = next((family for family in architectures.FAMILIES if family.mark in state), None)
    if family is None:
        raise WrongArchitecture(_stranger(state))
    name, size, encoder = family.read(state, image_size)
    if size % EMBEDDING_STRIDE or not 0 < size <= MAX_GRID * EMBEDDING_STRIDE:
        raise WrongArchitecture(f"The checkpoint is for pictures of {size} pixels, which this service cannot run.")
    found = Architecture(name, size, encoder, replace(_decoder(state), epsilon=family.norm_epsilon))
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
        return (
            f"This is a SAM 2 checkpoint; this service runs "
            f"{', '.join(family.title for family in architectures.FAMILIES)}."
        )
    first = ", ".join(f"{key[:60]!a}" for key in list(state)[:3]) or "no tensors"
    return f"This is no SAM checkpoint (it holds {first}): {architectures.FAMILIES[0].mark} is missing."


def _decoder(state: State) -> DecoderConfig:
    d = "mask_decoder."
    masks, dim = shape_of(state, d + "mask_tokens.weight", 2)
    iou = depth_of(state, d + "iou_prediction_head.layers.{}.weight")
    found = DecoderConfig(
        dim=dim,
        depth=depth_of(state, d + "transformer.layers.{}.norm1.weight"),
        inner=shape_of(state, d + "transformer.final_attn_token_to_image.q_proj.weight", 2)[0],
        hidden=shape_of(state, d + "transformer.layers.0.mlp.lin1.weight", 2)[0],
        masks=masks,
        mask_channels=(
            shape_of(state, "prompt_encoder.mask_downscaling.0.weight", 4)[0],
            shape_of(state, "prompt_encoder.mask_downscaling.3.weight", 4)[0],
        ),
        iou_depth=iou,
        iou_hidden=shape_of(state, d + "iou_prediction_head.layers.0.weight", 2)[0],
    )
    if dim > MAX_DIM or dim % DECODER_HEADS or found.inner % DECODER_HEADS or not 2 <= masks <= 16:
        raise WrongArchitecture("The checkpoint's mask decoder is not SAM's.")
    return found
