"""Which network a state dict holds, and what is said about one that does not fit."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from sam_mask_service.sam.architecture import detect
from sam_mask_service.sam.architectures.tinyvit import TinyVitConfig
from sam_mask_service.sam.architectures.vit import VitConfig
from sam_mask_service.sam.checkpoint import State
from sam_mask_service.sam.checkpoint_errors import WrongArchitecture
from sam_mask_service.sam.config import Architecture
from sam_mask_service.sam.shapes import expected_shapes

from ..support.drawn_sam import EFFICIENTVIT, TINYVIT, VIT, draw

SHARED = Path(os.environ.get("SAM_SHARED", Path(__file__).resolve().parents[3] / "shared"))
GOLDEN = SHARED / "golden"
needs_golden = pytest.mark.skipif(not GOLDEN.is_dir(), reason="the golden values are not beside the repository")


@pytest.mark.parametrize("architecture", [VIT, TINYVIT, EFFICIENTVIT], ids=["vit", "tinyvit", "efficientvit"])
def test_what_was_drawn_is_recognised(architecture: Architecture) -> None:
    assert detect(draw(architecture), 128) == architecture


def shape_only(shapes: dict[str, list[int]]) -> State:
    """Arrays of the right shapes that take no memory."""
    return {key: np.broadcast_to(np.float32(0), shape) for key, shape in shapes.items()}


@needs_golden
@pytest.mark.parametrize(
    ("name", "size", "blocks"), [("vit_b", 1024, 12), ("mobile_sam", 1024, 12), ("tiny", 256, 4), ("tiny-odd", 320, 3)]
)
def test_official_key_lists(name: str, size: int, blocks: int) -> None:
    """The official files hold exactly what the graphs read; MobileSAM's also its unused classifier."""
    shapes = json.loads((GOLDEN / f"{name}.json").read_text())["shapes"]
    found = detect(shape_only(shapes))
    assert found.image_size == size and found.grid == size // 16
    encoder = found.encoder
    assert isinstance(encoder, TinyVitConfig | VitConfig)
    assert sum(encoder.depths) == blocks if isinstance(encoder, TinyVitConfig) else len(encoder.windows) == blocks
    unused = set(shapes) - {key for key, _ in expected_shapes(found)}
    assert all(key.startswith(("image_encoder.head.", "image_encoder.norm_head.")) for key in unused)


@needs_golden
def test_global_blocks_are_found() -> None:
    config = json.loads((GOLDEN / "vit_b.json").read_text())
    encoder = detect(shape_only(config["shapes"])).encoder
    assert isinstance(encoder, VitConfig)
    assert [i for i, window in enumerate(encoder.windows) if window == 0] == config["global_attn_indexes"]
    assert encoder.heads == config["num_heads"]


def changed(**changes: tuple[int, ...] | None) -> State:
    state = draw(VIT)
    for key, shape in changes.items():
        name = key.replace("__", ".")
        if shape is None:
            del state[name]
        else:
            state[name] = np.zeros(shape, np.float32)
    return state


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({}, "no tensors"),
        ({"conv1.weight": np.zeros(3)}, r"no SAM .*conv1\.weight"),
        ({"image_encoder.trunk.pos_embed": np.zeros(3)}, "SAM 2"),
        (changed(mask_decoder__iou_token__weight=None), "iou_token.weight' is missing"),
        (changed(image_encoder__neck__0__weight=(32, 17, 1, 1)), r"\(32, 17, 1, 1\), not \(32, 16, 1, 1\)"),
        (changed(image_encoder__blocks__1__norm1__weight=(99,)), "blocks.1.norm1"),
        (changed(image_encoder__blocks__0__attn__rel_pos_h=None), "rel_pos_h' is missing"),
        (changed(image_encoder__pos_embed=(1, 8, 9, 16)), "pos_embed"),
        (changed(image_encoder__pos_embed=(1, 200, 200, 16)), "3200 pixels"),
        (changed(image_encoder__pos_embed=(8, 16)), "pos_embed"),
        (changed(image_encoder__patch_embed__proj__weight=(16, 3, 8, 8)), "patches of 8"),
        (changed(image_encoder__blocks__0__attn__rel_pos_h=(5, 7)), "heads of 7"),
        (changed(mask_decoder__mask_tokens__weight=(1, 32)), "mask decoder"),
    ],
)
def test_what_does_not_fit_is_named(state: State, words: str) -> None:
    with pytest.raises(WrongArchitecture, match=words):
        detect(state)


def test_whole_numbers_are_no_weights() -> None:
    state = draw(VIT)
    key = "image_encoder.neck.1.weight"
    state[key] = state[key].astype(np.int64)
    with pytest.raises(WrongArchitecture, match="whole numbers"):
        detect(state)


def test_missing_tensors_are_counted() -> None:
    state = {key: value for key, value in draw(VIT).items() if "mlps" not in key}
    with pytest.raises(WrongArchitecture, match=r"and 2[0-9] more"):
        detect(state)
