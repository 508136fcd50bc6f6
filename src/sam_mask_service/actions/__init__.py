"""What people do with a mask: hide, cut out, put back, correct. Pure but for ``again``, which drives the detector."""

from .anonymise import DEFAULT_STRENGTH, Hidden, Method, anonymise
from .composite import Match, composite, read_change
from .cutout import Aspect, colour, cutout

__all__ = [
    "DEFAULT_STRENGTH",
    "Aspect",
    "Hidden",
    "Match",
    "Method",
    "anonymise",
    "colour",
    "composite",
    "cutout",
    "read_change",
]
