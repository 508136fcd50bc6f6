"""Masks as their consumers take them: the table of rules, the sizes, the files. Pure."""

from .encode import Handover, describe, encode
from .fit import Transform, apply, fit, undo
from .row import Edit, Target
from .table import TARGETS, find, resolve_invert

__all__ = [
    "TARGETS",
    "Edit",
    "Handover",
    "Target",
    "Transform",
    "apply",
    "describe",
    "encode",
    "find",
    "fit",
    "resolve_invert",
    "undo",
]
