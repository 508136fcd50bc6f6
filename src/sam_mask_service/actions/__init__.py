"""What people do with a mask: hide, cut out, put back. Pure."""

from .anonymise import DEFAULT_STRENGTH, Hidden, Method, anonymise
from .composite import Match, composite, read_change
from .cutout import Aspect, Frame, colour, cutout

__all__ = [
    "DEFAULT_STRENGTH",
    "Aspect",
    "Frame",
    "Hidden",
    "Match",
    "Method",
    "anonymise",
    "colour",
    "composite",
    "cutout",
    "read_change",
]
