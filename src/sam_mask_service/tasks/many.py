"""``/create_masks``: the masks of many pictures in one request."""

from __future__ import annotations

from dataclasses import replace

from .mask import MASK
from .task import Render

MASKS = replace(
    MASK,
    name="masks",
    path="/create_masks",
    about="Masks of many pictures: one JSON line for each, in their order, as it gets done; a bad one is an error "
    "line.",
    render=Render(lines=True),
    comes="many",
    command=None,
    operation="create_masks",
    tag="hand-over",
    later=False,
)
