"""The image encoders that SAM comes with. A further one is a file here and a row of ``FAMILIES``."""

from __future__ import annotations

from typing import Any

from ..config import Architecture
from .efficientvit import EFFICIENTVIT
from .family import Family
from .tinyvit import TINYVIT
from .vit import VIT

FAMILIES: tuple[Family[Any], ...] = (VIT, TINYVIT, EFFICIENTVIT)


def family_of(a: Architecture) -> Family[Any]:
    return next(family for family in FAMILIES if isinstance(a.encoder, family.sizes))
